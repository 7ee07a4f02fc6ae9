//! A server's certificate: read from files, made where there is none, and shown to clients until another is there.

#![forbid(unsafe_code)]

pub mod reload;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Largest file that is read as a certificate chain or key, in bytes: far above any real one.
const LARGEST_FILE: u64 = 1 << 20;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("`{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A file holds no PEM of the kind that is wanted.
    #[error("`{}` holds no {wanted}: {fault}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be there.
        wanted: &'static str,
        /// What is wrong.
        fault: rustls::pki_types::pem::Error,
    },
    /// The key is of no usable kind, or not the certificate's.
    #[error("the key in `{}` does not go with the certificate in `{}`: {fault}", key.display(), certificate.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        fault: rustls::Error,
    },
    /// No certificate could be made.
    #[error("make a certificate")]
    Make(#[from] rcgen::Error),
}

/// A certificate chain and its key, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What sessions that begin now are shown.
#[derive(Debug)]
pub struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    /// Shows `pair` to begin with.
    pub fn new(pair: CertifiedKey) -> Shown {
        Shown(RwLock::new(Arc::new(pair)))
    }

    /// Shows `pair` from the next handshake on; sessions that live keep theirs.
    pub fn replace(&self, pair: CertifiedKey) {
        *self.0.write().expect("nothing panics while it holds the certificate") = Arc::new(pair);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().expect("nothing panics while it holds the certificate").clone())
    }
}

impl Pair {
    /// The pair that is made where nobody has brought one: [`Self::make_once`].
    pub fn self_made(folder: &Path) -> Pair {
        Self::named(folder, "self-made")
    }

    /// The pair an authority signed (RFC 8555).
    pub fn acme(folder: &Path) -> Pair {
        Self::named(folder, "acme")
    }

    /// `{name}.pem` and `{name}-key.pem` in `folder`.
    fn named(folder: &Path, name: &str) -> Pair {
        Pair { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}-key.pem")) }
    }

    /// Reads both and checks that they belong together.
    pub fn read(&self) -> Result<CertifiedKey, CertificateError> {
        let pem = |path: &Path, wanted, fault| CertificateError::Pem { path: path.to_owned(), wanted, fault };
        let chain = CertificateDer::pem_slice_iter(&read_file(&self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .and_then(|chain| match chain.is_empty() {
                true => Err(rustls::pki_types::pem::Error::NoItemsFound),
                false => Ok(chain),
            })
            .map_err(|fault| pem(&self.certificate, "certificate", fault))?;
        let key = PrivateKeyDer::from_pem_slice(&read_file(&self.key)?)
            .map_err(|fault| pem(&self.key, "private key", fault))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|fault| {
            CertificateError::Pair { certificate: self.certificate.clone(), key: self.key.clone(), fault }
        })
    }

    /// Writes both; the key for its owner alone. Each file is whole whenever somebody looks.
    pub fn write(&self, certificate: &str, key: &str) -> Result<(), CertificateError> {
        write_file(&self.key, key)?;
        write_file(&self.certificate, certificate)
    }

    /// Makes a certificate for this machine that nobody vouches for, unless there is one.
    pub fn make_once(&self) -> Result<(), CertificateError> {
        if self.certificate.exists() && self.key.exists() {
            return Ok(());
        }
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "Headwater, self-made");
        for address in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            params.subject_alt_names.push(rcgen::SanType::IpAddress(address));
        }
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        self.write(&certificate.pem(), &key.serialize_pem())
    }
}

/// A small file's bytes.
pub fn read_file(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let read = || {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        io::Read::read_to_end(&mut io::Read::take(file, LARGEST_FILE), &mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

/// Writes a file for its owner alone; it is whole whenever somebody looks.
pub fn write_file(path: &Path, text: &str) -> Result<(), CertificateError> {
    let beside = path.with_extension("new");
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|source| CertificateError::File { path: path.to_owned(), source })
}
