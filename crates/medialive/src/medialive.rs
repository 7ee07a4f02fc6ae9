//! The door.

use std::future::ready;
use std::sync::Arc;

use aws::{Error, Map};
use door::{About, Answer, Caller, Door, Others, Refusal, Seen, Site, Wanted};
use media::Utc;
use store::{Document, Key, Observation, Resource, Store, Token, Write};

use crate::about::ARNS;
use crate::encoders::Encoders;
use crate::endpoint::Reach;
use crate::refusal::told;
use crate::{observe, state, wanted};

/// AWS MediaLive.
#[derive(Clone)]
pub struct MediaLive {
    pub(crate) store: Store,
    pub(crate) site: Site,
    pub(crate) reach: Reach,
    pub(crate) encoders: Arc<dyn Encoders>,
    pub(crate) others: Arc<dyn Others>,
}

impl MediaLive {
    /// The door to the resources of `store`. `site` is what answers name; `reach` is whether inputs that are fetched may lie in
    /// private networks; `encoders` runs the channels; `others` knows what other doors made.
    pub fn new(
        store: Store,
        site: Site,
        reach: Reach,
        encoders: Arc<dyn Encoders>,
        others: Arc<dyn Others>,
    ) -> Self {
        Self { store, site, reach, encoders, others }
    }

    /// Ends a call: durable with its audit line, or taken back with a line that says why.
    pub(crate) async fn settle<T>(
        &self,
        caller: &Caller,
        write: Write,
        subject: &str,
        done: Result<T, Refusal>,
    ) -> Result<T, Error> {
        door::settle(&self.store, caller, write, subject, done, told).await
    }

    /// A resource of the caller's account and region, or its tombstone; `what` it is in a refusal.
    pub(crate) async fn find(
        &self,
        caller: &Caller,
        kind: &str,
        id: &str,
        what: &str,
    ) -> Result<Resource, Error> {
        let missing = || crate::refusal::not_found(what, id);
        let key = Key::new(kind, &caller.account, &caller.region, id).map_err(|_| missing())?;
        self.store.resource(&key, caller.at).await.map_err(|error| match error {
            store::Error::NotFound(_) => missing(),
            other => told(other),
        })
    }
}

/// A resource to be changed, in the caller's account and region.
pub(crate) async fn held(
    write: &mut Write,
    caller: &Caller,
    kind: &str,
    id: &str,
    what: &str,
) -> Result<Resource, Refusal> {
    let missing = || Refusal::Told(crate::refusal::not_found(what, id));
    let key = Key::new(kind, &caller.account, &caller.region, id).map_err(|_| missing())?;
    write.resource(&key).await.map_err(|error| match error {
        store::Error::NotFound(_) => missing(),
        other => other.into(),
    })
}

/// What makes a repeated call one call, and the answer it had.
pub(crate) async fn replay(write: &mut Write, input: &Map) -> Result<(Option<Token>, Option<Map>), Refusal> {
    let Some(text) = input.text("RequestId").filter(|text| !text.is_empty()) else { return Ok((None, None)) };
    let fingerprint = crate::id::digest(&[Document::of(input)?.text()]);
    let token = Token { token: text.to_owned(), fingerprint };
    let answer = match write.replay(&token).await? {
        None => None,
        Some(document) => Some(document.read()?),
    };
    Ok((Some(token), answer))
}

/// Keeps the answer for whoever sends the token again.
pub(crate) async fn remember(write: &mut Write, token: Option<&Token>, answer: &Map) -> Result<(), Refusal> {
    if let Some(token) = token {
        write.remember(token, &Document::of(answer)?).await?;
    }
    Ok(())
}

impl Door for MediaLive {
    fn service(&self) -> &'static str {
        "medialive"
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(ready(Ok(ARNS.of(caller, operation, input))))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        Some(match operation {
            "CreateInput" => Box::pin(self.create_input(caller, input)),
            "DescribeInput" => Box::pin(self.describe_input(caller, input)),
            "ListInputs" => Box::pin(self.list_inputs(caller, input)),
            "UpdateInput" => Box::pin(self.update_input(caller, input)),
            "DeleteInput" => Box::pin(self.delete_input(caller, input)),
            "CreateInputSecurityGroup" => Box::pin(self.create_group(caller, input)),
            "DescribeInputSecurityGroup" => Box::pin(self.describe_group(caller, input)),
            "ListInputSecurityGroups" => Box::pin(self.list_groups(caller, input)),
            "UpdateInputSecurityGroup" => Box::pin(self.update_group(caller, input)),
            "DeleteInputSecurityGroup" => Box::pin(self.delete_group(caller, input)),
            "CreateChannel" => Box::pin(self.create_channel(caller, input)),
            "DescribeChannel" => Box::pin(self.describe_channel(caller, input)),
            "ListChannels" => Box::pin(self.list_channels(caller, input)),
            "UpdateChannel" | "UpdateChannelClass" => Box::pin(self.update_channel(caller, input)),
            "DeleteChannel" => Box::pin(self.delete_channel(caller, input)),
            "StartChannel" => Box::pin(self.start_channel(caller, input)),
            "StopChannel" => Box::pin(self.stop_channel(caller, input)),
            "BatchStart" => Box::pin(self.batch_start(caller, input)),
            "BatchStop" => Box::pin(self.batch_stop(caller, input)),
            "BatchDelete" => Box::pin(self.batch_delete(caller, input)),
            "BatchUpdateSchedule" => Box::pin(self.update_schedule(caller, input)),
            "DescribeSchedule" => Box::pin(self.describe_schedule(caller, input)),
            "DeleteSchedule" => Box::pin(self.delete_schedule(caller, input)),
            "CreateTags" => Box::pin(self.create_tags(caller, input)),
            "DeleteTags" => Box::pin(self.delete_tags(caller, input)),
            "ListTagsForResource" => Box::pin(self.list_tags(caller, input)),
            "DescribeThumbnails" => Box::pin(self.thumbnails(caller, input)),
            "RestartChannelPipelines" => Box::pin(self.restart_pipelines(caller, input)),
            "ListAlerts" => Box::pin(self.list_alerts(caller, input)),
            "DescribeAccountConfiguration" => Box::pin(self.account_configuration()),
            "UpdateAccountConfiguration" => Box::pin(self.update_account_configuration(input)),
            "ListVersions" => Box::pin(self.versions()),
            _ => return None,
        })
    }

    fn wanted(&self, resources: &[Resource], _: &Site) -> Wanted {
        Wanted { channels: wanted::tables(resources, self.reach), ..Wanted::default() }
    }

    fn state(&self, resource: &Resource) -> Option<String> {
        state::of(resource).map(str::to_owned)
    }

    fn observe(&self, resources: &[Resource], seen: &Seen, now: Utc) -> Vec<Observation> {
        observe::reports(resources, seen, now, self.reach)
    }
}
