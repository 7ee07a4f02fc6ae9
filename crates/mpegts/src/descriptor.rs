//! Descriptors: what a table says of a stream beside its type (ISO/IEC 13818-1 §2.6; ETSI EN 300 468 §6).

use std::fmt;

/// A language as ISO 639-2 abbreviates it, such as `deu`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language([u8; 3]);

impl Language {
    /// Three letters; `None` for anything else, and for `und`, which says nothing.
    pub fn new(code: [u8; 3]) -> Option<Self> {
        let code = code.map(|letter| letter.to_ascii_lowercase());
        (code.iter().all(u8::is_ascii_lowercase) && &code != b"und").then_some(Self(code))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("new() checked that these are letters")
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({self})")
    }
}

pub(crate) const REGISTRATION: u8 = 0x05;
const ISO_639_LANGUAGE: u8 = 0x0A;
pub(crate) const DVB_TELETEXT: u8 = 0x56;
pub(crate) const DVB_SUBTITLES: u8 = 0x59;
pub(crate) const DVB_AC3: u8 = 0x6A;
pub(crate) const DVB_EAC3: u8 = 0x7A;
const DVB_EXTENSION: u8 = 0x7F;
const OPUS_EXTENSION: u8 = 0x80;

/// One descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor<'a> {
    pub(crate) tag: u8,
    pub(crate) body: &'a [u8],
}

/// The descriptors of a loop, up to the first that does not fit.
pub(crate) fn all(mut rest: &[u8]) -> impl Iterator<Item = Descriptor<'_>> {
    std::iter::from_fn(move || {
        let ([tag, length], after) = rest.split_first_chunk::<2>()?;
        let (body, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        Some(Descriptor { tag: *tag, body })
    })
}

impl Descriptor<'_> {
    /// The language an ISO 639 language descriptor tells first.
    pub(crate) fn language(&self) -> Option<Language> {
        let code = self.body.first_chunk::<3>().filter(|_| self.tag == ISO_639_LANGUAGE)?;
        Language::new(*code)
    }

    /// The format identifier of a registration descriptor.
    pub(crate) fn registration(&self) -> Option<[u8; 4]> {
        self.body.first_chunk::<4>().copied().filter(|_| self.tag == REGISTRATION)
    }

    /// The channel configuration code of an Opus audio descriptor (ETSI TS 103 491 Annex A, as FFmpeg and GStreamer
    /// write it).
    pub(crate) fn opus_channels(&self) -> Option<u8> {
        match (self.tag, self.body) {
            (DVB_EXTENSION, [OPUS_EXTENSION, channels, ..]) => Some(*channels),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_registrations_and_channels_are_read_as_far_as_they_fit() {
        let descriptors =
            [5, 4, b'O', b'p', b'u', b's', 0x7F, 2, 0x80, 6, 10, 4, b'F', b'R', b'A', 0, 10, 9, b'x'];
        let read: Vec<_> = all(&descriptors).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(read[0].registration(), Some(*b"Opus"));
        assert_eq!(read[1].opus_channels(), Some(6));
        assert_eq!(read[2].language().map(|language| language.to_string()), Some("fra".to_owned()));
        assert_eq!(Language::new(*b"und"), None);
        assert_eq!(Language::new(*b"e\0g"), None);
    }
}
