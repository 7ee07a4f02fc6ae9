//! Ids and entity tags in CloudFront's forms.

/// Digits of ids.
const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Digits after an id's first letter.
const LEN: usize = 13;
/// Spreads generations over tags; odd, so that it can be undone.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// An id made of `text`: `E`, or another letter, and 13 digits. The same text makes the same id.
pub(crate) fn id(letter: char, text: &str) -> String {
    format!("{letter}{}", base36(mixed(text.as_bytes(), 0)))
}

/// An id in the form of a UUID made of `text`.
pub(crate) fn uuid(text: &str) -> String {
    let (high, low) = (mixed(text.as_bytes(), 1), mixed(text.as_bytes(), 2));
    let digits = format!("{high:016x}{low:016x}");
    // Version 4, variant 1, as those of AWS look.
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

/// The entity tag of a resource's generation.
pub(crate) fn etag(id: &str, generation: i64) -> String {
    let number = (generation as u64).wrapping_mul(SPREAD).wrapping_add(mixed(id.as_bytes(), 3));
    format!("E{}", base36(number))
}

/// The generation that a tag is of; any number where it was never one of this resource's.
pub(crate) fn generation(id: &str, etag: &str) -> Option<i64> {
    let digits = etag.trim_matches('"').strip_prefix('E').filter(|digits| digits.len() == LEN)?;
    let mut number: u64 = 0;
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)? as u64;
        number = number.checked_mul(36)?.checked_add(value)?;
    }
    Some(number.wrapping_sub(mixed(id.as_bytes(), 3)).wrapping_mul(inverse(SPREAD)) as i64)
}

/// Of an odd number, modulo 2^64: Newton's iteration doubles the right bits each time.
fn inverse(odd: u64) -> u64 {
    (0..6).fold(odd, |guess, _| guess.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(guess))))
}

fn base36(mut number: u64) -> String {
    let mut digits = [b'0'; LEN];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    digits.iter().map(|digit| *digit as char).collect()
}

/// FNV-1a, 64 bits, its bits mixed (SplitMix64's finish): the same on every machine and version.
fn mixed(bytes: &[u8], salt: u8) -> u64 {
    let hash = bytes.iter().chain([&salt]).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_look_as_those_of_aws() {
        let made = id('E', "123456789012/my-live-stream");
        assert!(made.len() == 14 && made.starts_with('E') && made == id('E', "123456789012/my-live-stream"));
        let made = uuid("name");
        assert_eq!(made.len(), 36);
        assert_eq!(made.matches('-').count(), 4);
        assert_ne!(uuid("a"), uuid("b"));
    }

    proptest! {
        #[test]
        fn a_tag_tells_its_generation_and_no_other_text_does(made in "[a-z0-9]{1,20}", number in 1i64.., other in "\\PC{0,20}") {
            let tag = etag(&made, number);
            prop_assert_eq!(tag.len(), 14);
            prop_assert_eq!(generation(&made, &tag), Some(number));
            let known = generation(&made, &other);
            prop_assert!(known.is_none() || etag(&made, known.unwrap()) == other.trim_matches('"'));
        }
    }
}
