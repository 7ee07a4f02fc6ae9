//! The key that signs messages, and the certificate by which they are verified.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use identity::Secret;
use identity::seal::{Keyring, SealFault};
use media::Utc;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding, Signer as _};
use rsa::{Generate, PrivateKey};
use sha1::Sha1;
use store::{Call, Store};

use crate::random;

/// Its name among the store's secrets, and in its seal.
const NAME: &str = "sns-signing";
/// Where secrets without a region are.
const REGION: &str = "global";
const CERTIFICATE_BEGINS: &str = "-----BEGIN CERTIFICATE-----";
/// Years a certificate is good for: subscribers keep it by its address, which changes with it.
const YEARS: i32 = 20;

/// Signs messages.
pub(crate) struct Signer {
    with_sha1: SigningKey<Sha1>,
    with_sha256: SigningKey<Sha256>,
    /// In PEM.
    pub(crate) certificate: String,
    /// Where it is served: begins with a slash.
    pub(crate) path: String,
}

/// Which hash a signature is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// SHA-1, AWS's default.
    One,
    /// SHA-256.
    Two,
}

/// Why there is no signer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignerFault {
    #[error("the signing key cannot be kept or read: {0}")]
    Store(#[from] store::Error),
    #[error("the signing key does not open: {0}")]
    Seal(#[from] SealFault),
    #[error("the stored signing key is not what was stored: {0}")]
    Damaged(String),
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

impl Signer {
    /// The signer whose key is in the store, sealed; where there is none yet, one that is made now, which takes about a second.
    pub(crate) async fn open(
        store: &Store,
        keyring: &Keyring,
        account: &str,
        now: Utc,
    ) -> Result<Self, SignerFault> {
        match store.secret(account, REGION, NAME).await {
            Ok(sealed) => return Self::read(keyring.open(&sealed, NAME)?.expose()),
            Err(store::Error::NotFound(_)) => {}
            Err(fault) => return Err(fault.into()),
        }
        let text =
            tokio::task::spawn_blocking(move || make(now)).await.expect("making a key does not panic")?;
        let sealed = keyring.seal(&text, NAME, random::bytes())?;
        let call = Call {
            account: account.to_owned(),
            who: "sns".to_owned(),
            source: String::new(),
            action: "sns:MakeSigningKey".to_owned(),
            request_id: random::uuid(),
            at: now,
        };
        let mut write = store.write(call).await?;
        let put = write.put_secret(REGION, NAME, &sealed).await;
        write.settle(put).await?;
        tracing::info!("a key to sign notifications was made");
        Self::read(text.expose())
    }

    /// Reads key and certificate in PEM, one after the other.
    fn read(text: &str) -> Result<Self, SignerFault> {
        let at =
            text.find(CERTIFICATE_BEGINS).ok_or_else(|| SignerFault::Damaged("no certificate".to_owned()))?;
        let (key, certificate) = text.split_at(at);
        let key = PrivateKey::from_pkcs8_pem(key).map_err(|fault| SignerFault::Damaged(fault.to_string()))?;
        Ok(Self {
            with_sha1: SigningKey::new(key.clone()),
            with_sha256: SigningKey::new(key),
            path: format!("/SimpleNotificationService-{}.pem", &random::digest(certificate)[..32]),
            certificate: certificate.to_owned(),
        })
    }

    /// The signature of `text`, in base64.
    pub(crate) fn sign(&self, version: Version, text: &str) -> String {
        const LONG: &str = "the key is longer than a hash";
        let bytes = match version {
            Version::One => self.with_sha1.try_sign(text.as_bytes()).expect(LONG).to_bytes(),
            Version::Two => self.with_sha256.try_sign(text.as_bytes()).expect(LONG).to_bytes(),
        };
        BASE64_STANDARD.encode(bytes)
    }
}

/// A key and a certificate for it that nobody vouches for.
fn make(now: Utc) -> Result<Secret, SignerFault> {
    let key = PrivateKey::generate();
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|fault| SignerFault::Damaged(fault.to_string()))?;
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "Headwater notifications");
    let year = i32::try_from(now.civil().0).unwrap_or(2026);
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + YEARS, 1, 1);
    let certificate = params.self_signed(&KeyPair::from_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256)?)?;
    Ok(Secret::new(format!("{}{}", pem.as_str(), certificate.pem())))
}

impl Version {
    /// A topic's `SignatureVersion`.
    pub(crate) fn of(attribute: Option<&str>) -> Self {
        if attribute == Some("2") { Self::Two } else { Self::One }
    }

    /// As messages say it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}
