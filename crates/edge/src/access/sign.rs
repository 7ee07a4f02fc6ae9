//! Makes tokens, for whoever gives them to viewers, and keys to make them with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;

use super::key::{KeyFault, secret};

/// A private key or a secret.
#[derive(Debug)]
pub enum Signer {
    /// RS256.
    Rsa(Box<RsaKeyPair>),
    /// ES256.
    P256(EcdsaKeyPair),
    /// EdDSA.
    Ed25519(Ed25519KeyPair),
    /// HS256.
    Secret(hmac::Key),
}

/// Why nothing can be signed with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// No private key in PEM.
    #[error("it holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`)")]
    Pem,
    /// Of a kind that is not signed with.
    #[error(
        "its key is none of RSA (2048 to 4096 bits), ECDSA P-256 and Ed25519 in PKCS #8; `openssl pkcs8 -topk8 -nocrypt` \
         brings an older file into that form"
    )]
    Kind,
    /// A secret that could be guessed.
    #[error(transparent)]
    Secret(#[from] KeyFault),
    /// The system gave no random bytes.
    #[error("the key cannot sign")]
    Sign,
}

/// What a token says.
#[derive(Clone, Debug, Serialize)]
pub struct Claims<'a> {
    /// Unix time from which it is no longer valid, in seconds.
    pub exp: u64,
    /// Unix time before which it is not valid, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// The paths it is for, as [`super::token::paths`] reads them.
    pub path: &'a str,
    /// The only viewer who may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<std::net::IpAddr>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl Signer {
    /// Reads a private key in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Signer, SignFault> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| SignFault::Pem)?;
        let der = key.secret_der();
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random)
            .map(Signer::P256)
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Signer::Ed25519))
            .or_else(|_| RsaKeyPair::from_pkcs8(der).map(|key| Signer::Rsa(key.into())))
            .or_else(|_| RsaKeyPair::from_der(der).map(|key| Signer::Rsa(key.into())))
            .map_err(|_| SignFault::Kind)
    }

    /// Takes the content of a secret file; the end of its line does not count.
    pub fn from_secret(file: &[u8]) -> Result<Signer, SignFault> {
        Ok(Signer::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret(file)?)))
    }

    /// A token that says `claims`, signed with this key, which the edge knows by `id`.
    pub fn sign(&self, id: Option<&str>, claims: &Claims<'_>) -> Result<String, SignFault> {
        let header = Header { alg: self.algorithm(), typ: "JWT", kid: id };
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let header = part(serde_json::to_vec(&header).expect("strings are JSON"));
        let claims = part(serde_json::to_vec(claims).expect("numbers and strings are JSON"));
        let signed = format!("{header}.{claims}");
        let signature = self.signature(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Signer::Rsa(_) => "RS256",
            Signer::P256(_) => "ES256",
            Signer::Ed25519(_) => "EdDSA",
            Signer::Secret(_) => "HS256",
        }
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        let random = SystemRandom::new();
        match self {
            Signer::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| SignFault::Sign)?;
                Ok(signature)
            }
            Signer::P256(key) => {
                Ok(key.sign(&random, message).map_err(|_| SignFault::Sign)?.as_ref().to_vec())
            }
            Signer::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Signer::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

/// A new ECDSA P-256 key: the private and the public half in PEM.
pub fn new_key() -> Result<(String, String), rcgen::Error> {
    let pair = rcgen::KeyPair::generate()?;
    Ok((pair.serialize_pem(), pair.public_key_pem()))
}
