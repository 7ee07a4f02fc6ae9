//! What is said about a segment beside it: Common Media Server Data (CTA-5006), `CMSD-Static`.
//!
//! It describes the object and never changes, so every cache on the way keeps and repeats it.

use http::{HeaderName, HeaderValue};

/// The field. Its value is a dictionary (RFC 8941 §3.2).
pub(crate) const STATIC: HeaderName = HeaderName::from_static("cmsd-static");

/// `br`: kbit/s, `d`: duration in ms, `ot`: what it is, `st=l`: live; and a key of our own for the score, 0 to 100, where
/// the encoder has told what it made.
pub(crate) fn of_segment(is_video: bool, duration_ms: i64, bytes: u64, score: Option<u8>) -> HeaderValue {
    let duration_ms = duration_ms.max(1);
    // Bits a millisecond are kbit/s.
    let bitrate_kbps = bytes.saturating_mul(8) / duration_ms.unsigned_abs();
    let kind = if is_video { "v" } else { "a" };
    let score = score.map_or(String::new(), |score| format!(",headwater-score={score}"));
    let text = format!("br={bitrate_kbps},d={duration_ms},ot={kind},st=l{score}");
    HeaderValue::from_str(&text).expect("made here of visible characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_described() {
        assert_eq!(of_segment(true, 2_000, 625_000, Some(97)), "br=2500,d=2000,ot=v,st=l,headwater-score=97");
        assert_eq!(of_segment(false, 2_005, 32_000, None), "br=127,d=2005,ot=a,st=l");
    }
}
