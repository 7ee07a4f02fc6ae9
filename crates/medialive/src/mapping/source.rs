//! Where a channel's pictures and sound come from.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::audio::{Selection, Sound};
use super::{Feed, Shown, failover};
use crate::at::{At, Invalid};
use crate::elsewhere::is_other;
use crate::endpoint::{MAX_SENDERS, Reach, Terms};

/// Packet ids that streams may have (ISO/IEC 13818-1, table 2-3).
const PIDS: std::ops::RangeInclusive<i64> = 0x10..=0x1FFE;
/// Most attachments of a channel, as AWS has it.
const MAX_ATTACHMENTS: usize = 20;

/// The sources of a channel.
pub(crate) struct Source {
    pub(crate) input: Table,
    pub(crate) backup: Option<Table>,
    pub(crate) failover: Option<Table>,
    pub(crate) pipelines: Value,
    pub(crate) audio: Vec<Table>,
}

/// The sources of the attachment that is shown; every other attachment is looked at too, as it may be switched to.
pub(crate) fn choose(
    root: &At<'_>,
    feeds: &BTreeMap<String, Feed>,
    shown: Shown<'_>,
    sound: &Sound<'_>,
    reach: Reach,
) -> Result<Source, Invalid> {
    let attachments = root.each("InputAttachments");
    if attachments.is_empty() || attachments.len() > MAX_ATTACHMENTS {
        return Err(
            root.invalid("InputAttachments", format!("1 to {MAX_ATTACHMENTS} attached inputs are needed"))
        );
    }
    for (index, one) in attachments.iter().enumerate() {
        let earlier = &attachments[..index];
        if earlier.iter().any(|other| other.text("InputId") == one.text("InputId")) {
            return Err(one.invalid("InputId", "this input is attached already"));
        }
        let name = one.filled("InputAttachmentName");
        if name.is_some() && earlier.iter().any(|other| other.text("InputAttachmentName") == name) {
            return Err(one.invalid("InputAttachmentName", "another attachment has this name"));
        }
    }
    let context = Context { root, attachments: &attachments, feeds, sound, reach };
    let at = match shown {
        Shown::First => 0,
        Shown::Named(name) => attachments
            .iter()
            .position(|attachment| attachment.text("InputAttachmentName") == Some(name))
            .ok_or_else(|| root.invalid("InputAttachments", format!("no attachment is named {name}")))?,
    };
    let mut chosen = None;
    for (index, attachment) in attachments.iter().enumerate() {
        let source = context.source(attachment)?;
        if index == at {
            chosen = Some(source);
        }
    }
    Ok(chosen.expect("its index is one of theirs"))
}

struct Context<'a> {
    root: &'a At<'a>,
    attachments: &'a [At<'a>],
    feeds: &'a BTreeMap<String, Feed>,
    sound: &'a Sound<'a>,
    reach: Reach,
}

impl Context<'_> {
    fn source(&self, attachment: &At<'_>) -> Result<Source, Invalid> {
        let feed = self.feed(attachment)?;
        let is_standard = self.root.text("ChannelClass") == Some("STANDARD");
        let selection = self.selection(attachment, feed)?;
        let input = self.input(attachment, feed, 0, &selection)?;
        let has_pair = is_standard && feed.endpoints.len() > 1;
        let plain = |pipelines: Value, input, backup, audio| Source {
            input,
            backup,
            failover: None,
            pipelines,
            audio,
        };
        let Some(settings) = attachment.at("AutomaticInputFailoverSettings") else {
            return Ok(if has_pair {
                let second = self.input(attachment, feed, 1, &selection)?;
                plain("pair".into(), input, Some(second), selection.tables)
            } else {
                plain(Value::from(if is_standard { 2 } else { 1 }), input, None, selection.tables)
            });
        };
        let secondary_id = settings.text("SecondaryInputId");
        let secondary = self.attachments.iter().find(|other| other.text("InputId") == secondary_id);
        let secondary = secondary
            .filter(|other| other.text("InputId") != attachment.text("InputId"))
            .ok_or_else(|| settings.invalid("SecondaryInputId", "attach the other input, too"))?;
        let other = self.feed(secondary)?;
        if has_pair || is_standard && other.endpoints.len() > 1 {
            return Err(settings.invalid(
                "SecondaryInputId",
                "a channel has two sources: of a STANDARD channel either the two of one input, or two inputs of one endpoint \
                 each; or make it a SINGLE_PIPELINE channel",
            ));
        }
        let other_selection = self.selection(secondary, other)?;
        if other_selection.tables != selection.tables {
            let message = "both inputs of a failover pair choose their sound the same way";
            return Err(secondary.invalid("InputSettings", message));
        }
        let backup = self.input(secondary, other, 0, &other_selection)?;
        Ok(Source {
            failover: Some(failover::table(&settings, self.sound)?),
            ..plain(Value::from(if is_standard { 2 } else { 1 }), input, Some(backup), selection.tables)
        })
    }

    fn feed(&self, attachment: &At<'_>) -> Result<&Feed, Invalid> {
        let id = attachment.text("InputId").unwrap_or_default();
        let feed = self.feeds.get(id).filter(|feed| !feed.endpoints.is_empty());
        feed.ok_or_else(|| match is_other(id) {
            false => attachment.invalid("InputId", format!("there is no input {id}")),
            true => attachment.invalid(
                "InputId",
                format!("input {id} can only be a channel's of another door; attach one of MediaLive's own"),
            ),
        })
    }

    fn selection(&self, attachment: &At<'_>, feed: &Feed) -> Result<Selection, Invalid> {
        let settings = attachment.at("InputSettings");
        self.sound.select(settings.as_ref(), feed.endpoints[0].is_transport_stream())
    }

    fn input(
        &self,
        attachment: &At<'_>,
        feed: &Feed,
        index: usize,
        chosen: &Selection,
    ) -> Result<Table, Invalid> {
        let endpoint = &feed.endpoints[index];
        let settings = attachment.at("InputSettings");
        let mut terms = Terms { audio_pid: chosen.pid, ..Terms::default() };
        terms.latency_ms = feed.latency_ms.get(index).copied().flatten();
        if let Some(settings) = &settings {
            terms.is_looped = settings.text("SourceEndBehavior") == Some("LOOP");
            let network = settings.at("NetworkInputSettings");
            terms.bandwidth_bps = network
                .and_then(|network| network.at("HlsInputSettings"))
                .and_then(|hls| hls.integer("Bandwidth"))
                .filter(|bandwidth_bps| *bandwidth_bps > 0);
            if let Some(video) = settings.at("VideoSelector").and_then(|video| video.at("SelectorSettings")) {
                select_picture(&video, endpoint.is_transport_stream(), &mut terms)?;
            }
        }
        if terms.audio_pid.is_some_and(|pid| !PIDS.contains(&pid)) {
            let at = settings.unwrap_or_else(|| attachment.clone());
            return Err(at.invalid("AudioSelectors", "a packet id is 16 to 8190"));
        }
        if endpoint.is_push() {
            terms.senders = senders(attachment, feed)?;
        }
        Ok(endpoint.table(&terms, self.reach))
    }
}

fn select_picture(at: &At<'_>, can_choose: bool, terms: &mut Terms<'_>) -> Result<(), Invalid> {
    let member = at.map.iter().next().map_or("", |(name, _)| name);
    if !at.map.is_empty() && !can_choose {
        return Err(at.invalid(member, "programs and packet ids are chosen of transport streams"));
    }
    if let Some(at) = at.at("VideoSelectorPid") {
        let pid = at.integer("Pid").filter(|pid| PIDS.contains(pid));
        terms.video_pid = Some(pid.ok_or_else(|| at.invalid("Pid", "a packet id is 16 to 8190"))?);
    }
    if let Some(at) = at.at("VideoSelectorProgramId") {
        let program = at.integer("ProgramId").filter(|program| (1..=65_535).contains(program));
        terms.program = Some(program.ok_or_else(|| at.invalid("ProgramId", "a program is 1 to 65535"))?);
    }
    Ok(())
}

/// Who may send, in the workflow file's words: nobody named is anybody.
fn senders<'a>(attachment: &At<'_>, feed: &'a Feed) -> Result<Vec<&'a str>, Invalid> {
    match &feed.senders {
        None => Ok(Vec::new()),
        Some(networks) if networks.iter().any(|network| network == "0.0.0.0/0") => Ok(Vec::new()),
        Some(networks) if networks.is_empty() => {
            Err(attachment.invalid("InputId", "its security groups allow nobody to send; give them a rule"))
        }
        Some(networks) if networks.len() > MAX_SENDERS => {
            Err(attachment
                .invalid("InputId", format!("its security groups have more than {MAX_SENDERS} rules")))
        }
        Some(networks) => Ok(networks.iter().map(String::as_str).collect()),
    }
}
