//! What the metrics page says of an encoder process, beside what the process itself does.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wire::Quarantined;
use wire::sample_stream::FeedInput;

use super::death::Death;

/// The inputs in quarantine, by their words.
const INPUTS: [(FeedInput, &str); 2] = [(FeedInput::Primary, "primary"), (FeedInput::Backup, "backup")];

/// Of one encoder, over the lives of its processes.
#[derive(Debug, Default)]
pub(crate) struct EncoderFigures {
    deaths: [AtomicU64; Death::WORDS.len()],
    held: [AtomicBool; 2],
    recovery_ms: AtomicU64,
}

impl EncoderFigures {
    pub(super) fn died(&self, death: Death) {
        self.deaths[death.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn recovered(&self, after: Duration) {
        self.recovery_ms.store(after.as_millis() as u64, Ordering::Relaxed);
    }

    pub(super) fn hold(&self, held: &[Quarantined]) {
        for (input, _) in INPUTS {
            let is_held = held.iter().any(|held| held.input == input);
            self.held[input as usize].store(is_held, Ordering::Relaxed);
        }
    }

    /// What is in quarantine.
    pub(super) fn held(&self) -> Vec<FeedInput> {
        let inputs = INPUTS.iter().map(|(input, _)| *input);
        inputs.filter(|input| self.held[*input as usize].load(Ordering::Relaxed)).collect()
    }

    #[cfg(test)]
    pub(super) fn deaths(&self, word: &str) -> u64 {
        let place = Death::WORDS.iter().position(|known| *known == word).expect("a word");
        self.deaths[place].load(Ordering::Relaxed)
    }

    /// As OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text =
            "# HELP headwater_supervisor_encoder_deaths Encoder processes lost, by how they went\n\
             # TYPE headwater_supervisor_encoder_deaths counter\n"
                .to_owned();
        for (reason, count) in Death::WORDS.iter().zip(&self.deaths) {
            let count = count.load(Ordering::Relaxed);
            let line =
                writeln!(text, "headwater_supervisor_encoder_deaths_total{{reason=\"{reason}\"}} {count}");
            line.expect("strings take text");
        }
        text.push_str(
            "# HELP headwater_supervisor_quarantined 1 while the input is left out because it has killed encoders\n\
             # TYPE headwater_supervisor_quarantined gauge\n",
        );
        for (input, word) in INPUTS {
            let is_held = u8::from(self.held[input as usize].load(Ordering::Relaxed));
            writeln!(text, "headwater_supervisor_quarantined{{input=\"{word}\"}} {is_held}")
                .expect("strings take text");
        }
        let seconds = self.recovery_ms.load(Ordering::Relaxed) as f64 / 1e3;
        let line = write!(
            text,
            "# HELP headwater_supervisor_recovery_seconds From the last loss of the process until the next one encoded\n\
             # TYPE headwater_supervisor_recovery_seconds gauge\n\
             headwater_supervisor_recovery_seconds {seconds}\n"
        );
        line.expect("strings take text");
        text
    }
}
