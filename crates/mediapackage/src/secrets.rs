//! Secrets that CDNs bring.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::setup::hex;

/// Looks up the value of a secret by its AWS Secrets Manager ARN. There is no Secrets Manager here, so the operator says where they
/// are. What is kept of a secret is its SHA-256.
#[derive(Clone)]
pub struct Secrets(Arc<Lookup>);

/// From a secret's name to its value.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Largest file of a secret, in bytes: AWS's own bound.
    const MAX_FILE: u64 = 65_536;
    /// Shortest and longest value, in bytes.
    const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

    /// None are known: whatever asks for one is refused.
    pub fn none() -> Self {
        Self(Arc::new(|_| None))
    }

    /// By a function that is given the secret's name.
    pub fn by(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// Files in a folder, by the secret's name: the value itself, or the JSON that a script would give Secrets Manager,
    /// `{"MediaPackageCDNIdentifier": "…"}`.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self::by(move |name| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let path = folder.join(name);
            let is_name = !name.is_empty() && name.bytes().all(fits);
            let is_small = is_name && path.metadata().is_ok_and(|file| file.len() <= Self::MAX_FILE);
            is_small.then(|| std::fs::read_to_string(path).ok())?
        })
    }

    /// The SHA-256, in hexadecimal digits, of the value of the secret with this ARN (or name); `member` is what its JSON calls it.
    pub(crate) fn sha256(&self, arn: &str, member: &str) -> Option<String> {
        let name = name_of(arn);
        // Secrets Manager puts six characters behind a name.
        let short = name.rsplit_once('-').filter(|(_, end)| end.len() == 6).map(|(name, _)| name);
        let text = (self.0)(name).or_else(|| short.and_then(|name| (self.0)(name)))?;
        let value = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(serde_json::Value::Object(members)) => members.get(member)?.as_str()?.to_owned(),
            _ => text.trim().to_owned(),
        };
        let fits = Self::LENGTHS.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| hex(&Sha256::digest(value.as_bytes())))
    }
}

/// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-abcdef` → `NAME-abcdef`; a name is itself.
fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_its_arn_with_and_without_what_aws_appends() {
        let secrets = Secrets::by(|name| match name {
            "cdn" => Some("{\"MediaPackageCDNIdentifier\": \"0123-4567-89ab\"}".to_owned()),
            "plain" => Some("0123-4567-89ab\n".to_owned()),
            "short" => Some("x".to_owned()),
            _ => None,
        });
        let of = |arn| secrets.sha256(arn, "MediaPackageCDNIdentifier");
        let expected = Some(hex(&Sha256::digest(b"0123-4567-89ab")));
        assert_eq!(of("arn:aws:secretsmanager:us-west-2:123456789012:secret:cdn-AbCdEf"), expected);
        assert_eq!(of("arn:aws:secretsmanager:us-west-2:123456789012:secret:cdn"), expected);
        assert_eq!(of("plain"), expected);
        assert_eq!(of("short"), None);
        assert_eq!(of("other"), None);
        assert_eq!(Secrets::none().sha256("cdn", "x"), None);
    }

    #[test]
    fn a_folder_gives_its_own_files_only() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("cdn"), "0123456789").expect("writes");
        std::fs::create_dir(folder.path().join("in")).expect("makes");
        let secrets = Secrets::in_folder(folder.path().join("in"));
        assert_eq!(secrets.sha256("../cdn", "x"), None);
        assert!(Secrets::in_folder(folder.path().to_owned()).sha256("cdn", "x").is_some());
    }
}
