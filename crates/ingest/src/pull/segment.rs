//! One segment's bytes, decrypted and taken apart.

use aes::Aes128;
use bytes::Bytes;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockDecryptMut, KeyIvInit};
use cmaf::{Movie, ReadError};
use codec::aac::AudioSpecificConfig;
use media::{AudioCodec, Format, Sample, Track};
use mpegts::{Demuxer, Event, SYNC_BYTE, Select, Warning};

/// Bytes of a transport stream that are taken at once.
const STEP_BYTES: usize = 64 << 10;

/// Why a segment is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("a key of {0} bytes, where 16 are wanted")]
    Key(usize),
    #[error("it cannot be decrypted: the key is another one, or bytes are missing")]
    Decrypt,
    #[error("it is neither a transport stream nor fragmented MP4 with a header")]
    Unknown,
    #[error("fragmented MP4: {0}")]
    Mp4(#[from] ReadError),
    #[error("there are no samples in it")]
    Empty,
}

impl Fault {
    /// The value of the metric's `reason` label.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Key(_) | Self::Decrypt => "key",
            Self::Unknown | Self::Mp4(_) | Self::Empty => "bad_segment",
        }
    }
}

/// What is in a segment, in its order.
#[derive(Debug)]
pub(crate) enum Item {
    Tracks(Vec<Track>),
    Sample(Sample),
    Warning(Warning),
}

/// A segment taken apart.
#[derive(Debug)]
pub(crate) struct Apart {
    pub(crate) items: Vec<Item>,
    /// Times wrap at 33 bits of 90 kHz.
    pub(crate) wraps: bool,
}

/// AES-128 in CBC mode with PKCS #7 padding (RFC 8216 §4.3.2.4).
pub(crate) fn decrypt(body: &Bytes, key: &[u8], iv: [u8; 16]) -> Result<Bytes, Fault> {
    let key: [u8; 16] = key.try_into().map_err(|_| Fault::Key(key.len()))?;
    let decryptor = cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into());
    decryptor.decrypt_padded_vec_mut::<Pkcs7>(body).map(Bytes::from).map_err(|_| Fault::Decrypt)
}

/// Takes a segment apart. Each is read for itself: nothing of the one before is needed but `header`, which `EXT-X-MAP` names.
pub(crate) fn take_apart(header: Option<&Bytes>, body: &Bytes) -> Result<Apart, Fault> {
    let is_stream = |bytes: &Bytes| bytes.first() == Some(&SYNC_BYTE);
    let apart = match header {
        _ if is_stream(body) => transport_stream(header.filter(|header| is_stream(header)), body),
        Some(header) => {
            let movie = Movie::read(header)?;
            let tracks = Item::Tracks(movie.tracks().cloned().collect());
            let mut samples = movie.samples(body)?;
            for sample in &mut samples {
                let track = movie.tracks().find(|track| track.id == sample.track);
                sample.duration = track.and_then(frame_ticks).or(sample.duration);
            }
            // Sound and pictures by turns: both belong to the line from its start.
            samples.sort_by_key(|sample| sample.dts);
            let items = [tracks].into_iter().chain(samples.into_iter().map(Item::Sample)).collect();
            Apart { items, wraps: false }
        }
        None => return Err(Fault::Unknown),
    };
    match apart.items.iter().any(|item| matches!(item, Item::Sample(_))) {
        true => Ok(apart),
        false => Err(Fault::Empty),
    }
}

/// The length of a frame of AAC, which files made of streams round to theirs.
fn frame_ticks(track: &Track) -> Option<u32> {
    match &track.format {
        Format::Audio(audio)
            if audio.codec == AudioCodec::Aac && track.timescale.ticks_per_second() == audio.sample_rate =>
        {
            AudioSpecificConfig::read(&audio.config).ok().map(|config| config.frame_samples)
        }
        _ => None,
    }
}

fn transport_stream(header: Option<&Bytes>, body: &Bytes) -> Apart {
    let mut demuxer = Demuxer::new(Select::default());
    let mut items = Vec::new();
    let mut poll = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll() {
            match event {
                Event::Tracks(streams) => {
                    items.push(Item::Tracks(streams.into_iter().map(|stream| stream.track).collect()));
                }
                Event::Sample(sample) => items.push(Item::Sample(sample)),
                Event::Warning(warning) => items.push(Item::Warning(warning)),
                Event::ClockJump { .. } | Event::Section { .. } | Event::Id3 { .. } | Event::Ended => {}
            }
        }
    };
    for bytes in header.into_iter().chain([body]).flat_map(|bytes| bytes.chunks(STEP_BYTES)) {
        demuxer.push(bytes);
        poll(&mut demuxer);
    }
    demuxer.finish();
    poll(&mut demuxer);
    Apart { items, wraps: true }
}

#[cfg(test)]
mod tests {
    use cbc::cipher::BlockEncryptMut;

    use super::*;

    #[test]
    fn what_was_encrypted_is_decrypted_and_a_key_that_does_not_fit_is_told() {
        let key: Vec<u8> = (0..16).collect();
        let array: [u8; 16] = key.clone().try_into().expect("16 bytes");
        let cipher = cbc::Encryptor::<Aes128>::new(&array.into(), &[0; 16].into());
        let text = Bytes::from(cipher.encrypt_padded_vec_mut::<Pkcs7>(b"headwater"));
        assert_eq!(text.len(), 16);
        assert_eq!(decrypt(&text, &key, [0; 16]).expect("the key fits"), "headwater");
        assert_eq!(decrypt(&text, &key[1..], [0; 16]).expect_err("short").label(), "key");
        assert!(matches!(decrypt(&text.slice(..15), &key, [0; 16]), Err(Fault::Decrypt)));
    }

    #[test]
    fn what_is_no_segment_is_told() {
        let page = Bytes::from_static(b"<html>not found</html>");
        assert!(matches!(take_apart(None, &page), Err(Fault::Unknown)));
        assert!(matches!(take_apart(Some(&page), &page), Err(Fault::Mp4(_))));
        let stuffing = Bytes::from(vec![SYNC_BYTE; 188 * 4]);
        assert!(matches!(take_apart(None, &stuffing), Err(Fault::Empty)));
    }
}
