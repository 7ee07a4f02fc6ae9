//! An error in one line.

use std::error::Error;

/// What an error says, and what was behind it: `make folder `x`: permission denied`.
pub fn words(fault: &dyn Error) -> String {
    let mut said = fault.to_string();
    let mut behind = fault.source();
    while let Some(fault) = behind {
        said = format!("{said}: {fault}");
        behind = fault.source();
    }
    said
}
