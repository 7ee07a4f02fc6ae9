//! A channel's schedule: which input is shown from when on.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use media::Utc;
use store::{Expect, Write};

use crate::at::{At, Invalid};
use crate::channel::WHAT;
use crate::medialive::{MediaLive, held};
use crate::page::{self, Asked};
use crate::refusal::told;
use crate::state::{self, Report};
use crate::stored::{self, Action, CHANNEL, Channel};

/// Most actions of a schedule.
const MAX_ACTIONS: usize = 500;
const ONLY_SWITCHES: &str = "is not implemented; InputSwitchSettings is";

impl MediaLive {
    pub(crate) async fn update_schedule(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("ChannelId").unwrap_or_default();
        self.leave_others(caller, CHANNEL, id).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = update(&mut write, caller, &input).await;
        self.settle(caller, write, id, done).await
    }

    pub(crate) async fn describe_schedule(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let asked = Asked::of(&input)?;
        let id = input.text("ChannelId").unwrap_or_default();
        if self.other_channel(id).await?.is_some() {
            return Ok(page::answer("ScheduleActions", Vec::new(), None));
        }
        let channel: Channel = stored::read(&self.find(caller, CHANNEL, id, WHAT).await?).map_err(told)?;
        let (items, next) = asked.cut(channel.schedule.into_iter().map(|action| action.action));
        Ok(page::answer("ScheduleActions", items, next))
    }

    pub(crate) async fn delete_schedule(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("ChannelId").unwrap_or_default();
        self.leave_others(caller, CHANNEL, id).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = async {
            let resource = held(&mut write, caller, CHANNEL, id, WHAT).await?;
            write.about(&resource.arn);
            let channel = Channel { schedule: Vec::new(), ..stored::read(&resource)? };
            write.change(&resource.key, Expect::Any, stored::document(&channel)?).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, id, done).await
    }
}

/// Deletes, then creates.
async fn update(write: &mut Write, caller: &Caller, input: &Map) -> Result<Map, Refusal> {
    let resource = held(write, caller, CHANNEL, input.text("ChannelId").unwrap_or_default(), WHAT).await?;
    write.about(&resource.arn);
    let mut channel: Channel = stored::read(&resource)?;
    let is_running =
        channel.is_started && state::channel(&channel, Report::of(&resource).as_ref(), false) != "IDLE";
    let root = At::root(input);
    let (mut deleted, mut created) = (Vec::new(), Vec::new());
    if let Some(deletes) = root.at("Deletes") {
        for (path, name) in deletes.texts("ActionNames") {
            let found = channel.schedule.iter().position(|action| action.name() == name);
            let missing = || Invalid { path, message: format!("there is no action {name}") };
            deleted.push(Value::from(channel.schedule.remove(found.ok_or_else(missing)?).action));
        }
    }
    if let Some(creates) = root.at("Creates") {
        for at in creates.each("ScheduleActions") {
            let action = Action { at: start(&at, caller.at, is_running)?, action: at.map.clone() };
            if action.name().is_empty() || channel.schedule.iter().any(|other| other.name() == action.name())
            {
                return Err(at
                    .invalid("ActionName", "a name that no other action of the channel has is needed")
                    .into());
            }
            only_switch(&at)?;
            fits(&channel, &action)
                .map_err(|invalid| Invalid { path: at.path("ScheduleActionSettings"), ..invalid })?;
            if channel.schedule.len() >= MAX_ACTIONS {
                let message =
                    format!("a schedule has at most {MAX_ACTIONS} actions; delete some that are over");
                return Err(at.invalid("ActionName", message).into());
            }
            created.push(Value::from(action.action.clone()));
            channel.schedule.push(action);
        }
    }
    channel.schedule.sort_by_key(|action| action.at);
    write.change(&resource.key, Expect::Any, stored::document(&channel)?).await?;
    let mut answer = Map::new();
    for (member, actions) in [("Creates", created), ("Deletes", deleted)] {
        if root.has(member) {
            answer.insert(member, Map::new().with("ScheduleActions", actions));
        }
    }
    Ok(answer)
}

/// When an action takes effect.
fn start(at: &At<'_>, now: Utc, is_running: bool) -> Result<Utc, Invalid> {
    let complaint = at.invalid("ScheduleActionStartSettings", "one way to start is needed");
    let Some(settings) = at.at("ScheduleActionStartSettings").filter(|settings| settings.map.len() == 1)
    else {
        return Err(complaint);
    };
    if settings.has("ImmediateModeScheduleActionStartSettings") {
        return match is_running {
            true => Ok(now),
            false => Err(settings.invalid(
                "ImmediateModeScheduleActionStartSettings",
                "the channel is not running; start it first",
            )),
        };
    }
    let Some(fixed) = settings.at("FixedModeScheduleActionStartSettings") else {
        return Err(settings
            .invalid("FollowModeScheduleActionStartSettings", "this is not implemented; use a fixed time"));
    };
    let text = fixed.text("Time").unwrap_or_default();
    let iso = text.contains('T').then(|| aws::date(text)).flatten();
    let time =
        iso.ok_or_else(|| fixed.invalid("Time", "a time is wanted here, such as 2026-11-27T12:00:00.000Z"))?;
    if time <= now {
        return Err(fixed.invalid("Time", "this time is over"));
    }
    Ok(time)
}

/// Whether the action is nothing but an input switch.
fn only_switch(at: &At<'_>) -> Result<(), Invalid> {
    let settings = at.at("ScheduleActionSettings");
    let settings = settings.ok_or_else(|| at.invalid("ScheduleActionSettings", "say what is to happen"))?;
    if let Some((kind, _)) = settings.map.iter().find(|(kind, _)| *kind != "InputSwitchSettings") {
        return Err(settings.invalid(kind, format!("{kind} {ONLY_SWITCHES}")));
    }
    let switch = settings.at("InputSwitchSettings");
    let switch =
        switch.ok_or_else(|| at.invalid("ScheduleActionSettings", "InputSwitchSettings are needed"))?;
    for (member, value) in switch.map.iter().filter(|(member, _)| *member != "InputAttachmentNameReference") {
        if value.as_list().is_none_or(|list| !list.is_empty()) {
            return Err(switch.invalid(member, format!("{member} is not implemented; leave it out")));
        }
    }
    Ok(())
}

/// Whether the channel has the attachment that an action switches to.
pub(crate) fn fits(channel: &Channel, action: &Action) -> Result<(), Invalid> {
    let root = At::root(&channel.settings);
    let attachments = root.each("InputAttachments");
    let name = action.attachment().unwrap_or_default();
    let found = attachments.iter().find(|attachment| attachment.filled("InputAttachmentName") == Some(name));
    let complaint = |message: String| Invalid { path: String::new(), message };
    let Some(found) = found else {
        return Err(complaint(format!(
            "action {} switches to {name}, and no attachment has that name",
            action.name()
        )));
    };
    let id = found.text("InputId");
    let is_second = |attachment: &At<'_>| {
        let settings = attachment.at("AutomaticInputFailoverSettings");
        settings.is_some_and(|settings| settings.text("SecondaryInputId") == id)
    };
    match id.is_some() && attachments.iter().any(is_second) {
        true => Err(complaint(format!("{name} is the second input of a failover pair; switch to the first"))),
        false => Ok(()),
    }
}
