//! Faults on demand, for tests of what happens then: a coded sample that holds one of these texts (a user data SEI) does
//! what it says. Only in debug builds, and only where `HEADWATER_TEST_FAULTS` is set.

/// The process crashes.
pub const ABORT: &[u8] = b"headwater-test-abort";
/// The process takes [`GROWTH_BYTES`] and never gives them back.
pub const GROW: &[u8] = b"headwater-test-grow";
/// How much it grows with one such sample.
#[cfg(debug_assertions)]
const GROWTH_BYTES: usize = 32 << 20;
/// The thread that decodes hangs.
pub const HANG: &[u8] = b"headwater-test-hang";

/// Does what `data` says.
#[cfg(debug_assertions)]
pub(crate) fn strike(data: &[u8]) {
    use std::sync::LazyLock;

    static IS_ON: LazyLock<bool> = LazyLock::new(|| std::env::var_os("HEADWATER_TEST_FAULTS").is_some());
    let holds = |text: &[u8]| data.windows(text.len()).any(|window| window == text);
    if !*IS_ON {
        return;
    }
    if holds(ABORT) {
        std::process::abort();
    }
    if holds(GROW) {
        std::mem::forget(vec![1_u8; GROWTH_BYTES]);
    }
    while holds(HANG) {
        std::thread::park();
    }
}

/// Nothing, outside debug builds.
#[cfg(not(debug_assertions))]
pub(crate) const fn strike(_: &[u8]) {}
