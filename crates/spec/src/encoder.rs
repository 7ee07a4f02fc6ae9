//! How encoder processes are held in and replaced: `[encoder]`.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::fields::Fields;

/// `[encoder]`: every encoder process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// `sandbox`: how much of a sandbox each must have, default `"best"`.
    pub sandbox: Sandbox,
    /// `memory`: bytes each may use, 128 MB to 1 TB; what its ladder needs where it is not set.
    pub memory_bytes: Option<u64>,
    /// `nice`: their niceness, 0 to 19, default 0.
    pub nice: i32,
    /// `spare`: whether a process waits to take the place of the next one that dies, default true.
    pub spare: bool,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { sandbox: Sandbox::default(), memory_bytes: None, nice: 0, spare: true }
    }
}

/// How much of a sandbox an encoder process must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// Every layer, or it does not start.
    Required,
    /// Every layer that the host offers; one that is missing is told at each start.
    #[default]
    Best,
    /// None; that too is told at each start.
    Off,
}

impl Encoder {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut encoder = Self::default();
        if let Some(field) = fields.take("sandbox") {
            encoder.sandbox = match field.string()? {
                "required" => Sandbox::Required,
                "best" => Sandbox::Best,
                "off" => Sandbox::Off,
                other => {
                    return Err(
                        field.fault(format!("\"{other}\" is none of \"required\", \"best\" and \"off\""))
                    );
                }
            };
        }
        if let Some(field) = fields.take("memory") {
            encoder.memory_bytes = Some(field.scaled(128_000_000..=1_000_000_000_000, "bytes")?);
        }
        if let Some(field) = fields.take("nice") {
            encoder.nice = field.integer(0..=19, "as a niceness")? as i32;
        }
        if let Some(field) = fields.take("spare") {
            encoder.spare = field.boolean()?;
        }
        fields.finish()?;
        Ok(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workflow;

    fn read(encoder: &str) -> Result<Encoder, String> {
        let channel = "[[channel]]\nname = \"a\"\ninput = \"test\"\n";
        let workflow = Workflow::parse(&format!("[encoder]\n{encoder}\n{channel}"));
        workflow.map(|workflow| workflow.encoder).map_err(|fault| fault.to_string())
    }

    #[test]
    fn an_encoder_has_the_best_sandbox_unless_it_is_told_otherwise() {
        assert_eq!(read(""), Ok(Encoder::default()));
        let told = "sandbox = \"off\"\nmemory = \"2G\"\nnice = 5\nspare = false";
        let expected =
            Encoder { sandbox: Sandbox::Off, memory_bytes: Some(2_000_000_000), nice: 5, spare: false };
        assert_eq!(read(told), Ok(expected));
        for (wrong, words) in [
            ("sandbox = \"none\"", "line 2: encoder.sandbox: \"none\" is none of"),
            ("memory = \"1M\"", "out of bounds"),
            ("nice = -1", "out of bounds"),
            ("cpu = 1", "no such field"),
        ] {
            let fault = read(wrong).expect_err(wrong);
            assert!(fault.contains(words), "{fault}");
        }
    }
}
