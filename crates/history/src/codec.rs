//! The bytes of files, without any file.

mod aggregate;
mod bytes;
mod series;

#[cfg(test)]
pub(crate) use aggregate::tests::any as tests_aggregate;
pub(crate) use aggregate::{put_aggregate, take_aggregate};
pub(crate) use bytes::{Reader, put_signed, put_varint};
pub(crate) use series::{Series, put_series, take_series};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Log = 1,
    Block = 2,
}

/// Bytes at the start of each file.
pub(crate) const HEADER_BYTES: usize = 8;

/// `HWMH`, the form's version, the kind, and the seconds of a step.
pub(crate) fn header(kind: Kind, step_s: i64) -> [u8; HEADER_BYTES] {
    let [low, high] = (step_s as u16).to_le_bytes();
    [b'H', b'W', b'M', b'H', 1, kind as u8, low, high]
}
