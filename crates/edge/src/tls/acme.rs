//! A certificate from an authority that speaks ACME (RFC 8555): asked for, proved by HTTP-01, kept, renewed.
//!
//! ```text
//!  Kept --2/3 of its life are over, or other domains--> Ordering --issued--> Kept
//!                                                          ^  `--failed--> Waiting (1 min, doubling to 6 h) --.
//!                                                          `---------------------------------------------------'
//! ```
//! Until there is a first one, viewers are shown a certificate of the edge's own making.

mod validity;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::certificate::{CertificateError, Pair, Shown, read_file, write_file};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::config::Acme;
use crate::counters::{Counters, Renewal};
use crate::fetch::Chain;

/// Where an authority looks for the proof (RFC 8555 §8.3).
const PROOF_PATH: &str = "/.well-known/acme-challenge/";
/// One order from begin to end; then it has failed.
const ORDER_TIME: Duration = Duration::from_secs(300);
/// Wait after the first failure; each doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// Longest wait after a failure: authorities bound failures an hour.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);
/// Between two looks whether it is time to renew.
const LOOK_PERIOD: Duration = Duration::from_secs(3600);

/// Proofs of the orders under way, by token; the listener without TLS answers with them.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<HashMap<String, String>>);

/// What is kept beside the certificate.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    /// Those of the certificate; empty before the first.
    domains: Vec<String>,
    account: AccountCredentials,
}

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("the authority at {directory}")]
    Authority { directory: String, source: instant_acme::Error },
    #[error("{domain} cannot be proved by HTTP")]
    NoChallenge { domain: String },
    #[error("the authority found {domain} {status}")]
    Domain { domain: String, status: &'static str },
    #[error("the authority did not accept the proofs: it must reach this machine at port 80 of every domain")]
    NotProved,
    #[error("the order took more than {} s", ORDER_TIME.as_secs())]
    TooLong,
    #[error("keep what the authority gave")]
    Keep(#[from] CertificateError),
    #[error("make a key")]
    Key(#[from] rcgen::Error),
    #[error("write the account")]
    Account(#[from] serde_json::Error),
}

impl Proofs {
    /// The proof that is asked for by `target`.
    pub(crate) fn answer(&self, target: &str) -> Option<String> {
        let token = target.strip_prefix(PROOF_PATH)?;
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().expect("nothing panics while it holds the proofs")
    }
}

/// The task that keeps one certificate.
pub(crate) struct Keeper {
    pub(crate) acme: Acme,
    pub(crate) folder: PathBuf,
    pub(crate) shown: Arc<Shown>,
    pub(crate) proofs: Arc<Proofs>,
    pub(crate) counters: Arc<Counters>,
}
impl Keeper {
    /// Keeps the certificate fresh as long as the runtime runs.
    pub(crate) async fn run(self) {
        let mut wait = FIRST_WAIT;
        loop {
            if !self.is_due(SystemTime::now()) {
                tokio::time::sleep(LOOK_PERIOD).await;
                continue;
            }
            match timeout(ORDER_TIME, self.order()).await.unwrap_or(Err(OrderError::TooLong)) {
                Ok(()) => {
                    wait = FIRST_WAIT;
                    self.counters.certificate(Renewal::Shown);
                    tracing::info!(domains = self.acme.domains.join(" "), "certificate issued");
                }
                Err(fault) => {
                    self.counters.certificate(Renewal::Refused);
                    let again = wait.as_secs();
                    tracing::error!(fault = %Chain(&fault), "no certificate; trying again in {again} s");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
            self.proofs.lock().clear();
        }
    }

    /// Whether a certificate is to be asked for: there is none for these domains, or 2/3 of its life are over.
    fn is_due(&self, now: SystemTime) -> bool {
        let (Some(kept), Ok(pair)) = (self.kept(), Pair::acme(&self.folder).read()) else { return true };
        if kept.domains != self.acme.domains || kept.directory != self.acme.directory {
            return true;
        }
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        match pair.cert.first().and_then(|certificate| validity::read(certificate)) {
            Some((from, to)) => now >= from + (to - from) / 3 * 2,
            None => true,
        }
    }

    fn kept_path(&self) -> PathBuf {
        self.folder.join("acme.json")
    }

    fn kept(&self) -> Option<Kept> {
        serde_json::from_slice(&read_file(&self.kept_path()).ok()?).ok()
    }

    fn keep(&self, kept: &Kept) -> Result<(), OrderError> {
        Ok(write_file(&self.kept_path(), &serde_json::to_string(kept)?)?)
    }

    /// One order, from the account to the new certificate on show.
    async fn order(&self) -> Result<(), OrderError> {
        let failed = |source| OrderError::Authority { directory: self.acme.directory.clone(), source };
        let account = self.account().await?;
        let names: Vec<_> = self.acme.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(failed)?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            let domain = authorization.identifier().to_string();
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                _ => return Err(OrderError::Domain { domain, status: "not acceptable" }),
            }
            let mut challenge =
                authorization.challenge(ChallengeType::Http01).ok_or(OrderError::NoChallenge { domain })?;
            let proof = challenge.key_authorization().as_str().to_owned();
            self.proofs.lock().insert(challenge.token.clone(), proof);
            challenge.set_ready().await.map_err(failed)?;
        }
        let policy = RetryPolicy::default().timeout(ORDER_TIME);
        if order.poll_ready(&policy).await.map_err(failed)? != OrderStatus::Ready {
            return Err(OrderError::NotProved);
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(self.acme.domains.clone())?;
        params.distinguished_name = DistinguishedName::new();
        order.finalize_csr(params.serialize_request(&key)?.der()).await.map_err(failed)?;
        let chain = order.poll_certificate(&policy).await.map_err(failed)?;

        let pair = Pair::acme(&self.folder);
        pair.write(&chain, &key.serialize_pem())?;
        self.shown.replace(pair.read()?);
        if let Some(mut kept) = self.kept() {
            kept.domains.clone_from(&self.acme.domains);
            self.keep(&kept)?;
        }
        Ok(())
    }

    /// The account that was kept, or a new one.
    async fn account(&self) -> Result<Account, OrderError> {
        let failed = |source| OrderError::Authority { directory: self.acme.directory.clone(), source };
        let builder = match &self.acme.directory_ca {
            Some(root) => Account::builder_with_root(root),
            None => Account::builder(),
        }
        .map_err(failed)?;
        if let Some(kept) = self.kept()
            && kept.directory == self.acme.directory
        {
            return builder.from_credentials(kept.account).await.map_err(failed);
        }
        let contact: Vec<&str> = self.acme.contact.as_deref().into_iter().collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let directory = self.acme.directory.clone();
        let (account, credentials) = builder.create(&new, directory.clone(), None).await.map_err(failed)?;
        self.keep(&Kept { directory, domains: Vec::new(), account: credentials })?;
        Ok(account)
    }
}
