//! A channel's settings as a client sends them, held against all they have to be.

use http::header::CONTENT_TYPE;
use spec::{Channel, FileItem, Input, Slate, Workflow};
use toml::{Table, Value};

use super::Ask;
use super::channel_door::{MAX_SETTINGS, is_ours, with_name};
use super::json::Json;
use super::problem::Problem;
use super::routes::channel_arn;
use crate::compose::{self, compose};
use crate::workflow_file;

impl Ask<'_> {
    /// What the body is.
    pub(super) fn document(&self, media_type: &'static str) -> Result<Json, Problem> {
        let sent = self.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or(""));
        let sent = sent.map(|sent| sent.split(';').next().unwrap_or("").trim());
        if sent.is_some_and(|sent| ![media_type, "application/json"].contains(&sent)) {
            return Err(Problem::media_type(format!("send {media_type}")));
        }
        if self.body.len() > MAX_SETTINGS {
            return Err(Problem::too_large(format!("a channel has at most {MAX_SETTINGS} bytes")));
        }
        serde_json::from_slice(self.body)
            .map_err(|fault| Problem::bad_request(format!("the body is not valid JSON: {fault}")))
    }

    /// A channel's settings: a `[[channel]]` table, in which the name may be left out.
    pub(super) fn settings(&self, document: Json) -> Result<Table, Problem> {
        let Json::Object(members) = document else {
            return Err(Problem::bad_request("a channel is a JSON object"));
        };
        let mut settings =
            Json::table(members).map_err(|foreign| Problem::invalid(foreign.pointer, foreign.what))?;
        match settings.remove("name") {
            None => Ok(settings),
            Some(Value::String(name)) if name == self.name => Ok(settings),
            Some(_) => Err(Problem::invalid("/name", format!("the path names channel {}", self.name))),
        }
    }

    /// Whether the settings are a channel's, the caller may use what they name, and all that is wanted goes together.
    pub(super) async fn look_at(&self, name: &str, settings: &Table) -> Result<(), Problem> {
        let table = with_name(name, settings);
        let mut alone = Table::new();
        alone.insert("channel".to_owned(), Value::Array(vec![Value::Table(table.clone())]));
        let parsed = Workflow::parse(&alone.to_string())
            .map_err(|fault| Problem::invalid(pointer(&fault.field), compose::told(&fault)))?;
        let arn = channel_arn(&self.front.account, name);
        for channel in &parsed.channels {
            let reach = Reach::of(channel);
            if reach.is_to_files {
                self.allow("UseLocalFile", &arn)?;
            }
            if reach.is_to_private_networks {
                self.allow("UsePrivateNetwork", &arn)?;
            }
        }
        let (_, mut resources) = self.front.store.every().await.map_err(|error| Problem::of(&error))?;
        resources.retain(|resource| !(is_ours(resource) && resource.key.id() == name));
        let doors = &self.front.doors;
        let mut wanted: Vec<_> = doors.iter().map(|door| door.wanted(&resources, &self.front.site)).collect();
        wanted.push(door::Wanted { channels: vec![table], ..door::Wanted::default() });
        let file = workflow_file::base(&self.front.workflow, &self.front.channels, &resources);
        let with = compose(&file, wanted.clone());
        if with.refused.is_empty() {
            return Ok(());
        }
        if let Some(why) = with.refused.get(name) {
            return Err(Problem::conflict(why.as_str()));
        }
        wanted.pop();
        let without = compose(&file, wanted);
        match with.refused.iter().find(|(other, _)| !without.refused.contains_key(*other)) {
            None => Ok(()),
            Some((other, why)) => {
                Err(Problem::conflict(format!("channel {other} could not run beside it: {why}")))
            }
        }
    }
}

/// What a channel reaches for that is not everybody's.
struct Reach {
    is_to_files: bool,
    is_to_private_networks: bool,
}

impl Reach {
    fn of(channel: &Channel) -> Self {
        let is_file = |input: &Input| match input {
            Input::Files(files) => files.items.iter().any(|item| matches!(item, FileItem::Path(_))),
            _ => false,
        };
        let is_private = |input: &Input| match input {
            Input::Files(files) => files.allow_private,
            Input::Hls(pull) => pull.allow_private,
            Input::SrtCall(call) => call.allow_private,
            Input::RtmpCall(call) => call.allow_private,
            _ => false,
        };
        Self {
            is_to_files: channel.inputs().any(is_file) || matches!(channel.fill.slate, Slate::File(_)),
            is_to_private_networks: channel.inputs().any(is_private),
        }
    }
}

/// `channel[0].ladder[2].bitrate` as a JSON pointer: `/ladder/2/bitrate`.
fn pointer(field: &str) -> String {
    let inner = field.strip_prefix("channel[0]").unwrap_or(field).replace('[', ".").replace(']', "");
    inner.split('.').filter(|part| !part.is_empty()).fold(String::new(), |pointer, part| pointer + "/" + part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_place_of_a_fault_is_a_json_pointer() {
        assert_eq!(pointer("channel[0].ladder[2].bitrate"), "/ladder/2/bitrate");
        assert_eq!(
            (pointer("channel[0]"), pointer("channel[0].input")),
            (String::new(), "/input".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_body_is_a_channel_or_told_why_not(
            body in prop_oneof![
                any::<Vec<u8>>(),
                r#"\{("(input|name|ladder|segment|backup|fill)":([0-9.eE+-]{1,8}|"[a-z/#]{0,8}"|\{"(rtmp|file|hls|srt|udp)":"\PC{0,12}"\}|\[\]|null),?){0,5}\}"#
                    .prop_map(String::into_bytes),
            ],
        ) {
            if let Ok(Json::Object(members)) = serde_json::from_slice::<Json>(&body)
                && let Ok(settings) = Json::table(members)
            {
                let wanted = vec![door::Wanted { channels: vec![with_name("a", &settings)], ..door::Wanted::default() }];
                let composed = compose("", wanted);
                let workflow = Workflow::parse(&composed.text).expect("what is left is a workflow, with no channel too");
                prop_assert_eq!(composed.refused.is_empty(), workflow.channels.len() == 1);
            }
        }
    }
}
