//! How many encoder processes make a channel.

use crate::channel::Backup;
use crate::fault::Fault;
use crate::fields::Field;
use crate::ladder::Ladder;

/// `pipelines`: the encoder processes of a transcoded channel. Two make the same segments side by side, and the origin
/// serves the better of each; what happens to one of them, no viewer sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pipelines {
    /// `1`, the default.
    #[default]
    One,
    /// `2`: both show the same input.
    Two,
    /// `"pair"`: two, of which the second prefers the `backup` over the `input`.
    Pair,
}

impl Pipelines {
    pub(crate) fn read(
        field: Option<Field<'_>>,
        ladder: &Ladder,
        backup: Option<&Backup>,
    ) -> Result<Self, Fault> {
        let Some(field) = field else { return Ok(Self::default()) };
        let pipelines = match field.as_str() {
            Some(_) => field.choice(&[("pair", Self::Pair)])?,
            None if field.integer(1..=2, "pipelines")? == 1 => Self::One,
            None => Self::Two,
        };
        if pipelines != Self::One && !matches!(ladder, Ladder::Transcode(_)) {
            return Err(
                field.fault("only a channel with rungs has two pipelines: its segments are made here")
            );
        }
        if pipelines == Self::Pair && backup.is_none() {
            return Err(field.fault(
                "a pair has an input each: give the channel a `backup`, such as backup = { rtmp = \"live/backup\" }",
            ));
        }
        Ok(pipelines)
    }
}
