//! What is shown while the source is away.

use toml::{Table, Value};

use crate::at::{At, Invalid};

/// What AWS reads as "for ever".
const FOR_EVER_MS: i64 = 1_000_000;

/// `fill` of the channel, where something is said of it.
pub(crate) fn table(encoder: &At<'_>) -> Result<Option<Table>, Invalid> {
    let Some(at) = encoder.at("GlobalConfiguration").and_then(|global| global.at("InputLossBehavior")) else {
        return Ok(None);
    };
    let mut fill = Table::new();
    if let Some(ms) = at.integer("RepeatFrameMsec") {
        if ms == FOR_EVER_MS {
            return Err(at.invalid(
                "RepeatFrameMsec",
                "a frame that is repeated for ever is not implemented; at most 999999",
            ));
        }
        fill.extend(seconds("repeat", ms));
    }
    let black_for_ever = at.integer("BlackFrameMsec") == Some(FOR_EVER_MS);
    if let Some(ms) = at.integer("BlackFrameMsec").filter(|_| !black_for_ever) {
        fill.extend(seconds("black", ms));
    }
    let is_colour = at.has("InputLossImageType") || at.has("InputLossImageColor");
    if black_for_ever || is_colour {
        let colour = at.filled("InputLossImageColor").filter(|_| !black_for_ever).unwrap_or("000000");
        if colour.len() != 6 || !colour.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(
                at.invalid("InputLossImageColor", "six hexadecimal digits are wanted here, such as 102030")
            );
        }
        fill.insert("slate".to_owned(), format!("#{colour}").into());
    }
    Ok(Some(fill))
}

fn seconds(key: &'static str, ms: i64) -> Table {
    door::table([(key, Value::from(ms as f64 / 1e3))])
}
