//! The certificate viewers are shown, wherever it comes from.

use std::path::Path;
use std::sync::Arc;

use ::certificate::reload::{self, Look};
use ::certificate::{CertificateError, Pair, Shown};

use crate::config::Certificate;
use crate::counters::{Counters, Renewal};
use crate::tls::acme::{Keeper, Proofs};

/// The certificate of `source`, which is kept up to date as long as this runtime runs.
pub(crate) fn start(
    source: &Certificate,
    folder: &Path,
    proofs: Arc<Proofs>,
    counters: Arc<Counters>,
) -> Result<Arc<Shown>, CertificateError> {
    match source {
        Certificate::SelfMade => {
            let pair = Pair::self_made(folder);
            pair.make_once()?;
            tracing::warn!(
                certificate = %pair.certificate.display(),
                "TLS with a certificate of the edge's own making: browsers will warn"
            );
            Ok(Arc::new(Shown::new(pair.read()?)))
        }
        Certificate::Files { certificate, key } => {
            let pair = Pair { certificate: certificate.clone(), key: key.clone() };
            let seen = reload::stamps(&pair);
            let shown = Arc::new(Shown::new(pair.read()?));
            tokio::spawn(reload::watch(pair, seen, shown.clone(), move |look| {
                counters.certificate(match look {
                    Look::Shown => Renewal::Shown,
                    Look::Refused => Renewal::Refused,
                });
            }));
            Ok(shown)
        }
        Certificate::Acme(acme) => {
            let kept = Pair::acme(folder).read();
            let first = match kept {
                Ok(kept) => kept,
                // There is none yet, or none that can be used: the keeper asks for one at once.
                Err(_) => {
                    let own = Pair::self_made(folder);
                    own.make_once()?;
                    own.read()?
                }
            };
            let shown = Arc::new(Shown::new(first));
            let (acme, folder, shown_too) = (acme.clone(), folder.to_owned(), shown.clone());
            tokio::spawn(Keeper { acme, folder, shown: shown_too, proofs, counters }.run());
            Ok(shown)
        }
    }
}
