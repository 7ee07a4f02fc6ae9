//! What becomes of a second publisher.

use crate::fault::Fault;
use crate::fields::Fields;

/// `second`: what becomes of a publisher at whose door another is on air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Second {
    /// `"refuse"`: it is refused, unless the one on air has been silent for three seconds.
    #[default]
    IsRefused,
    /// `"replace"`: it takes the other's place.
    Replaces,
}

impl Second {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Fault> {
        match fields.take("second") {
            None => Ok(Self::default()),
            Some(field) => field.choice(&[("refuse", Self::IsRefused), ("replace", Self::Replaces)]),
        }
    }
}
