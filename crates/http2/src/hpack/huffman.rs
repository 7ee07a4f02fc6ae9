//! The Huffman code of RFC 7541 Appendix B.
//!
//! The code is canonical (codes of one length rise with their symbols, longer ones follow shorter ones), so the lengths
//! say all. Decoding looks the next eight bits up; the few symbols with longer codes, none of them usual in a header
//! field, are found by comparing with each length's first code.

use super::Fault;

/// Symbol 256 ends a string and may not occur.
const END: usize = 256;
const SYMBOLS: usize = 257;
const LONGEST: usize = 30;
/// Bits looked up at once.
const LOOK: usize = 8;

#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
     6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,
     5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
    13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
     7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
    15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,
     6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

struct Code {
    /// Each symbol's code.
    codes: [u32; SYMBOLS],
    /// Symbols in the order of their codes.
    sorted: [u16; SYMBOLS],
    /// For each length: its first code, where its symbols begin in `sorted`, and the first 32 bits beyond its codes.
    first: [u32; LONGEST + 1],
    begin: [u16; LONGEST + 1],
    beyond: [u64; LONGEST + 1],
    /// By the next eight bits: symbol and length of the code they begin with, or length 0 where it is longer.
    short: [(u8, u8); 1 << LOOK],
}

static CODE: Code = build();

const fn build() -> Code {
    let mut code = Code {
        codes: [0; SYMBOLS],
        sorted: [0; SYMBOLS],
        first: [0; LONGEST + 1],
        begin: [0; LONGEST + 1],
        beyond: [0; LONGEST + 1],
        short: [(0, 0); 1 << LOOK],
    };
    let mut next = 0_u32;
    let mut placed = 0;
    let mut len = 1;
    while len <= LONGEST {
        next <<= 1;
        code.first[len] = next;
        code.begin[len] = placed as u16;
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == len {
                code.codes[symbol] = next;
                code.sorted[placed] = symbol as u16;
                placed += 1;
                if len <= LOOK {
                    let from = (next as usize) << (LOOK - len);
                    let mut at = 0;
                    while at < 1 << (LOOK - len) {
                        code.short[from + at] = (symbol as u8, len as u8);
                        at += 1;
                    }
                }
                next += 1;
            }
            symbol += 1;
        }
        code.beyond[len] = (next as u64) << (32 - len);
        len += 1;
    }
    code
}

/// Appends what `coded` says.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    // The shortest code has five bits.
    out.reserve(coded.len() * 8 / 5);
    let mut rest = coded.iter();
    // Bits not yet decoded, from the top down.
    let mut bits = 0_u64;
    let mut have = 0;
    loop {
        while have <= 56 {
            let Some(byte) = rest.next() else { break };
            bits |= u64::from(*byte) << (56 - have);
            have += 8;
        }
        let (symbol, len) = CODE.short[(bits >> (64 - LOOK)) as usize];
        if len != 0 && u32::from(len) <= have {
            out.push(symbol);
            bits <<= len;
            have -= u32::from(len);
            continue;
        }
        if have < 8 {
            // What is left is padding: the first bits of the end's code, all ones (§5.2).
            let padding = u64::MAX << 1 << (63 - have);
            return if bits == padding { Ok(()) } else { Err(Fault::Huffman) };
        }
        let top = bits >> 32;
        let mut len = LOOK + 1;
        while top >= CODE.beyond[len] {
            len += 1;
        }
        if len as u32 > have {
            return Err(Fault::Huffman);
        }
        let place = (top >> (32 - len)) as u32 - CODE.first[len];
        let symbol = usize::from(CODE.sorted[usize::from(CODE.begin[len]) + place as usize]);
        if symbol == END {
            return Err(Fault::Huffman);
        }
        out.push(symbol as u8);
        bits <<= len;
        have -= len as u32;
    }
}

/// Length of `text` when coded, in bytes.
pub(super) fn coded_len(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum();
    bits.div_ceil(8)
}

/// Appends `text`, coded.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut bits = 0_u64;
    let mut have = 0;
    for byte in text {
        let len = u32::from(LENGTHS[usize::from(*byte)]);
        bits = bits << len | u64::from(CODE.codes[usize::from(*byte)]);
        have += len;
        while have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    if have > 0 {
        out.push((bits << (8 - have)) as u8 | 0xff >> have);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_complete() {
        // Kraft's sum of a complete code is one.
        let sum: u64 = LENGTHS.iter().map(|len| 1 << (LONGEST - usize::from(*len))).sum();
        assert_eq!(sum, 1 << LONGEST);
        assert_eq!(CODE.codes[END], 0x3fff_ffff);
        assert_eq!((CODE.codes[usize::from(b'0')], CODE.codes[usize::from(b'a')]), (0, 3));
        assert_eq!((CODE.codes[0], CODE.codes[22], CODE.codes[127]), (0x1ff8, 0x3fff_fffe, 0xfff_fffc));
    }

    #[test]
    fn every_byte_comes_back() {
        for byte in 0..=255_u8 {
            for count in 1..9 {
                let text = vec![byte; count];
                let mut coded = Vec::new();
                encode(&text, &mut coded);
                assert_eq!(coded.len(), coded_len(&text));
                let mut back = Vec::new();
                decode(&coded, &mut back).unwrap();
                assert_eq!(back, text);
            }
        }
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones() {
        let decode = |coded: &[u8]| decode(coded, &mut Vec::new());
        // `0` has five zeros for a code.
        assert_eq!(decode(&[0b0000_0111]), Ok(()));
        assert_eq!(decode(&[0b0000_0110]), Err(Fault::Huffman));
        assert_eq!(decode(&[0b0000_0111, 0xff]), Err(Fault::Huffman));
        assert_eq!(decode(&[0xff]), Err(Fault::Huffman));
        assert_eq!(decode(&[0xff; 4]), Err(Fault::Huffman));
        assert_eq!(decode(&[0xff; 9]), Err(Fault::Huffman));
        assert_eq!(decode(&[]), Ok(()));
    }
}
