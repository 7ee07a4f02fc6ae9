//! AWS Signature Version 4: requests that were signed are verified, and signed.
//!
//! A request comes as it came off the wire ([`Request`]). [`Claim::read`] finds where it is signed: in `Authorization`
//! ([`authorization`]), or in the query (a presigned URL, [`presigned`]). [`Claim::verify`] makes the same text of it
//! that its sender made ([`canonical`]), derives the key of that day, region and service from the secret, and compares;
//! any region and service may be named, since a client with its own endpoint names its own region. [`Replays`] remembers
//! what changed something. [`Signer`] is the other side. [`limits`] holds every bound.
//!
//! Source: "AWS Signature Version 4 for API requests" in the AWS IAM User Guide, and "Authenticating Requests" in the
//! Amazon S3 API Reference.

mod authorization;
pub mod canonical;
mod claim;
mod fault;
mod key;
pub mod limits;
mod presigned;
mod replay;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use claim::{Claim, Form, Scope};
pub use fault::Fault;
pub use replay::{RESEND_S, Replays, Seen};
pub use sign::Signer;
pub use verify::{Credential, Payload, Session, UnsignedPayload, Verified};

/// The one algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request as it came, before anything in it was decoded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The raw path of the request line; begins with `/`.
    pub path: &'a str,
    /// The raw query, without its `?`; empty where there is none.
    pub query: &'a str,
    /// Names (in any case) and values, in the order they came. Where HTTP/2 has `:authority`, it is `host` here.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: Body<'a>,
}

/// What is known of a body when its request is verified.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Its SHA-256.
    Hash([u8; 32]),
    /// It has not come yet: [`Payload::Owed`] says what it must hash to.
    Later,
}

impl<'a> Request<'a> {
    /// The values of a header, in order.
    fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The value of a header that may come once.
    fn single(&self, name: &'static str) -> Result<Option<&'a str>, Fault> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => std::str::from_utf8(value)
                .map(|text| Some(text.trim_matches([' ', '\t'])))
                .map_err(|_| Fault::Unreadable(name)),
            (Some(_), Some(_)) => Err(Fault::Twice(name)),
        }
    }

    /// Nothing in it is over its bound, and its path is one.
    fn check(&self) -> Result<(), Fault> {
        let header_bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        for (what, size, limit) in [
            ("method", self.method.len(), limits::MAX_METHOD),
            ("path", self.path.len(), limits::MAX_PATH),
            ("query", self.query.len(), limits::MAX_QUERY),
            ("number of headers", self.headers.len(), limits::MAX_HEADERS),
            ("size of all headers", header_bytes, limits::MAX_HEADER_BYTES),
        ] {
            if size > limit {
                return Err(Fault::TooLarge { what, limit });
            }
        }
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            return Err(Fault::Unreadable("path"));
        }
        Ok(())
    }
}
