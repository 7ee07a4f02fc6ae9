//! The other side: requests are signed.

use media::Utc;
use sha2::{Digest, Sha256};

use super::canonical::{self, PathStyle};
use super::{ALGORITHM, Body, Fault, Request, Scope, key, limits, presigned};
use crate::{Secret, hex, iso_time};

/// Headers that hops on the way change, or that name the signature itself.
const NOT_SIGNED: [&str; 8] = [
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "te",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// Signs requests with one key, for one region and service.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
    /// A temporary key's session token.
    pub token: Option<Secret>,
    /// The region.
    pub region: String,
    /// AWS's name of the service for signatures.
    pub service: String,
}

impl Signer {
    /// The headers that sign `request` when they are added to it: `x-amz-date`, `x-amz-content-sha256`,
    /// `x-amz-security-token` where there is a session, `Authorization`.
    ///
    /// The request has a `host` and none of these. [`Body::Later`] goes out as `UNSIGNED-PAYLOAD`.
    pub fn headers(&self, request: &Request<'_>, now: Utc) -> Result<Vec<(&'static str, String)>, Fault> {
        request.check()?;
        let date = iso_time::basic(now);
        let payload = match request.body {
            Body::Whole(bytes) => hex::encode(&Sha256::digest(bytes)),
            Body::Hash(hash) => hex::encode(&hash),
            Body::Later => "UNSIGNED-PAYLOAD".to_owned(),
        };
        let mut added = vec![("x-amz-date", date.clone()), ("x-amz-content-sha256", payload.clone())];
        added.extend(self.token.as_ref().map(|token| ("x-amz-security-token", token.expose().to_owned())));

        let mut headers = request.headers.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
        let mut signed: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        signed.retain(|name| !NOT_SIGNED.contains(&name.as_str()));
        signed.sort();
        signed.dedup();

        let request = Request { headers: &headers, ..*request };
        let query = canonical::query(request.query)?;
        let scope = self.scope(&date);
        let text = canonical::text(&request, PathStyle::of(&self.service), &query, &signed, &payload)?;
        let signature = hex::encode(&key::signature(&self.secret, &date, &scope, &text));
        added.push((
            "Authorization",
            format!(
                "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
                self.access_key,
                signed.join(";")
            ),
        ));
        Ok(added)
    }

    /// The query of a presigned URL for `request`, whose one header is `host`, good for `expires_s` seconds from `now`.
    /// For S3 its body may be anything; for others it is the request's.
    pub fn presign(&self, request: &Request<'_>, now: Utc, expires_s: i64) -> Result<String, Fault> {
        request.check()?;
        if !(1..=limits::MAX_EXPIRES_S).contains(&expires_s) {
            return Err(Fault::Expires);
        }
        let date = iso_time::basic(now);
        let scope = self.scope(&date);
        let style = PathStyle::of(&self.service);
        let payload = match (style, request.body) {
            (PathStyle::Once, _) => "UNSIGNED-PAYLOAD".to_owned(),
            (PathStyle::Twice, Body::Whole(bytes)) => hex::encode(&Sha256::digest(bytes)),
            (PathStyle::Twice, Body::Hash(hash)) => hex::encode(&hash),
            (PathStyle::Twice, Body::Later) => return Err(Fault::MissingPart("the body's hash")),
        };
        let encoded = |text: &str| {
            let mut out = String::new();
            text.bytes().for_each(|byte| canonical::encode(byte, &mut out));
            out
        };
        let mut query = vec![canonical::query(request.query)?];
        query.retain(|text| !text.is_empty());
        query.push(format!("X-Amz-Algorithm={ALGORITHM}"));
        query.push(format!("X-Amz-Credential={}", encoded(&format!("{}/{scope}", self.access_key))));
        query.push(format!("X-Amz-Date={date}&X-Amz-Expires={expires_s}&X-Amz-SignedHeaders=host"));
        query.extend(
            self.token.as_ref().map(|token| format!("X-Amz-Security-Token={}", encoded(token.expose()))),
        );
        let query = query.join("&");
        let text =
            canonical::text(request, style, &canonical::query(&query)?, &["host".to_owned()], &payload)?;
        let signature = hex::encode(&key::signature(&self.secret, &date, &scope, &text));
        Ok(format!("{query}&{}={signature}", presigned::SIGNATURE))
    }

    fn scope(&self, date: &str) -> Scope {
        Scope { day: date[..8].to_owned(), region: self.region.clone(), service: self.service.clone() }
    }
}
