//! Who asks, and may they.

use std::net::IpAddr;

use iam::{ROOT, UserRecord};
use identity::policy::{self, Call, Context, Decision, Document};
use identity::sigv4::{Claim, Credential, Fault, Scope, UnsignedPayload, Verified};
use identity::{AccessKeyId, Principal, session};
use media::Utc;

use crate::front::Front;

/// Somebody who has proved to have a key.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) principal: Principal,
    /// The key they signed with.
    pub(crate) access_key: String,
    /// Whether that is a temporary one.
    pub(crate) is_session: bool,
    /// `AIDA…`; the root's is the account.
    user_id: String,
    /// The user's policies; the root has none, and may do everything.
    policies: Option<Vec<Document>>,
}

/// Why nobody is known to ask.
#[derive(Debug)]
pub(crate) enum Denied {
    /// What was sent is at fault.
    Fault(Fault),
    /// What is kept here is.
    Trouble(Trouble),
}

/// It cannot be decided now.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The store is busy or away: another try may find it.
    Away,
    /// It holds what cannot be read.
    Broken,
}

/// Whether the same request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only reads.
    Reads,
    /// It changes something: one signature is good once.
    Changes,
}

impl Front {
    /// Whoever made this claim, if it holds.
    pub(crate) async fn verify(
        &self,
        claim: &Claim<'_>,
        effect: Effect,
        peer: IpAddr,
        now: Utc,
    ) -> Result<(Asker, Verified), Denied> {
        let known = self.key(claim.access_key(), claim.token()).await?;
        let credential = known.as_ref().map(|(_, credential)| credential);
        // On loopback nobody changes bodies on the way.
        let unsigned = if peer.is_loopback() { UnsignedPayload::Accept } else { UnsignedPayload::Refuse };
        let verified = claim.verify(credential, now, unsigned).map_err(Denied::Fault)?;
        let (key, _) = known.ok_or(Denied::Fault(Fault::UnknownKey))?;
        if effect == Effect::Changes {
            let mut replays = self.replays.lock().expect("nobody panics while holding it");
            replays.admit(&verified, now).map_err(Denied::Fault)?;
        }
        let asker = self.asker(&key, claim.access_key()).await?;
        self.used.note(&key.id, &verified.scope, now);
        Ok((asker, verified))
    }

    /// Whoever shows a key with its secret, for what `scope` names.
    pub(crate) async fn shown(
        &self,
        access_key: &str,
        secret: &str,
        scope: &Scope,
        now: Utc,
    ) -> Result<Asker, Denied> {
        let known = self.key(access_key, None).await?;
        match known {
            Some((key, credential)) if credential.secret.is(secret) => {
                let asker = self.asker(&key, access_key).await?;
                self.used.note(&key.id, scope, now);
                Ok(asker)
            }
            _ => Err(Denied::Fault(Fault::UnknownKey)),
        }
    }

    /// A key that may sign, and what it signs with. A temporary one is in the token that comes with it, and may what the key may that
    /// asked for it.
    async fn key(
        &self,
        id: &str,
        token: Option<&str>,
    ) -> Result<Option<(store::AccessKey, Credential)>, Denied> {
        if id.starts_with(session::PREFIX) {
            let opened = token.and_then(|token| session::open(&self.keyring, id, token).ok());
            let Some(opened) = opened else { return Ok(None) };
            let issuer = self.stored_key(opened.issuer.as_str()).await?;
            return Ok(issuer.map(|(issuer, _)| (issuer, opened.credential)));
        }
        self.stored_key(id).await
    }

    async fn stored_key(&self, id: &str) -> Result<Option<(store::AccessKey, Credential)>, Denied> {
        if AccessKeyId::parse(id).is_err() {
            return Ok(None);
        }
        let key = match self.store.key(id).await {
            Ok(key) if key.active && key.account == self.account.as_str() => key,
            Ok(_) | Err(store::Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(Denied::Trouble(away(&error))),
        };
        match self.keyring.open(&key.sealed, id) {
            Ok(secret) => Ok(Some((key, Credential { secret, session: None }))),
            Err(fault) => {
                tracing::error!(%fault, access_key = id, "an access key's secret does not open");
                Err(Denied::Trouble(Trouble::Broken))
            }
        }
    }

    async fn asker(&self, key: &store::AccessKey, signed: &str) -> Result<Asker, Denied> {
        let (access_key, is_session) = (signed.to_owned(), key.id != signed);
        if key.user == ROOT {
            let account = self.account.clone();
            return Ok(Asker {
                access_key,
                is_session,
                user_id: account.as_str().to_owned(),
                principal: Principal::Root(account),
                policies: None,
            });
        }
        let trouble = |error| Denied::Trouble(away(&error));
        let user = self.store.user(&key.account, &key.user).await.map_err(trouble)?;
        let kept = self.store.policies_of(&key.account, &key.user).await.map_err(trouble)?;
        let mut policies = Vec::with_capacity(kept.len());
        for policy in kept {
            // Passing over one that cannot be read might pass over what it denies.
            policies.push(Document::parse(policy.document.text()).map_err(|fault| {
                tracing::error!(%fault, policy = policy.name, "a stored policy cannot be read");
                Denied::Trouble(Trouble::Broken)
            })?);
        }
        let record = UserRecord::of(&user).map_err(trouble)?;
        Ok(Asker {
            access_key,
            is_session,
            user_id: record.id,
            principal: Principal::User {
                account: self.account.clone(),
                path: record.path,
                name: key.user.clone(),
            },
            policies: Some(policies),
        })
    }
}

impl Asker {
    /// What conditions of policies ask for.
    pub(crate) fn context(&self, peer: IpAddr, region: &str, now: Utc) -> Context {
        let mut context = Context::default();
        context.add("aws:SourceIp", peer.to_string());
        context.add("aws:SecureTransport", "false");
        context.add("aws:CurrentTime", now.to_string());
        context.add("aws:EpochTime", (now.0.div_euclid(1_000_000)).to_string());
        context.add("aws:RequestedRegion", region);
        context.add("aws:PrincipalArn", self.principal.to_string());
        context.add("aws:userid", self.user_id.as_str());
        match &self.principal {
            Principal::Root(account) => {
                context.add("aws:PrincipalAccount", account.as_str());
                context.add("aws:PrincipalType", "Account");
            }
            Principal::User { account, name, .. } => {
                context.add("aws:PrincipalAccount", account.as_str());
                context.add("aws:PrincipalType", "User");
                context.add("aws:username", name.as_str());
            }
        }
        context
    }

    /// Whether they may do `action` on `resource`; `None` where nobody can say which that is.
    pub(crate) fn decide(&self, action: &str, resource: Option<&str>, context: &Context) -> Decision {
        let Some(policies) = &self.policies else { return Decision::Allowed };
        let call = Call { action, resource: resource.unwrap_or("*"), context };
        match resource {
            Some(_) => policy::decide(policies, &call),
            None => policy::decide_on_any(policies, &call),
        }
    }
}

fn away(error: &store::Error) -> Trouble {
    tracing::error!(%error, "identity cannot be read from the store");
    match error {
        store::Error::Busy | store::Error::Unavailable(_) | store::Error::Full(_) => Trouble::Away,
        _ => Trouble::Broken,
    }
}
