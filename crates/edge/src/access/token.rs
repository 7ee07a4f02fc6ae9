//! A viewer's token: who signed it says which paths may be fetched until when.
//!
//! A JWT (RFC 7519) in compact form (RFC 7515 §7.1). Pure: keys and the time are arguments. Nothing of its claims is read
//! before its signature is verified, by the algorithm of the key it names and no other (RFC 8725 §3.1).

use std::borrow::Borrow;
use std::net::IpAddr;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_cache::KeyRules;
use http_cache::purge::Pattern;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::key::Key;

/// Longest token, in bytes.
pub const MAX_LEN: usize = 4 * 1024;
/// How far the issuer's clock and the edge's may be apart, in seconds.
pub const SLACK_S: u64 = 30;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $name:ident = $label:literal, $words:literal;)*) => {
        /// Why a viewer is not let in. Each is a counter's label; its words are told to the viewer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Refusal {
            $($(#[doc = $doc])* #[error($words)] $name,)*
        }

        impl Refusal {
            /// Every refusal's name in metrics, in order.
            pub const LABELS: &'static [&'static str] = &[$($label,)*];
        }
    };
}

refusals! {
    /// No token came.
    Missing = "missing", "access refused: this path takes a token, as /~TOKEN/path, ?token=TOKEN, `Authorization: Bearer TOKEN` or the cookie headwater_token";
    /// Its time is over.
    Expired = "expired", "access refused: the token has expired; get a new one where you got this";
    /// Its time has not come.
    NotYet = "not_yet", "access refused: the token is not valid yet; try again later";
    /// It is for other paths.
    Path = "path", "access refused: the token is for another path; get one for this";
    /// Nobody who may has signed it.
    Signature = "signature", "access refused: the token's signature is wrong; use it as it was given to you";
    /// It names no key that is known, or another algorithm than that key's.
    Key = "key", "access refused: the token is signed with a key that is not in use here; get a new one";
    /// It is no token, or one that could be read in two ways.
    Malformed = "malformed", "access refused: this is no token that can be read here; use it as it was given to you";
    /// It is for another viewer.
    Address = "address", "access refused: the token is for another network address; get one where you are";
    /// No token helps: the path is for other networks.
    Network = "network", "access refused: this path is not for your network address";
}

/// A token taken apart. Nothing about it is believed yet.
#[derive(Debug)]
pub struct Unverified<'a> {
    header: Header,
    /// Header and claims as they were signed.
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

/// RFC 7515 §4.1.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; none is.
    crit: Option<IgnoredAny>,
}

/// RFC 7519 §4.1, and `path` and `ip`, which are this edge's.
#[derive(Debug, Deserialize)]
struct Claims {
    exp: f64,
    nbf: Option<f64>,
    path: String,
    ip: Option<IpAddr>,
}

/// What a verified token allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Unix time from which it is no longer valid, in seconds.
    pub expires_s: f64,
    /// Unix time before which it is not valid, in seconds.
    begins_s: f64,
    paths: Pattern,
    viewer: Option<IpAddr>,
}

/// The token in `text` if one of `keys` has signed it. One that names no key is taken where there is but one.
pub fn verify<Id: Borrow<str>>(text: &str, keys: &[(Id, Key)]) -> Result<Grant, Refusal> {
    let token = Unverified::read(text)?;
    let key = match (&token.header.kid, keys) {
        (None, [(_, only)]) => only,
        (None, _) => return Err(Refusal::Key),
        (Some(id), keys) => &keys.iter().find(|(other, _)| other.borrow() == id).ok_or(Refusal::Key)?.1,
    };
    if token.header.alg != key.algorithm() {
        return Err(Refusal::Key);
    }
    if !key.verifies(token.signed.as_bytes(), &token.signature) {
        return Err(Refusal::Signature);
    }
    Grant::read(token.claims)
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub fn read(text: &'a str) -> Result<Unverified<'a>, Refusal> {
        if text.len() > MAX_LEN {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let header: Header = json(header)?;
        if header.crit.is_some() {
            return Err(Refusal::Malformed);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::Malformed)?;
        Ok(Unverified { header, signed, claims, signature })
    }
}

impl Grant {
    fn read(claims: &str) -> Result<Grant, Refusal> {
        let Claims { exp, nbf, path, ip } = json(claims)?;
        let begins_s = nbf.unwrap_or(0.0);
        Ok(Grant {
            expires_s: exp,
            begins_s,
            paths: paths(&path).ok_or(Refusal::Malformed)?,
            viewer: ip.map(|ip| ip.to_canonical()),
        })
    }

    /// Whether it lets `viewer` fetch `target`, a canonical request target, at `now_s`, Unix time in seconds.
    pub fn judge(&self, target: &str, viewer: IpAddr, now_s: u64) -> Result<(), Refusal> {
        if now_s as f64 >= self.expires_s + SLACK_S as f64 {
            return Err(Refusal::Expired);
        }
        if ((now_s + SLACK_S) as f64) < self.begins_s {
            return Err(Refusal::NotYet);
        }
        if !self.paths.matches(target) {
            return Err(Refusal::Path);
        }
        if self.viewer.is_some_and(|own| own != viewer.to_canonical()) {
            return Err(Refusal::Address);
        }
        Ok(())
    }
}

/// The paths a claim means: `/main/index.m3u8` itself, or all below `/main/`, which `/main/*` says too. A wildcard has a
/// whole element to itself, so that `/main*` cannot mean `/main2/`; a query binds nothing, so there is none.
pub fn paths(claim: &str) -> Option<Pattern> {
    static RULES: LazyLock<KeyRules> = LazyLock::new(KeyRules::hls);
    if claim.contains('?') {
        return None;
    }
    match Pattern::parse(claim, &RULES).ok()? {
        Pattern::Prefix(start) => start.ends_with('/').then_some(Pattern::Prefix(start)),
        Pattern::Path(path) if path.ends_with('/') => Some(Pattern::Prefix(path)),
        Pattern::Path(path) => Some(Pattern::Path(path)),
        Pattern::Target(_) => None,
    }
}

/// For the fuzzer: takes `bytes` as a token, as claims and as a path in them.
pub fn read_all(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Unverified::read(text);
    let _ = Grant::read(&URL_SAFE_NO_PAD.encode(bytes));
    if let Some(Pattern::Prefix(start)) = paths(text) {
        assert!(start.ends_with('/'));
    }
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests;
