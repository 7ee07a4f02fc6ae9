//! Why a request is not believed, and what its sender is told.

use media::Utc;

use super::limits;
use crate::{Answer, Family, iso_time};

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not signed at all.
    #[error("Missing Authentication Token")]
    Missing,
    /// It is signed in its headers and in its query.
    #[error("only one of the Authorization header and the X-Amz-Signature parameter may sign a request")]
    TwoWays,
    /// It is signed otherwise, for instance with version 2.
    #[error("the authorization mechanism you have provided is not supported; please use AWS4-HMAC-SHA256")]
    Mechanism,
    /// A part of the signature, a parameter or a header that has to be there is not.
    #[error("Authorization requires `{0}`")]
    MissingPart(&'static str),
    /// Something comes twice.
    #[error("`{0}` comes more than once")]
    Twice(&'static str),
    /// Something is not what its name says.
    #[error("`{0}` is malformed")]
    Unreadable(&'static str),
    /// Over one of [`limits`].
    #[error("the request's {what} is over {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its bound.
        limit: usize,
    },
    /// Not `KEY/day/region/service/aws4_request`.
    #[error(
        "`{0}` must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request"
    )]
    Scope(&'static str),
    /// The scope's day is not the date's.
    #[error("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")]
    ScopeDay,
    /// Not from one second to a week.
    #[error("X-Amz-Expires must be from 1 to {} seconds", limits::MAX_EXPIRES_S)]
    Expires,
    /// The path has empty or dot segments.
    #[error("the path has an empty segment, `.` or `..`")]
    Segments,
    /// A signed header did not come.
    #[error("the signed header `{0}` is not in the request")]
    AbsentHeader(String),
    /// A header came that has to be signed.
    #[error("There were headers present in the request which were not signed: `{0}`")]
    UnsignedHeader(String),
    /// Nobody has this access key, or it is switched off.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session token is missing, not wanted, or another.
    #[error("The security token included in the request is invalid.")]
    Token,
    /// The session is over.
    #[error("The security token included in the request is expired")]
    TokenExpired,
    /// Signed too long ago.
    #[error("Signature expired: {} is now earlier than {} ({} - {} min.)", stamp(signed), stamp(&minus(now, skew_s)), stamp(now), skew_s / 60)]
    Expired {
        /// Its date.
        signed: Utc,
        /// The time here.
        now: Utc,
        /// What lies between at most, in seconds.
        skew_s: i64,
    },
    /// Signed in the future.
    #[error("Signature not yet current: {} is still later than {} ({} + {} min.)", stamp(signed), stamp(&now.plus_micros(skew_s * 1_000_000)), stamp(now), skew_s / 60)]
    NotYet {
        /// Its date.
        signed: Utc,
        /// The time here.
        now: Utc,
        /// What lies between at most, in seconds.
        skew_s: i64,
    },
    /// A presigned URL's time is over.
    #[error("Request has expired")]
    LinkExpired,
    /// Another signature: another secret, or something was changed on the way.
    #[error(
        "The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method."
    )]
    Mismatch,
    /// S3 wants `x-amz-content-sha256`.
    #[error("Missing required header for this request: x-amz-content-sha256")]
    NoPayloadHash,
    /// `x-amz-content-sha256` names a form that is not taken.
    #[error("x-amz-content-sha256 `{0}` is not implemented; send the body's SHA-256")]
    PayloadForm(String),
    /// `UNSIGNED-PAYLOAD` where the connection does not protect the body.
    #[error("UNSIGNED-PAYLOAD is accepted over TLS only")]
    PayloadUnsigned,
    /// The body is not the one that was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadMismatch,
    /// The same call was made before.
    #[error("Signature has been used before")]
    Replayed,
}

fn stamp(time: &Utc) -> String {
    iso_time::basic(*time)
}

fn minus(time: &Utc, seconds: &i64) -> Utc {
    time.plus_micros(-seconds * 1_000_000)
}

impl Fault {
    /// What the sender is told.
    pub fn answer(&self, family: Family) -> Answer {
        let (status, code) = match family {
            Family::RestJson => (403, self.json()),
            Family::Json => (400, self.json()),
            Family::Query => self.query(),
            Family::S3 => self.s3(),
        };
        Answer { status, code, message: self.message(family) }
    }

    fn json(&self) -> &'static str {
        match self.class() {
            Class::Missing => "MissingAuthenticationTokenException",
            Class::Incomplete | Class::Payload => "IncompleteSignatureException",
            Class::Key => "UnrecognizedClientException",
            Class::Session => "ExpiredTokenException",
            Class::Time | Class::Link | Class::Wrong => "InvalidSignatureException",
        }
    }

    fn query(&self) -> (u16, &'static str) {
        match self.class() {
            Class::Missing => (403, "MissingAuthenticationToken"),
            Class::Incomplete | Class::Payload => (400, "IncompleteSignature"),
            Class::Key => (403, "InvalidClientTokenId"),
            Class::Session => (403, "ExpiredToken"),
            Class::Link => (400, "RequestExpired"),
            Class::Time | Class::Wrong => (403, "SignatureDoesNotMatch"),
        }
    }

    fn s3(&self) -> (u16, &'static str) {
        match self {
            Fault::Missing | Fault::LinkExpired | Fault::UnsignedHeader(_) => (403, "AccessDenied"),
            Fault::Mechanism | Fault::NoPayloadHash | Fault::TooLarge { .. } => (400, "InvalidRequest"),
            Fault::TwoWays => (400, "InvalidArgument"),
            Fault::Expires => (400, "AuthorizationQueryParametersError"),
            Fault::MissingPart(part) | Fault::Twice(part) | Fault::Unreadable(part) | Fault::Scope(part)
                if part.starts_with("X-Amz-") =>
            {
                (400, "AuthorizationQueryParametersError")
            }
            Fault::MissingPart("x-amz-date") | Fault::Unreadable("x-amz-date") => (403, "AccessDenied"),
            Fault::UnknownKey => (403, "InvalidAccessKeyId"),
            Fault::Token => (400, "InvalidToken"),
            Fault::TokenExpired => (400, "ExpiredToken"),
            Fault::Expired { .. } | Fault::NotYet { .. } => (403, "RequestTimeTooSkewed"),
            Fault::PayloadForm(_) => (501, "NotImplemented"),
            Fault::PayloadUnsigned => (403, "AccessDenied"),
            Fault::PayloadMismatch => (400, "XAmzContentSHA256Mismatch"),
            _ if self.class() == Class::Incomplete => (400, "AuthorizationHeaderMalformed"),
            _ => (403, "SignatureDoesNotMatch"),
        }
    }

    /// S3 and the others say some things differently; clients show these to people.
    fn message(&self, family: Family) -> String {
        match (self, family) {
            (Fault::Missing, Family::S3) => "Access Denied".to_owned(),
            (Fault::Missing, Family::Query) => "Request is missing Authentication Token".to_owned(),
            (Fault::UnknownKey, Family::S3) => {
                "The AWS Access Key Id you provided does not exist in our records.".to_owned()
            }
            (Fault::Token, Family::S3) => "The provided token is malformed or otherwise invalid.".to_owned(),
            (Fault::TokenExpired, Family::S3) => "The provided token has expired.".to_owned(),
            (Fault::Expired { .. } | Fault::NotYet { .. }, Family::S3) => {
                "The difference between the request time and the current time is too large.".to_owned()
            }
            _ => self.to_string(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Fault::Missing => Class::Missing,
            Fault::TwoWays
            | Fault::Mechanism
            | Fault::MissingPart(_)
            | Fault::Twice(_)
            | Fault::Unreadable(_)
            | Fault::TooLarge { .. }
            | Fault::Scope(_)
            | Fault::Expires => Class::Incomplete,
            Fault::UnknownKey | Fault::Token => Class::Key,
            Fault::TokenExpired => Class::Session,
            Fault::Expired { .. } | Fault::NotYet { .. } => Class::Time,
            Fault::LinkExpired => Class::Link,
            Fault::NoPayloadHash | Fault::PayloadForm(_) => Class::Payload,
            Fault::ScopeDay
            | Fault::Segments
            | Fault::AbsentHeader(_)
            | Fault::UnsignedHeader(_)
            | Fault::Mismatch
            | Fault::PayloadUnsigned
            | Fault::PayloadMismatch
            | Fault::Replayed => Class::Wrong,
        }
    }
}

/// Faults that all families but S3 tell alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Missing,
    Incomplete,
    Key,
    Session,
    Time,
    Link,
    Payload,
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_codes() {
        let expired = Fault::Expired { signed: Utc(0), now: Utc(3_600_000_000), skew_s: limits::SKEW_S };
        for (fault, json, query, s3) in [
            (
                Fault::Missing,
                "MissingAuthenticationTokenException",
                (403, "MissingAuthenticationToken"),
                (403, "AccessDenied"),
            ),
            (
                Fault::MissingPart("Credential"),
                "IncompleteSignatureException",
                (400, "IncompleteSignature"),
                (400, "AuthorizationHeaderMalformed"),
            ),
            (
                Fault::MissingPart("X-Amz-Date"),
                "IncompleteSignatureException",
                (400, "IncompleteSignature"),
                (400, "AuthorizationQueryParametersError"),
            ),
            (
                Fault::UnknownKey,
                "UnrecognizedClientException",
                (403, "InvalidClientTokenId"),
                (403, "InvalidAccessKeyId"),
            ),
            (
                Fault::Mismatch,
                "InvalidSignatureException",
                (403, "SignatureDoesNotMatch"),
                (403, "SignatureDoesNotMatch"),
            ),
            (
                expired.clone(),
                "InvalidSignatureException",
                (403, "SignatureDoesNotMatch"),
                (403, "RequestTimeTooSkewed"),
            ),
            (Fault::TokenExpired, "ExpiredTokenException", (403, "ExpiredToken"), (400, "ExpiredToken")),
            (Fault::LinkExpired, "InvalidSignatureException", (400, "RequestExpired"), (403, "AccessDenied")),
        ] {
            let told = |family| {
                let answer = fault.answer(family);
                (answer.status, answer.code)
            };
            assert_eq!(told(Family::RestJson), (403, json));
            assert_eq!(told(Family::Json), (400, json));
            assert_eq!(told(Family::Query), query);
            assert_eq!(told(Family::S3), s3, "{fault}");
        }
        assert_eq!(
            expired.answer(Family::RestJson).message,
            "Signature expired: 19700101T000000Z is now earlier than 19700101T005500Z (19700101T010000Z - 5 min.)"
        );
    }
}
