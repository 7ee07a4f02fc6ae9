//! The system's source of random bytes.

use ring::rand::{SecureRandom, SystemRandom};

/// `N` random bytes.
///
/// # Panics
/// Where the system has none, which Linux does not have once it has started.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has random bytes");
    bytes
}
