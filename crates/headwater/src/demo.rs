//! The demo: one channel, with a ladder this machine can encode in real time.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use spec::Workflow;

use crate::plan::encoder_binary;
use crate::workflow::Loaded;

/// What `headwater-encoder calibrate` found: 720p30 frames a second by preset, with every core at work.
#[derive(Debug, Deserialize)]
struct Calibration {
    cores: usize,
    presets: Vec<Measured>,
}

#[derive(Debug, Deserialize)]
struct Measured {
    preset: String,
    frames_per_second: f64,
}

/// A ladder and its cost, in encodes of one 720p30 picture stream (cost follows picture area).
struct Offer {
    ladder: &'static [&'static str],
    cost: f64,
}

/// Best first. Areas: 1080p 2.25, 720p 1, 480p 0.44, 360p 0.25, 240p 0.11.
const OFFERS: [Offer; 5] = [
    Offer { ladder: &["1080p30", "720p30", "480p30", "360p30"], cost: 3.94 },
    Offer { ladder: &["1080p30", "720p30", "480p30"], cost: 3.69 },
    Offer { ladder: &["720p30", "480p30", "360p30"], cost: 1.69 },
    Offer { ladder: &["480p30", "360p30"], cost: 0.69 },
    Offer { ladder: &["360p30", "240p30"], cost: 0.36 },
];

/// Encoding may take this share of what the machine was measured to do: the rest is for decoding, the other roles and
/// whatever else runs here.
const SHARE: f64 = 0.5;

/// The demo's workflow, with the built-in pattern or `source`.
pub(crate) fn workflow(source: Option<&Path>) -> anyhow::Result<Loaded> {
    let input = match source {
        None => "\"test\"".to_owned(),
        Some(path) if path == Path::new("test") => "\"test\"".to_owned(),
        Some(path) => {
            let path = path.canonicalize().with_context(|| format!("source `{}`", path.display()))?;
            ensure!(path.is_file(), "source `{}` is not a file", path.display());
            let path = path
                .to_str()
                .with_context(|| format!("source `{}` has a name that is not UTF-8", path.display()))?;
            format!("{{ file = {} }}", serde_json::to_string(path)?)
        }
    };
    eprintln!("headwater: measuring how fast this machine encodes …");
    let calibration = calibrate()?;
    let (preset, ladder) = choose(&calibration);
    eprintln!(
        "headwater: {} core{}: ladder {}, preset {preset}",
        calibration.cores,
        if calibration.cores == 1 { "" } else { "s" },
        ladder.join(", "),
    );
    let ladder = serde_json::to_string(ladder)?;
    let text =
        format!("[[channel]]\nname = \"demo\"\ninput = {input}\nladder = {ladder}\npreset = \"{preset}\"\n");
    let workflow =
        Workflow::parse(&text).map_err(|fault| anyhow::anyhow!("the demo's own workflow: {fault}"))?;
    Ok(Loaded { workflow, text, folder: ".".into(), origin: "demo".to_owned() })
}

fn calibrate() -> anyhow::Result<Calibration> {
    let binary = encoder_binary()?;
    let output = Command::new(&binary)
        .arg("calibrate")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("run `{}`", binary.display()))?;
    ensure!(output.status.success(), "`{} calibrate` failed: {}", binary.display(), output.status);
    serde_json::from_slice(&output.stdout).context("what the encoder's calibration printed")
}

/// The best ladder that fits, at the best preset it fits at; a richer ladder is preferred to a slower preset.
fn choose(calibration: &Calibration) -> (&str, &'static [&'static str]) {
    for offer in &OFFERS {
        // Calibration lists presets cheapest first; take the dearest that fits.
        let fits = |measured: &&Measured| measured.frames_per_second * SHARE >= 30.0 * offer.cost;
        if let Some(measured) = calibration.presets.iter().rev().find(fits) {
            return (&measured.preset, offer.ladder);
        }
    }
    ("ultrafast", OFFERS[OFFERS.len() - 1].ladder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(ultrafast: f64, superfast: f64, veryfast: f64) -> String {
        let presets = [("ultrafast", ultrafast), ("superfast", superfast), ("veryfast", veryfast)];
        let presets = presets
            .map(|(preset, frames_per_second)| Measured { preset: preset.to_owned(), frames_per_second })
            .into();
        let calibration = Calibration { cores: 2, presets };
        let (preset, ladder) = choose(&calibration);
        format!("{preset} {}", ladder.join(" "))
    }

    #[test]
    fn a_faster_machine_gets_more_rungs_and_then_a_better_preset() {
        assert_eq!(chosen(40.0, 20.0, 10.0), "ultrafast 360p30 240p30");
        assert_eq!(chosen(5.0, 4.0, 3.0), "ultrafast 360p30 240p30");
        assert_eq!(chosen(200.0, 130.0, 90.0), "superfast 720p30 480p30 360p30");
        assert_eq!(chosen(900.0, 700.0, 500.0), "veryfast 1080p30 720p30 480p30 360p30");
    }
}
