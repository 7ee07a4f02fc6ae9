//! A claim against the secret of the one it names.

use media::Utc;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::canonical::PathStyle;
use super::{Body, Claim, Fault, Form, Scope, key, limits};
use crate::{Secret, hex};

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What an access key signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its secret.
    pub secret: Secret,
    /// For a temporary key (`ASIA…`) the session it belongs to.
    pub session: Option<Session>,
}

/// A temporary key's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What comes as `X-Amz-Security-Token`.
    pub token: Secret,
    /// From when on it is refused.
    pub expires: Utc,
}

/// Whether a header-signed request may leave its body unsigned. Presigned URLs always do where S3 takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsignedPayload {
    /// The connection protects the body: TLS, or loopback.
    Accept,
    /// It does not.
    Refuse,
}

/// A request that was signed with the secret of the key it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The key.
    pub access_key: String,
    /// What for.
    pub scope: Scope,
    /// The signature's date.
    pub signed: Utc,
    /// Where it was.
    pub form: Form,
    /// What is known of the body.
    pub payload: Payload,
    pub(super) signature: [u8; 32],
}

/// What a verified signature says of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a body that is owed has to be checked"]
pub enum Payload {
    /// It is the one that was signed.
    Signed,
    /// Nothing.
    Unsigned,
    /// It comes later ([`Body::Later`]), and is good only if its SHA-256 is this.
    Owed([u8; 32]),
}

impl Claim<'_> {
    /// Holds the claim against `credential`, which is `None` where nobody has the key or it is switched off.
    ///
    /// Refuses in the order AWS does: an unknown key, a wrong session, a date too far from `now`, a wrong signature.
    pub fn verify(
        &self,
        credential: Option<&Credential>,
        now: Utc,
        unsigned_payload: UnsignedPayload,
    ) -> Result<Verified, Fault> {
        let credential = credential.ok_or(Fault::UnknownKey)?;
        match (&credential.session, &self.token) {
            (None, None) => {}
            (Some(session), Some(token)) if session.token.is(token) => {}
            _ => return Err(Fault::Token),
        }
        self.check_date(now)?;

        let canonical = self.canonical_request()?;
        let signature = key::signature(&credential.secret, &self.date, &self.scope, &canonical);
        if !bool::from(signature.ct_eq(&self.signature)) {
            return Err(Fault::Mismatch);
        }
        if credential.session.as_ref().is_some_and(|session| session.expires <= now) {
            return Err(Fault::TokenExpired);
        }
        Ok(Verified {
            access_key: self.access_key.clone(),
            scope: self.scope.clone(),
            signed: self.signed,
            form: self.form,
            payload: self.check_payload(unsigned_payload)?,
            signature,
        })
    }

    fn check_date(&self, now: Utc) -> Result<(), Fault> {
        let signed = self.signed;
        let skew_s = match self.path_style() {
            PathStyle::Once => limits::SKEW_S3_S,
            PathStyle::Twice => limits::SKEW_S,
        };
        let age_s = (now.0 - signed.0).div_euclid(1_000_000);
        match self.form {
            _ if age_s < -skew_s => Err(Fault::NotYet { signed, now, skew_s }),
            Form::Header if age_s > skew_s => Err(Fault::Expired { signed, now, skew_s }),
            Form::Presigned { expires_s } if age_s > expires_s => Err(Fault::LinkExpired),
            _ => Ok(()),
        }
    }

    /// What stands for the body in the text that is signed.
    pub(super) fn payload_text(&self) -> Result<String, Fault> {
        match (&self.payload, self.path_style(), self.form) {
            (Some(payload), ..) => Ok(payload.clone()),
            (None, PathStyle::Once, Form::Header) => Err(Fault::NoPayloadHash),
            (None, PathStyle::Once, Form::Presigned { .. }) => Ok(UNSIGNED.to_owned()),
            (None, PathStyle::Twice, _) => {
                Ok(hex::encode(&self.body_hash().ok_or(Fault::MissingPart("x-amz-content-sha256"))?))
            }
        }
    }

    fn check_payload(&self, unsigned: UnsignedPayload) -> Result<Payload, Fault> {
        match (&self.payload, self.path_style(), self.form) {
            (None, PathStyle::Twice, _) => Ok(Payload::Signed), // its hash was made of the body
            (None, PathStyle::Once, _) => Ok(Payload::Unsigned),
            (Some(text), _, form) if text == UNSIGNED => match (unsigned, form) {
                (UnsignedPayload::Refuse, Form::Header) => Err(Fault::PayloadUnsigned),
                _ => Ok(Payload::Unsigned),
            },
            (Some(text), ..) => {
                let expected: [u8; 32] =
                    hex::decode(text).ok_or_else(|| Fault::PayloadForm(text.chars().take(64).collect()))?;
                match self.body_hash() {
                    None => Ok(Payload::Owed(expected)),
                    Some(hash) if hash == expected => Ok(Payload::Signed),
                    Some(_) => Err(Fault::PayloadMismatch),
                }
            }
        }
    }

    fn body_hash(&self) -> Option<[u8; 32]> {
        match self.request.body {
            Body::Whole(bytes) => Some(Sha256::digest(bytes).into()),
            Body::Hash(hash) => Some(hash),
            Body::Later => None,
        }
    }
}
