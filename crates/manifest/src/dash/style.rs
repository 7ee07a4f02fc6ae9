//! What may differ between manifests of the same media.

use crate::Order;

/// How a manifest is written. It has no effect on what a low-latency channel's own manifest is, which is timed by its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// How segments are addressed.
    pub template: Template,
    /// The order of video representations.
    pub order: Order,
    /// `minBufferTime`, in seconds; a target duration where none is set.
    pub min_buffer_s: Option<u32>,
    /// `minimumUpdatePeriod`, in seconds; a target duration where none is set.
    pub update_s: Option<u32>,
    /// `suggestedPresentationDelay`, in seconds; three target durations and what the media is late, where none is set.
    pub delay_s: Option<u32>,
    /// Whether the manifest says where the server tells the time.
    pub tells_clock: bool,
}

/// How segments are addressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Template {
    /// `$Time$`, with a timeline.
    #[default]
    Time,
    /// `$Number$`, with a timeline.
    Number,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            template: Template::Time,
            order: Order::Channel,
            min_buffer_s: None,
            update_s: None,
            delay_s: None,
            tells_clock: true,
        }
    }
}
