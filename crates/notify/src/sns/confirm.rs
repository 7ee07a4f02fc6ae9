//! ConfirmSubscription and Unsubscribe, which also come as links that nobody signs.

use aws::{Error, Map};
use door::Caller;
use store::{Call, Document, Expect, Key, New, Owner, Tags};

use super::message::{self, Addressee, Seal};
use super::subscription::{self, PENDING_US, Protocol, Subscription};
use super::{subscription_attributes, topic};
use crate::envelope::Kind;
use crate::notifier::Shared;
use crate::signer::Version;
use crate::{fault, parcel, random};

/// Whether a call came without a signature: the front door names nobody then.
fn is_unsigned(caller: &Caller) -> bool {
    caller.who == Caller::ANYBODY
}

/// The call for the audit log, in the account of what it is about: a link names none.
fn audit(caller: &Caller, key: &Key) -> Call {
    let mut call = caller.audit();
    if is_unsigned(caller) {
        call.account = key.account().to_owned();
        call.who = Caller::ANYBODY.to_owned();
    }
    call
}

fn wrong_token() -> Error {
    fault::invalid("Token", "it confirms no subscription of this topic, or no more")
}

/// ConfirmSubscription. A token that confirmed already says the same again; one of a subscription that ended restores it.
pub(super) async fn confirm(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (topic_arn, token) = (input.text("TopicArn").unwrap_or(""), input.text("Token").unwrap_or(""));
    let asks_for_signature =
        input.text("AuthenticateOnUnsubscribe").is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let is_signed = !is_unsigned(caller);
    let (topic, _) = topic::find(shared, topic_arn, caller.at).await?;
    let uuid = subscription::uuid_of(token).ok_or_else(wrong_token)?;
    let arn = format!("{}:{uuid}", topic.arn);
    let key = subscription::key(&arn)?;
    let resource = shared.store.resource(&key, caller.at).await.map_err(|error| match error {
        store::Error::NotFound(_) => wrong_token(),
        error => fault::store(error),
    })?;
    let mut wanted: Subscription = resource.desired.read().map_err(fault::store)?;
    if wanted.token != Some(random::digest(token)) {
        return Err(wrong_token());
    }
    let ended = resource.deleted.is_some();
    if !ended && wanted.is_confirmed {
        return Ok(Map::new().with("SubscriptionArn", arn));
    }
    wanted.is_confirmed = true;
    wanted.was_authenticated = is_signed;
    wanted.authenticate_on_unsubscribe = asks_for_signature && is_signed;
    let desired = Document::of(&wanted).map_err(fault::store)?;
    let mut write = shared.store.write(audit(caller, &key)).await.map_err(fault::store)?;
    let confirmed = async {
        match ended {
            false => write.change(&key, Expect::Generation(resource.generation), desired).await,
            true => {
                let (arn, name) = (resource.arn, resource.name);
                write.create(New { key, arn, name, owner: Owner::Api, desired, tags: Tags::new() }).await
            }
        }
    }
    .await;
    match write.settle(confirmed).await {
        // Somebody else did it at the same moment, or it ended.
        Err(store::Error::Stale { .. } | store::Error::NotFound(_) | store::Error::Conflict(_)) => {
            Err(wrong_token())
        }
        Err(error) => Err(fault::store(error)),
        Ok(_) => Ok(Map::new().with("SubscriptionArn", arn)),
    }
}

/// Unsubscribe. What is on its way is dropped; a webhook or an address hears of it, and can take it back for 48 hours.
pub(super) async fn unsubscribe(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let arn = input.text("SubscriptionArn").unwrap_or("");
    let key = subscription::key(arn)?;
    let resource = match shared.store.resource(&key, caller.at).await {
        Ok(resource) if resource.deleted.is_none() => resource,
        // As good as done.
        Ok(_) | Err(store::Error::NotFound(_)) => return Ok(Map::new()),
        Err(error) => return Err(fault::store(error)),
    };
    let mut ended: Subscription = resource.desired.read().map_err(fault::store)?;
    if is_unsigned(caller) && ended.authenticate_on_unsubscribe {
        return Err(Error::new(
            "AuthorizationErrorException",
            "this subscription ends only by a signed Unsubscribe",
        ));
    }
    let was_confirmed = std::mem::replace(&mut ended.is_confirmed, false);
    let uuid = key.id().rsplit(':').next().unwrap_or("");
    let token = ended.new_token(uuid, caller.at);
    let notice = match was_confirmed && ended.protocol != Protocol::Sqs {
        false => None,
        true => {
            let (_, topic) = topic::find(shared, &ended.topic, caller.at).await?;
            let setting = |name: &str| topic.attributes.get(name).map(String::as_str);
            let seal = Seal {
                signer: shared.signer(caller.at).await?.clone(),
                version: Version::of(setting("SignatureVersion")),
            };
            let delivery = subscription_attributes::delivery(&ended, setting("DeliveryPolicy"));
            let to = Addressee { arn, subscription: &ended, delivery: &delivery };
            Some(
                message::question(shared, &to, Kind::UnsubscribeConfirmation, &token, (&seal, caller.at))
                    .await,
            )
        }
    };
    let desired = Document::of(&ended).map_err(fault::store)?;
    let mut write = shared.store.write(audit(caller, &key)).await.map_err(fault::store)?;
    let gone = async {
        write.change(&key, Expect::Any, desired).await?;
        write.delete(&key, Expect::Any, caller.at.plus_micros(PENDING_US)).await?;
        let mut messages = write.messages();
        messages.clear(&parcel::outbox(arn)).await?;
        if let Some((parcel, body)) = &notice {
            parcel::put(&mut messages, arn, parcel, body, caller.at).await?;
        }
        Ok(())
    }
    .await;
    match write.settle(gone).await {
        Ok(()) | Err(store::Error::NotFound(_)) => {}
        Err(error) => return Err(fault::store(error)),
    }
    shared.told();
    Ok(Map::new())
}
