//! Whom the edge believes to be an origin: the system's certificate authorities, and one's own.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Reads the authorities when they are first asked for.
#[derive(Debug)]
pub(crate) struct Trust {
    /// A file of authorities besides the system's.
    own: Option<PathBuf>,
    client: Option<Arc<ClientConfig>>,
}

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of authorities.
    #[error("certificate authorities in `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate in it.
    #[error("a certificate authority in `{}`", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The system has none.
    #[error(
        "this system has no certificate authorities (Debian: package ca-certificates); name a file of your own"
    )]
    None,
}

impl Trust {
    pub(crate) fn new(own: Option<PathBuf>) -> Trust {
        Trust { own, client: None }
    }

    /// How to be a client of whoever these authorities vouch for. Host names are always checked.
    pub(crate) fn client(&mut self) -> Result<Arc<ClientConfig>, TrustError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let mut roots = RootCertStore::empty();
        // What cannot be read of the system's is as good as not there.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.own {
            let fault = |source| TrustError::File { path: path.clone(), source };
            let mut some = false;
            for certificate in CertificateDer::pem_file_iter(path).map_err(fault)? {
                roots
                    .add(certificate.map_err(fault)?)
                    .map_err(|source| TrustError::Certificate { path: path.clone(), source })?;
                some = true;
            }
            if !some {
                return Err(fault(rustls::pki_types::pem::Error::NoItemsFound));
            }
        }
        if roots.is_empty() {
            return Err(TrustError::None);
        }
        let mut client =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring knows TLS 1.2 and 1.3")
                .with_root_certificates(roots)
                .with_no_client_auth();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = Arc::new(client);
        self.client = Some(client.clone());
        Ok(client)
    }
}
