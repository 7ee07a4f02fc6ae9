//! `[[distribution.error]]`: what becomes of answers that are errors.

use super::is_plain;
use crate::fault::Fault;
use crate::fields::Fields;

/// What becomes of answers of one status, from an origin or because there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// `status`: 400 to 599.
    pub status: u16,
    /// `ttl`: how long they are kept at least, in milliseconds; as the edge has it where it is not set.
    pub ttl_ms: Option<u64>,
    /// What viewers get instead.
    pub page: Option<ErrorPage>,
}

/// What viewers get instead of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPage {
    /// `page`: a path of the distribution, with its first `/`.
    pub path: String,
    /// `answer`: the status it is given with, 200 or 400 to 599.
    pub status: u16,
}

impl ErrorResponse {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let status = fields.need("status", "404")?.integer(400..=599, "as an HTTP status")? as u16;
        let ttl =
            fields.take("ttl").map(|field| field.number(0.0..=super::Ttl::MAX_S, "seconds")).transpose()?;
        let page = match (fields.take("page"), fields.take("answer")) {
            (None, None) => None,
            (None, Some(answer)) => return Err(answer.fault("there is no `page` to answer with")),
            (Some(field), answer) => {
                let path = field.string()?.to_owned();
                let elements = path
                    .strip_prefix('/')
                    .is_some_and(|rest| rest.split('/').all(|element| !matches!(element, "" | "." | "..")));
                if !elements || path.len() > 255 || !path.bytes().all(is_plain) {
                    return Err(field
                        .fault("a path of this distribution is wanted here, such as \"/errors/404.html\""));
                }
                let status = match answer {
                    None => status,
                    Some(field) => {
                        let wrong = field.fault("an error is answered with 200, or with 400 to 599");
                        let answer = field.integer(200..=599, "as an HTTP status")? as u16;
                        if answer != 200 && answer < 400 {
                            return Err(wrong);
                        }
                        answer
                    }
                };
                Some(ErrorPage { path, status })
            }
        };
        fields.finish()?;
        Ok(Self { status, ttl_ms: ttl.map(|seconds| (seconds * 1e3).round() as u64), page })
    }
}
