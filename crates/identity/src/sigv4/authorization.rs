//! The `Authorization` header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.

use super::claim::Parts;
use super::{ALGORITHM, Fault, Request, limits};

/// The parts of the header; `None` where there is no such header.
pub(super) fn read(request: &Request<'_>) -> Result<Option<Parts>, Fault> {
    let Some(value) = request.single("Authorization")? else { return Ok(None) };
    if value.len() > limits::MAX_AUTHORIZATION {
        return Err(Fault::TooLarge { what: "Authorization", limit: limits::MAX_AUTHORIZATION });
    }
    let (algorithm, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    if algorithm != ALGORITHM {
        return Err(Fault::Mechanism);
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',').map(str::trim) {
        let (name, value) = part.split_once('=').ok_or(Fault::Unreadable("Authorization"))?;
        let (name, place) = match name {
            "Credential" => ("Credential", &mut credential),
            "SignedHeaders" => ("SignedHeaders", &mut signed_headers),
            "Signature" => ("Signature", &mut signature),
            _ => return Err(Fault::Unreadable("Authorization")),
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(Fault::Twice(name));
        }
    }
    Ok(Some(Parts {
        credential: credential.ok_or(Fault::MissingPart("Credential"))?,
        signed_headers: signed_headers.ok_or(Fault::MissingPart("SignedHeaders"))?,
        signature: signature.ok_or(Fault::MissingPart("Signature"))?,
        date: request.single("x-amz-date")?.ok_or(Fault::MissingPart("x-amz-date"))?.to_owned(),
        token: request.single("x-amz-security-token")?.map(str::to_owned),
    }))
}
