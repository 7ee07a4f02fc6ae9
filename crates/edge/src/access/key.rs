//! Keys that vouch for tokens. Each has one algorithm, whatever a token says of itself (RFC 8725 §3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

/// Shortest secret, in bytes: as long as the hash (RFC 7518 §3.2).
pub const MIN_SECRET: usize = 32;
/// Shortest and longest RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// A key, ready to verify.
#[derive(Clone, Debug)]
pub enum Key {
    /// RS256. Modulus and exponent, big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// ES256: an uncompressed point of P-256.
    P256(Vec<u8>),
    /// EdDSA with Ed25519 (RFC 8037).
    Ed25519(Vec<u8>),
    /// HS256.
    Secret(hmac::Key),
}

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// No public key in PEM.
    #[error(
        "it holds no public key in PEM (`-----BEGIN PUBLIC KEY-----`); of a private key: openssl pkey -pubout"
    )]
    Pem,
    /// Of a kind that is not verified with.
    #[error("its key is none of RSA, ECDSA P-256 and Ed25519")]
    Kind,
    /// An RSA key whose modulus is too short or too long.
    #[error("an RSA key has 2048 to 8192 bits, this one has {0}")]
    RsaBits(usize),
    /// A secret that could be guessed.
    #[error("a secret has at least 32 bytes, this one has {0}; `openssl rand -hex 32` makes one")]
    ShortSecret(usize),
}

impl Key {
    /// Reads a public key in PEM (RFC 7468 §13).
    pub fn from_pem(pem: &[u8]) -> Result<Key, KeyFault> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KeyFault::Pem)?;
        from_spki(&der).ok_or(KeyFault::Kind)?.checked()
    }

    /// Takes the content of a secret file; the end of its line does not count.
    pub fn from_secret(file: &[u8]) -> Result<Key, KeyFault> {
        Ok(Key::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret(file)?)))
    }

    /// Takes a public key of a set (RFC 7517); `None` for one that does not sign tokens here. Secrets in a set are none.
    pub fn from_jwk(jwk: &Jwk) -> Option<Key> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                Key::Rsa { n: unsigned(&bytes(&jwk.n)?).to_vec(), e: unsigned(&bytes(&jwk.e)?).to_vec() }
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
                let is_point = x.len() == 32 && y.len() == 32;
                is_point.then(|| Key::P256([&[4][..], &x, &y].concat()))?
            }
            ("OKP", Some("Ed25519")) => Key::Ed25519(bytes(&jwk.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
        let is_meant = jwk.alg.as_deref().is_none_or(|alg| alg == key.algorithm());
        key.checked().ok().filter(|_| signs && is_meant)
    }

    /// Its one algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
    pub fn algorithm(&self) -> &'static str {
        match self {
            Key::Rsa { .. } => "RS256",
            Key::P256(_) => "ES256",
            Key::Ed25519(_) => "EdDSA",
            Key::Secret(_) => "HS256",
        }
    }

    /// Whether `signature` is this key's of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Key::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Key::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Key::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok(),
            Key::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }

    fn checked(self) -> Result<Key, KeyFault> {
        if let Key::Rsa { n, .. } = &self {
            let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
            if !RSA_BITS.contains(&bits) {
                return Err(KeyFault::RsaBits(bits));
            }
        }
        Ok(self)
    }
}

/// The secret in a file.
pub(crate) fn secret(file: &[u8]) -> Result<&[u8], KeyFault> {
    let secret = file.strip_suffix(b"\n").unwrap_or(file);
    let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
    match secret.len() {
        len if len < MIN_SECRET => Err(KeyFault::ShortSecret(len)),
        _ => Ok(secret),
    }
}

/// A public key as JSON (RFC 7517 §4, RFC 7518 §6); what is not looked at is left out.
#[derive(Clone, Debug, Deserialize)]
pub struct Jwk {
    kty: String,
    /// Its name.
    pub kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1) of RSA (RFC 3279 §2.3.1), P-256 (RFC 5480 §2) or Ed25519 (RFC 8410 §4).
fn from_spki(der: &[u8]) -> Option<Key> {
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    const P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    const ED25519_ID: &[u8] = b"\x06\x03\x2b\x65\x70";
    let (inside, []) = element(SEQUENCE, der)? else { return None };
    let (algorithm, rest) = element(SEQUENCE, inside)?;
    let ([0, key @ ..], []) = element(BIT_STRING, rest)? else { return None };
    match algorithm {
        RSA => {
            let (inside, []) = element(SEQUENCE, key)? else { return None };
            let (n, rest) = element(INTEGER, inside)?;
            let (e, []) = element(INTEGER, rest)? else { return None };
            Some(Key::Rsa { n: unsigned(n).to_vec(), e: unsigned(e).to_vec() })
        }
        P256 if key.len() == 65 && key[0] == 4 => Some(Key::P256(key.to_vec())),
        ED25519_ID if key.len() == 32 => Some(Key::Ed25519(key.to_vec())),
        _ => None,
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The content of the DER element at the front, which has this tag, and what follows it; up to 64 KiB.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match der {
        [found, ..] if *found != tag => return None,
        [_, len @ ..=0x7f, rest @ ..] => (usize::from(*len), rest),
        [_, 0x81, len, rest @ ..] => (usize::from(*len), rest),
        [_, 0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return None,
    };
    rest.split_at_checked(len)
}

fn unsigned(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signed text of a specification and the key it was signed with, there.
    fn verifies(jwk: &str, text: &str) {
        let key = Key::from_jwk(&serde_json::from_str(jwk).unwrap()).unwrap();
        let (message, signature) = text.rsplit_once('.').unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.verifies(message.as_bytes(), &signature), "{jwk}");
        assert!(!key.verifies(b"another message", &signature));
        signature[9] ^= 1;
        assert!(!key.verifies(message.as_bytes(), &signature));
    }

    /// RFC 7515 §A.1.
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    #[test]
    fn the_examples_of_the_specifications_verify() {
        // RFC 7515 §A.1.
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = Key::from_secret(&URL_SAFE_NO_PAD.decode(secret).unwrap()).unwrap();
        let signature = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let message = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}");
        assert!(key.verifies(message.as_bytes(), &signature));
        assert!(!key.verifies(&message.as_bytes()[1..], &signature));
        // §A.3.
        verifies(
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            &format!(
                "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
            ),
        );
        // RFC 8037 §A.4.
        verifies(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );
    }

    #[test]
    fn what_should_not_vouch_is_no_key() {
        for (file, fault) in [
            (&b"short"[..], KeyFault::ShortSecret(5)),
            (b"only 31 bytes and a line's end \r\n", KeyFault::ShortSecret(31)),
        ] {
            assert_eq!(Key::from_secret(file).unwrap_err(), fault);
        }
        let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let large = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().public_key_pem();
        for (pem, fault) in [
            ("", KeyFault::Pem),
            ("text", KeyFault::Pem),
            (&*private, KeyFault::Pem),
            (&*large, KeyFault::Kind),
        ] {
            assert_eq!(Key::from_pem(pem.as_bytes()).unwrap_err(), fault, "{pem}");
        }
        for jwk in [
            r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qY"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","alg":"ES256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        ] {
            assert!(Key::from_jwk(&serde_json::from_str(jwk).unwrap()).is_none(), "{jwk}");
        }
    }
}
