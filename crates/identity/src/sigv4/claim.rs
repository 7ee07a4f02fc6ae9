//! What a request says of itself before it is believed.

use std::fmt;

use media::Utc;

use super::canonical::{self, PathStyle};
use super::{Fault, Request, authorization, limits, presigned};
use crate::{hex, iso_time};

/// A signed request: whose it says it is, and what was signed.
#[derive(Clone)]
pub struct Claim<'a> {
    pub(super) request: Request<'a>,
    pub(super) access_key: String,
    pub(super) scope: Scope,
    pub(super) date: String,
    pub(super) signed: Utc,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: [u8; 32],
    pub(super) token: Option<String>,
    pub(super) form: Form,
    /// What stands for the body, as the request says.
    pub(super) payload: Option<String>,
}

/// Where the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In `Authorization`.
    Header,
    /// In the query.
    Presigned {
        /// For how long it is valid, in seconds.
        expires_s: i64,
    },
}

/// What a signature is good for; prints as `20261121/us-west-2/medialive/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `20261121`.
    pub day: String,
    /// Any region: a client with its own endpoint signs for its own.
    pub region: String,
    /// AWS's name of the service for signatures: `medialive`, `monitoring`, `s3`.
    pub service: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/aws4_request", self.day, self.region, self.service)
    }
}

/// The texts of a signature, wherever they were.
pub(super) struct Parts {
    pub(super) credential: String,
    pub(super) signed_headers: String,
    pub(super) signature: String,
    pub(super) date: String,
    pub(super) token: Option<String>,
}

impl<'a> Claim<'a> {
    /// Reads where and how a request is signed, with every bound of [`limits`].
    ///
    /// `host` and every `x-amz-` header that came have to be signed.
    pub fn read(request: Request<'a>) -> Result<Self, Fault> {
        request.check()?;
        let (parts, form, payload) = match (authorization::read(&request)?, presigned::read(request.query)?) {
            (None, None) => return Err(Fault::Missing),
            (Some(_), Some(_)) => return Err(Fault::TwoWays),
            (Some(parts), None) => (parts, Form::Header, None),
            (None, Some(url)) => (url.parts, Form::Presigned { expires_s: url.expires_s }, url.payload),
        };
        let names = Names::of(form);
        let (access_key, scope) = scope(&parts.credential).ok_or(Fault::Scope(names.credential))?;
        let signed = iso_time::parse_basic(&parts.date).ok_or(Fault::Unreadable(names.date))?;
        if parts.date[..8] != scope.day {
            return Err(Fault::ScopeDay);
        }
        let signature = hex::decode(&parts.signature).ok_or(Fault::Unreadable(names.signature))?;
        if parts.token.as_ref().is_some_and(|token| token.len() > limits::MAX_TOKEN) {
            return Err(Fault::TooLarge { what: "session token", limit: limits::MAX_TOKEN });
        }
        let signed_headers = signed_headers(&parts.signed_headers, names.signed_headers)?;
        every_header_that_counts_is_signed(&request, &signed_headers)?;
        let payload = match (payload, request.single("x-amz-content-sha256")?) {
            (Some(_), Some(_)) => return Err(Fault::Twice("X-Amz-Content-Sha256")),
            (payload, header) => payload.or(header.map(str::to_owned)),
        };
        Ok(Claim {
            request,
            access_key,
            scope,
            date: parts.date,
            signed,
            signed_headers,
            signature,
            token: parts.token,
            form,
            payload,
        })
    }

    /// The access key it names: whose secret [`Claim::verify`] needs.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The session token that came with it, which a temporary key needs.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What it was signed for: the service is the first thing that routes it.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Where the signature is.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether a header (its name in lower case) is among those that are signed.
    pub fn signs(&self, header: &str) -> bool {
        self.signed_headers.iter().any(|name| name == header)
    }

    /// The canonical request: the text whose hash was signed. For an operator who looks for why two differ; it holds
    /// header values, a session token among them.
    pub fn canonical_request(&self) -> Result<Vec<u8>, Fault> {
        let mut parameters = canonical::parameters(self.request.query)?;
        if let Form::Presigned { .. } = self.form {
            parameters.retain(|(name, _)| *name != presigned::SIGNATURE);
        }
        let query = canonical::sorted(parameters)?;
        canonical::text(&self.request, self.path_style(), &query, &self.signed_headers, &self.payload_text()?)
    }

    pub(super) fn path_style(&self) -> PathStyle {
        PathStyle::of(&self.scope.service)
    }
}

impl fmt::Debug for Claim<'_> {
    /// Neither signature nor token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { access_key, scope, date, form, .. } = self;
        write!(f, "Claim({access_key} {scope} {date} {form:?})")
    }
}

/// What the parts are called, where they are.
struct Names {
    credential: &'static str,
    date: &'static str,
    signed_headers: &'static str,
    signature: &'static str,
}

impl Names {
    fn of(form: Form) -> Self {
        match form {
            Form::Header => Names {
                credential: "Credential",
                date: "x-amz-date",
                signed_headers: "SignedHeaders",
                signature: "Signature",
            },
            Form::Presigned { .. } => Names {
                credential: "X-Amz-Credential",
                date: "X-Amz-Date",
                signed_headers: "X-Amz-SignedHeaders",
                signature: presigned::SIGNATURE,
            },
        }
    }
}

fn scope(credential: &str) -> Option<(String, Scope)> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, day, region, service, "aws4_request"] = parts[..] else { return None };
    let is_name = |name: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && name.len() <= limits::MAX_NAME && name.bytes().all(is_letter)
    };
    let scope = Scope { day: day.to_owned(), region: region.to_owned(), service: service.to_owned() };
    [key, day, region, service].into_iter().all(is_name).then(|| (key.to_owned(), scope))
}

/// Lower-case names, sorted, each once.
fn signed_headers(text: &str, place: &'static str) -> Result<Vec<String>, Fault> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    if names.len() > limits::MAX_SIGNED {
        return Err(Fault::TooLarge { what: "number of signed headers", limit: limits::MAX_SIGNED });
    }
    let is_token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let are_names = names.iter().all(|name| !name.is_empty() && name.bytes().all(is_token));
    if !are_names || names.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Fault::Unreadable(place));
    }
    Ok(names)
}

fn every_header_that_counts_is_signed(request: &Request<'_>, signed: &[String]) -> Result<(), Fault> {
    request.single("host")?.ok_or(Fault::AbsentHeader("host".to_owned()))?;
    let counts = |name: &str| name == "host" || name.starts_with("x-amz-");
    let names = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    match names.into_iter().find(|name| counts(name) && !signed.contains(name)) {
        Some(name) => Err(Fault::UnsignedHeader(name)),
        None => Ok(()),
    }
}
