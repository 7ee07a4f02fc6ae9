//! A set of an issuer's public keys (RFC 7517 §5), as it is fetched.

use serde::Deserialize;

use super::key::{Jwk, Key};

/// Largest set, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most keys in a set.
pub const MAX_KEYS: usize = 16;
/// Longest name of a key, in bytes.
pub const MAX_ID: usize = 256;

/// Why bytes are no usable set.
#[derive(Debug, thiserror::Error)]
pub enum SetFault {
    /// Over [`MAX_BYTES`].
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not a set.
    #[error("it is no JSON with a list `keys`")]
    Json(#[source] serde_json::Error),
    /// Over [`MAX_KEYS`].
    #[error("it holds more than {MAX_KEYS} keys")]
    TooMany,
    /// Nothing that could verify a token.
    #[error("none of its keys is a public RSA, P-256 or Ed25519 key with a `kid`")]
    Nothing,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The keys of a set that verify tokens, with their names, of which each counts once. What else is in it is left out.
pub fn parse(bytes: &[u8]) -> Result<Vec<(String, Key)>, SetFault> {
    if bytes.len() > MAX_BYTES {
        return Err(SetFault::TooLarge);
    }
    let Set { keys } = serde_json::from_slice(bytes).map_err(SetFault::Json)?;
    if keys.len() > MAX_KEYS {
        return Err(SetFault::TooMany);
    }
    let mut usable: Vec<(String, Key)> = Vec::new();
    for jwk in keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()) {
        let Some(key) = Key::from_jwk(&jwk) else { continue };
        if let Some(id) = jwk.kid.filter(|id| id.len() <= MAX_ID)
            && usable.iter().all(|(other, _)| *other != id)
        {
            usable.push((id, key));
        }
    }
    if usable.is_empty() { Err(SetFault::Nothing) } else { Ok(usable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ed25519(kid: &str) -> String {
        format!(
            r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
        )
    }

    #[test]
    fn what_verifies_is_taken_and_the_rest_left_out() {
        let nameless = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let secret = r#"{"kty":"oct","kid":"s","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#;
        let set = [&ed25519("a"), secret, nameless, "7", &ed25519("b"), &ed25519("a")]
            .map(|key| key.to_owned())
            .join(",");
        let keys = parse(format!(r#"{{"keys":[{set}],"x":1}}"#).as_bytes()).unwrap();
        assert_eq!(keys.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_no_set_or_too_large_is_refused() {
        let many = vec![ed25519("a"); MAX_KEYS + 1].join(",");
        for (set, fault) in [
            ("", "no JSON"),
            ("[]", "no JSON"),
            (r#"{"keys":[]}"#, "none of its keys"),
            (&*format!(r#"{{"keys":[{many}]}}"#), "more than 16"),
            (&*" ".repeat(MAX_BYTES + 1), "larger than 65536"),
        ] {
            let said = parse(set.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(fault), "{said}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_set_or_a_named_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
