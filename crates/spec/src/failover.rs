//! When a channel goes over from one input to the other.

use serde::{Deserialize, Serialize};

use crate::Latency;
use crate::fault::Fault;
use crate::fields::Fields;

/// `[channel.failover]` of a channel with a `backup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// `"loss"` in `on`: no picture for `loss` seconds, 0.1 to 60, default [`Self::loss_ms_of`]. On where `on` is not set.
    pub loss_ms: Option<u32>,
    /// `"black"` in `on`: every picture as dark as `black_level` for `black` seconds, 1 to 60, default 1.
    pub black_ms: Option<u32>,
    /// `black_level`: brightest luma that is black, in thousandths of full scale, 0 to 1, default 0.03.
    pub black_permille: u32,
    /// `"silence"` in `on`: no sound above `silence_level` for `silence` seconds, 1 to 60, default 1.
    pub silence_ms: Option<u32>,
    /// `silence_level`: in dBFS, -80 to -20, default -50.
    pub silence_dbfs: i32,
    /// `"frozen"` in `on`: a picture that does not move for `frozen` seconds, 1 to 600, default 5.
    pub frozen_ms: Option<u32>,
    /// `preference`: which input is shown when both are well.
    pub preference: Preference,
    /// `clear`: how long the primary is well before it is shown again, in seconds, 0.5 to 3600, default 5.
    pub clear_ms: u32,
}

/// Which input is shown when both are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// `"primary"`: the primary, again as soon as it is clear of errors. Where nothing is set.
    Primary,
    /// `"equal"`: the one that is shown already.
    Equal,
}

/// Where nothing is set, on a channel of standard latency.
impl Default for Failover {
    fn default() -> Self {
        Self {
            loss_ms: Some(Self::loss_ms_of(Latency::Standard)),
            black_ms: None,
            black_permille: 30,
            silence_ms: None,
            silence_dbfs: -50,
            frozen_ms: None,
            preference: Preference::Primary,
            clear_ms: 5_000,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Loss,
    Black,
    Silence,
    Frozen,
}

impl Failover {
    /// How long an input is silent before it is left, where no setting says, in milliseconds: nearly as long as an output
    /// frame waits for its picture, so that a sender that falters is not left while nobody has seen anything, and the other
    /// input is there before anybody does.
    pub const fn loss_ms_of(latency: Latency) -> u32 {
        match latency {
            // Frames wait for half a second; going over takes a tenth and a bit.
            Latency::Standard => 350,
            // They wait for as long, and viewers are not far behind.
            Latency::Low { .. } => 200,
        }
    }

    /// What holds where nothing is set.
    pub fn of(latency: Latency) -> Self {
        Self { loss_ms: Some(Self::loss_ms_of(latency)), ..Self::default() }
    }

    pub(crate) fn read(mut fields: Fields<'_>, latency: Latency) -> Result<Self, Fault> {
        let mut failover = Self::of(latency);
        let on = match fields.take("on") {
            None => vec![On::Loss],
            Some(field) => {
                let words = [
                    ("loss", On::Loss),
                    ("black", On::Black),
                    ("silence", On::Silence),
                    ("frozen", On::Frozen),
                ];
                let entries = field.list()?;
                entries.iter().map(|entry| entry.choice(&words)).collect::<Result<_, _>>()?
            }
        };
        let mut time =
            |name: &'static str, on_it: On, bound: std::ops::RangeInclusive<f64>, default_ms: u32| {
                let is_on = on.contains(&on_it);
                let ms = match fields.take(name) {
                    None => default_ms,
                    Some(field) if !is_on => {
                        return Err(field.fault(format!("this has no effect without \"{name}\" in `on`")));
                    }
                    Some(field) => (field.number(bound, "seconds")? * 1e3).round() as u32,
                };
                Ok(is_on.then_some(ms))
            };
        failover.loss_ms = time("loss", On::Loss, 0.1..=60.0, Self::loss_ms_of(latency))?;
        failover.black_ms = time("black", On::Black, 1.0..=60.0, 1_000)?;
        failover.silence_ms = time("silence", On::Silence, 1.0..=60.0, 1_000)?;
        failover.frozen_ms = time("frozen", On::Frozen, 1.0..=600.0, 5_000)?;
        if let Some(field) = fields.take("black_level") {
            failover.black_permille = (field.number(0.0..=1.0, "of full scale")? * 1e3).round() as u32;
        }
        if let Some(field) = fields.take("silence_level") {
            failover.silence_dbfs = field.integer(-80..=-20, "dBFS")? as i32;
        }
        if let Some(field) = fields.take("preference") {
            failover.preference =
                field.choice(&[("primary", Preference::Primary), ("equal", Preference::Equal)])?;
        }
        if let Some(field) = fields.take("clear") {
            failover.clear_ms = (field.number(0.5..=3_600.0, "seconds")? * 1e3).round() as u32;
        }
        fields.finish()?;
        Ok(failover)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Workflow};

    fn read(more: &str) -> Result<Option<Failover>, String> {
        let text =
            format!("[[channel]]\nname = \"a\"\ninput = {{ rtmp = \"l/a\" }}\nladder = [\"360p\"]\n{more}\n");
        let parsed = Workflow::parse(&text).map_err(|fault| fault.to_string())?;
        Ok(parsed.channels[0].backup.clone().map(|backup| backup.failover))
    }

    const BACKUP: &str = "backup = { rtmp = \"l/b\" }";

    #[test]
    fn a_backup_takes_over_at_a_loss_unless_more_is_asked_for() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read(BACKUP), Ok(Some(Failover::default())));
        let low = format!("latency = \"low\"\n{BACKUP}");
        let of_low = Failover { loss_ms: Some(200), ..Failover::default() };
        assert_eq!(read(&low), Ok(Some(of_low.clone())));
        let cleared = format!("{low}\nfailover = {{ clear = 3 }}");
        assert_eq!(read(&cleared), Ok(Some(Failover { clear_ms: 3_000, ..of_low })));
        let all = "[channel.failover]\non = [\"loss\", \"black\", \"silence\", \"frozen\"]\nloss = 0.1\nfrozen = 3\n\
                   silence_level = -60\npreference = \"equal\"\nclear = 10";
        let wanted = Failover {
            loss_ms: Some(100),
            black_ms: Some(1_000),
            silence_ms: Some(1_000),
            silence_dbfs: -60,
            frozen_ms: Some(3_000),
            preference: Preference::Equal,
            clear_ms: 10_000,
            ..Failover::default()
        };
        assert_eq!(read(&format!("{BACKUP}\n{all}")), Ok(Some(wanted)));
    }

    #[test]
    fn what_would_have_no_effect_is_refused() {
        let refused = |more: &str| read(more).expect_err("refused");
        assert_eq!(
            refused("failover = {}"),
            "line 5: channel[0].failover: there is nothing to go over to: give the channel a `backup`, such as backup = { rtmp = \"live/backup\" }"
        );
        assert_eq!(
            refused(&format!("{BACKUP}\nfailover = {{ black = 2 }}")),
            "line 6: channel[0].failover.black: this has no effect without \"black\" in `on`"
        );
        assert_eq!(
            refused(&format!("{BACKUP}\nfailover = {{ loss = 0.05 }}")),
            "line 6: channel[0].failover.loss: 0.05 is out of bounds: 0.1 to 60 seconds"
        );
        assert_eq!(
            refused("backup = { rtmp = \"l/a\" }"),
            "line 1: channel[0]: another input has this RTMP application and key; each publisher needs its own key"
        );
        assert_eq!(
            refused("backup = \"cmaf\""),
            "line 5: channel[0].backup: a backup is { rtmp = \"app/key\" }, { file = \"clip.mp4\" } or \"test\""
        );
    }

    #[test]
    fn the_backup_s_key_is_never_shown() {
        let text = "[[channel]]\nname = \"a\"\ninput = { rtmp = \"l/a\" }\nladder = [\"360p\"]\nbackup = { rtmp = \"l/s3cret\" }\n";
        let workflow = Workflow::parse(text).expect("valid");
        assert!(!format!("{workflow:?}").contains("s3cret"));
        let backup = workflow.channels[0].backup.as_ref().expect("there is one");
        assert!(matches!(backup.input, Input::Rtmp(_)));
    }
}
