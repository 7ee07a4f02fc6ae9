//! Origin access controls: how requests to an origin would be signed.
//!
//! They are kept. Origins that are this machine need no signature; one elsewhere that would need one is refused with the
//! distribution that names it.

use aws::{Error, Map};

use crate::error::invalid;
use crate::read::text;

/// Whether it may be kept.
pub(crate) fn check(config: &Map) -> Result<(), Error> {
    if text(config, "Description").len() > 256 {
        return Err(invalid("Description is at most 256 characters"));
    }
    Ok(())
}

/// Whether requests to an origin elsewhere would be signed.
pub(crate) fn signs(config: &Map) -> bool {
    text(config, "SigningBehavior") != "never"
}
