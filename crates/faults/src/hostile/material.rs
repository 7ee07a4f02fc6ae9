//! Real media to begin from, small, made once by ffmpeg.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use e2e::ffmpeg;

/// The same two seconds in every wrapping.
#[derive(Debug)]
pub struct Material {
    /// FLV tags: their type (8 sound, 9 pictures), time in ms, body.
    pub tags: Vec<Tag>,
    /// Transport streams: H.264 with AAC, HEVC with MP2, MPEG-2 with AC-3.
    pub streams: Vec<Vec<u8>>,
    /// Fragmented MP4: its header, and fragments.
    pub header: Vec<u8>,
    /// What follows it.
    pub fragments: Vec<u8>,
}

/// An FLV tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// 8: sound, 9: pictures.
    pub kind: u8,
    /// Decode time in ms.
    pub ms: u32,
    /// What an RTMP message carries.
    pub body: Bytes,
}

const H264: &str = "-c:v libx264 -preset veryfast -bf 2 -g 10 -b:v 150k -c:a aac -ac 2 -b:a 64k";
const HEVC: &str = "-c:v libx265 -x265-params log-level=none:pools=1 -preset ultrafast -g 10 -b:v 150k -c:a mp2 -ac 2 -b:a 64k";
const MPEG2: &str = "-c:v mpeg2video -g 10 -b:v 300k -c:a ac3 -ac 2 -b:a 96k";

impl Material {
    /// Makes it in `folder`.
    ///
    /// # Panics
    /// Where ffmpeg is missing or fails.
    pub fn make(folder: &Path) -> Self {
        let make = |name: &str, coded: &str| {
            let path = folder.join(name);
            let picture = "testsrc2=size=160x90:rate=15:duration=2";
            let tone = "sine=frequency=440:sample_rate=48000:duration=2";
            let inputs = ["-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone];
            let coded: Vec<&str> = coded.split(' ').collect();
            let output = ["-pix_fmt", "yuv420p", path.to_str().expect("a path that is text")];
            ffmpeg("ffmpeg", &[&inputs[..], &coded, &output].concat());
            fs::read(path).expect("it was made")
        };
        let fragmented = format!("{H264} -movflags empty_moov+default_base_moof+frag_keyframe");
        let mp4 = make("hostile.mp4", &fragmented);
        let split = mp4.windows(4).position(|four| four == b"moof").expect("fragments") - 4;
        Self {
            tags: tags(&make("hostile.flv", H264).into()),
            streams: [("a.ts", H264), ("b.ts", HEVC), ("c.ts", MPEG2)]
                .map(|(name, coded)| make(name, coded))
                .into(),
            header: mp4[..split].to_vec(),
            fragments: mp4[split..].to_vec(),
        }
    }

    /// The codec headers: the first tag of sound and of pictures.
    pub fn headers(&self) -> impl Iterator<Item = &Tag> {
        [8, 9].into_iter().filter_map(|kind| self.tags.iter().find(|tag| tag.kind == kind))
    }
}

/// The sound and pictures of an FLV file.
fn tags(file: &Bytes) -> Vec<Tag> {
    let mut tags = Vec::new();
    // The file's header and the length of no tag.
    let mut at = 9 + 4;
    while let Some(header) = file.get(at..at + 11) {
        let field = |at: usize| u32::from_be_bytes([0, header[at], header[at + 1], header[at + 2]]);
        let (length, ms) = (field(1) as usize, field(4) | u32::from(header[7]) << 24);
        if matches!(header[0], 8 | 9) {
            tags.push(Tag { kind: header[0], ms, body: file.slice(at + 11..at + 11 + length) });
        }
        at += 11 + length + 4;
    }
    tags
}
