//! A presigned URL: the signature and what belongs to it are parameters of the query.

use super::claim::Parts;
use super::{ALGORITHM, Fault, canonical, limits};

/// The parameters of a presigned URL, decoded.
pub(super) struct Presigned {
    pub(super) parts: Parts,
    pub(super) expires_s: i64,
    /// What stands for the body, where the query says it.
    pub(super) payload: Option<String>,
}

/// The one that is not signed.
pub(super) const SIGNATURE: &str = "X-Amz-Signature";

/// What the query says of a signature; `None` where it says nothing.
pub(super) fn read(query: &str) -> Result<Option<Presigned>, Fault> {
    let parameters = canonical::parameters(query)?;
    let single = |name: &'static str| {
        let mut values = parameters.iter().filter(|(key, _)| *key == name).map(|(_, value)| *value);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => canonical::decode(value, name).map(Some),
            (Some(_), Some(_)) => Err(Fault::Twice(name)),
        }
    };
    let required = |name| single(name)?.ok_or(Fault::MissingPart(name));

    let Some(algorithm) = single("X-Amz-Algorithm")? else {
        return match single(SIGNATURE)? {
            Some(_) => Err(Fault::MissingPart("X-Amz-Algorithm")),
            // Version 2 of S3.
            None if single("AWSAccessKeyId")?.is_some() => Err(Fault::Mechanism),
            None => Ok(None),
        };
    };
    if algorithm != ALGORITHM {
        return Err(Fault::Mechanism);
    }
    let expires = required("X-Amz-Expires")?;
    let is_number =
        !expires.is_empty() && expires.len() <= 6 && expires.bytes().all(|byte| byte.is_ascii_digit());
    let expires_s = expires.parse().ok().filter(|_| is_number).ok_or(Fault::Expires)?;
    if !(1..=limits::MAX_EXPIRES_S).contains(&expires_s) {
        return Err(Fault::Expires);
    }
    Ok(Some(Presigned {
        parts: Parts {
            credential: required("X-Amz-Credential")?,
            signed_headers: required("X-Amz-SignedHeaders")?,
            signature: required(SIGNATURE)?,
            date: required("X-Amz-Date")?,
            token: single("X-Amz-Security-Token")?,
        },
        expires_s,
        payload: single("X-Amz-Content-Sha256")?,
    }))
}
