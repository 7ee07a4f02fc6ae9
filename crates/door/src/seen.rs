//! What is seen to run.

use std::collections::BTreeMap;

/// What is seen to run, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The store's revision that what runs was made from: changes up to there are carried out, or refused in [`Self::refused`].
    pub revision: i64,
    /// By the channel's name.
    pub channels: BTreeMap<String, ChannelSeen>,
    /// By the channel's name: why it does not run though it is wanted.
    pub refused: BTreeMap<String, String>,
}

/// What is seen of a channel that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelSeen {
    /// Its encoder processes that run; 0 for channels that others encode.
    pub encoders: u8,
    /// The origin has media of it that players can be shown.
    pub is_on_air: bool,
    /// Somebody sends to its primary input, or its input needs nobody.
    pub has_source: bool,
}
