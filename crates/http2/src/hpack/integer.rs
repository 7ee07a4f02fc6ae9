//! Numbers with a prefix (RFC 7541 §5.1).

use super::Fault;

/// No number in a header block is near this.
const MAX: usize = 1 << 24;

/// Reads a number of which the first byte has `prefix` bits; moves `at` behind it.
pub(super) fn read(block: &[u8], at: &mut usize, prefix: u32) -> Result<usize, Fault> {
    let full = (1 << prefix) - 1;
    let first = usize::from(*block.get(*at).ok_or(Fault::Truncated)?) & full;
    *at += 1;
    if first < full {
        return Ok(first);
    }
    let mut number = full;
    let mut shift = 0;
    loop {
        let byte = usize::from(*block.get(*at).ok_or(Fault::Truncated)?);
        *at += 1;
        number += (byte & 0x7f) << shift;
        if number > MAX {
            return Err(Fault::Integer);
        }
        if byte & 0x80 == 0 {
            return Ok(number);
        }
        shift += 7;
        // Zeros that make a number longer but not larger are refused too.
        if shift > 21 {
            return Err(Fault::Integer);
        }
    }
}

/// Appends `number`; `first` holds the bits before its prefix.
pub(super) fn write(first: u8, prefix: u32, number: usize, block: &mut Vec<u8>) {
    let full = (1 << prefix) - 1;
    if number < full {
        block.push(first | number as u8);
        return;
    }
    block.push(first | full as u8);
    let mut rest = number - full;
    while rest >= 0x80 {
        block.push((rest % 0x80) as u8 | 0x80);
        rest /= 0x80;
    }
    block.push(rest as u8);
}
