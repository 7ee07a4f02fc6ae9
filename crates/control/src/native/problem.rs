//! Errors as problem details (RFC 9457).

use http::StatusCode;
use serde_json::{Value, json};

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// One word, the same in every version; the audit log's too.
    pub(crate) code: &'static str,
    /// For people: what is wrong, and what would be right.
    detail: String,
    /// Which fields, and what of each.
    errors: Vec<(String, String)>,
    /// The methods that there are.
    pub(crate) allowed: Option<String>,
    /// The audit log has it already.
    pub(crate) is_noted: bool,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), allowed: None, is_noted: false }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", detail)
    }

    /// A field's value is not valid; `field` is a JSON pointer, empty for the whole.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", detail.clone());
        problem.errors.push((field.into(), detail));
        problem
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthenticated", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", detail)
    }

    pub(crate) fn method(allowed: String) -> Self {
        let detail = format!("there is only {allowed} here");
        Self {
            allowed: Some(allowed),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", detail)
        }
    }

    pub(crate) fn media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", detail)
    }

    pub(crate) fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Forgotten", detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "this is a fault of the server; its log says more by this request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal", detail)
    }

    /// Of a read: nothing of it is in the audit log.
    pub(crate) fn of(error: &store::Error) -> Self {
        match error {
            store::Error::NotFound(_) => Self::not_found(error.to_string()),
            store::Error::Conflict(_) | store::Error::TokenReused(_) => Self::conflict(error.to_string()),
            store::Error::Stale { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "Stale",
                format!("{error}; read it again, and decide anew"),
            ),
            store::Error::TooLong { .. } | store::Error::Malformed { .. } | store::Error::NoDocument(_) => {
                Self::invalid("", error.to_string())
            }
            store::Error::Forgotten { .. } => Self::gone(error.to_string()),
            store::Error::Busy => Self::unavailable(error.to_string()),
            store::Error::Full(_) => Self::unavailable(error.to_string()),
            store::Error::Unavailable(source) => {
                tracing::error!(%source, "the store cannot be reached");
                Self::unavailable("the store cannot be reached; try again in a few seconds")
            }
            store::Error::Damaged(_) | store::Error::Newer { .. } | store::Error::File { .. } => {
                tracing::error!(%error, "the store");
                Self::internal()
            }
        }
    }

    /// Of a write, which the store has in the audit log.
    pub(crate) fn of_write(error: &store::Error) -> Self {
        Self { is_noted: true, ..Self::of(error) }
    }

    /// Its JSON.
    pub(crate) fn document(&self, request_id: &str) -> Value {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut document = json!({
            "type": "about:blank",
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        });
        if !self.errors.is_empty() {
            let errors: Vec<_> = self
                .errors
                .iter()
                .map(|(field, detail)| json!({ "pointer": field, "detail": detail }))
                .collect();
            document["errors"] = errors.into();
        }
        document
    }
}
