//! How long a certificate is valid: the one thing that has to be known of it (RFC 5280 §4.1.2.5).

/// When the certificate's life begins and ends, in seconds since 1970; nothing where it is no X.509 certificate.
pub(super) fn read(certificate: &[u8]) -> Option<(i64, i64)> {
    let (outer, _) = element(certificate, 0x30)?;
    let (mut fields, _) = element(outer, 0x30)?;
    // The version may be left out.
    if let Some((_, rest)) = element(fields, 0xa0) {
        fields = rest;
    }
    // Serial number, signature algorithm, issuer.
    for tag in [0x02, 0x30, 0x30] {
        fields = element(fields, tag)?.1;
    }
    let (validity, _) = element(fields, 0x30)?;
    let (from, rest) = time(validity)?;
    let (to, _) = time(rest)?;
    (from <= to).then_some((from, to))
}

/// The contents of the DER element with `tag` at the front of `bytes`, and what follows it (X.690 §8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (len, rest) = match first {
        ..=0x7f => (usize::from(first), rest),
        // Three bytes of length are 16 MB: no certificate is longer.
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// A UTCTime (`YYMMDDHHMMSSZ`) or GeneralizedTime (`YYYYMMDDHHMMSSZ`), and what follows it.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (year_digits, (text, rest)) = match element(bytes, 0x17) {
        Some(found) => (2, found),
        None => (4, element(bytes, 0x18)?),
    };
    let digits = text.strip_suffix(b"Z")?;
    if digits.len() != year_digits + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let (year, others) = digits.split_at(year_digits);
    let year = match (year_digits, number(year)) {
        (2, year @ 50..) => 1900 + year,
        (2, year) => 2000 + year,
        (_, year) => year,
    };
    let at = |place: usize| number(&others[place * 2..place * 2 + 2]);
    let (month, day) = (at(0), at(1));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970, in years that begin in March, so that the leap day is the last.
    let years = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        365 * years + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) + day_of_year
            - 719_468;
    Some((days * 86_400 + at(2) * 3_600 + at(3) * 60 + at(4), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn a_life_is_read_as_it_was_written() {
        for (from, to, expected) in [
            ((1970, 1, 1), (1970, 1, 2), (0, 86_400)),
            ((2026, 11, 26), (2027, 2, 24), (1_795_651_200, 1_803_427_200)),
            ((2024, 2, 29), (2024, 3, 1), (1_709_164_800, 1_709_251_200)),
            ((1999, 12, 31), (2060, 1, 1), (946_598_400, 2_840_140_800)),
        ] {
            let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(to.0, to.1, to.2);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(read(certificate.der()), Some(expected));
        }
    }

    #[test]
    fn no_cut_or_damaged_certificate_is_read_out_of_bounds() {
        let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let whole = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        for len in 0..whole.len() {
            assert_eq!(read(&whole[..len]), None);
        }
        for at in 0..whole.len().min(200) {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                let _ = read(&damaged);
            }
        }
    }
}
