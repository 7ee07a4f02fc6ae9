//! When a channel goes over to its other input.

use toml::{Table, Value};

use super::audio::Sound;
use crate::at::{At, Invalid};

/// AWS's own defaults, in milliseconds.
const DEFAULT_MS: i64 = 1_000;

/// `failover` of the channel.
pub(crate) fn table(at: &At<'_>, sound: &Sound<'_>) -> Result<Table, Invalid> {
    let mut failover = Table::new();
    let mut on: Vec<Value> = Vec::new();
    for condition in at.each("FailoverConditions") {
        let Some(settings) =
            condition.at("FailoverConditionSettings").filter(|settings| settings.map.len() == 1)
        else {
            return Err(condition.invalid("FailoverConditionSettings", "one condition is needed here"));
        };
        if let Some(loss) = settings.at("InputLossSettings") {
            add(&mut failover, &mut on, "loss", &loss, "InputLossThresholdMsec", 60_000)?;
        }
        if let Some(black) = settings.at("VideoBlackSettings") {
            add(&mut failover, &mut on, "black", &black, "VideoBlackThresholdMsec", 60_000)?;
            let level = black.number("BlackDetectThreshold").unwrap_or(0.1);
            failover.insert("black_level".to_owned(), level.into());
        }
        if let Some(silence) = settings.at("AudioSilenceSettings") {
            add(&mut failover, &mut on, "silence", &silence, "AudioSilenceThresholdMsec", 60_000)?;
            let watched = silence.text("AudioSelectorName").unwrap_or_default();
            if watched != sound.first_selector() {
                let message = format!("the sound of {} is what is listened to", sound.first_selector());
                return Err(silence.invalid("AudioSelectorName", message));
            }
        }
    }
    if on.is_empty() {
        on.push("loss".into());
        failover.insert("loss".to_owned(), Value::from(DEFAULT_MS as f64 / 1e3));
    }
    failover.insert("on".to_owned(), Value::Array(on));
    if let Some(ms) = at.integer("ErrorClearTimeMsec") {
        if !(500..=3_600_000).contains(&ms) {
            return Err(at.invalid("ErrorClearTimeMsec", "500 to 3600000 are implemented"));
        }
        failover.insert("clear".to_owned(), Value::from(ms as f64 / 1e3));
    }
    let preference = match at.text("InputPreference") {
        Some("PRIMARY_INPUT_PREFERRED") => "primary",
        _ => "equal",
    };
    failover.insert("preference".to_owned(), preference.into());
    Ok(failover)
}

fn add(
    failover: &mut Table,
    on: &mut Vec<Value>,
    word: &str,
    at: &At<'_>,
    member: &str,
    most_ms: i64,
) -> Result<(), Invalid> {
    if failover.contains_key(word) {
        return Err(at.invalid(member, "a condition of this kind is there already"));
    }
    let ms = at.integer(member).unwrap_or(DEFAULT_MS);
    if ms > most_ms {
        return Err(at.invalid(member, format!("at most {most_ms} is implemented")));
    }
    on.push(word.into());
    failover.insert(word.to_owned(), Value::from(ms as f64 / 1e3));
    Ok(())
}
