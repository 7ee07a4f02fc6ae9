//! Whom to believe to be the API at an https:// URL: the system's certificate authorities, and one's own.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// How to be a TLS client of whoever the system's authorities, and those in the file `own`, vouch for.
pub(crate) fn client(own: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    // What cannot be read of the system's is as good as not there.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = own {
        let fault =
            |source: &dyn std::error::Error| Error::Authorities(format!("`{}`: {source}", path.display()));
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|source| fault(&source))? {
            let certificate = certificate.map_err(|source| fault(&source))?;
            roots.add(certificate).map_err(|source| fault(&source))?;
        }
        if roots.len() == before {
            return Err(Error::Authorities(format!("`{}` has no certificate in PEM", path.display())));
        }
    }
    if roots.is_empty() {
        let none =
            "this system has none (Debian: package ca-certificates); name a file of your own with --ca";
        return Err(Error::Authorities(none.to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(client))
}
