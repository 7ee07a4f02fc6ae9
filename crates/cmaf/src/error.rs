//! What can be wrong with a CMAF body.

use codec::{aac::AacError, av1::Av1Error, h264::H264Error, h265::H265Error, opus::OpusError};

use crate::FourCc;

/// Why bytes are not CMAF as it is taken here. A [`crate::ChunkReader`] that gave one is of no more use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A box that ends inside one of its fields.
    #[error("box `{0}` ends inside a field")]
    End(FourCc),
    /// A box smaller than its own header, or reaching past its parent's end.
    #[error("box `{kind}` of {size} bytes does not fit where it stands")]
    Size {
        /// The box.
        kind: FourCc,
        /// The size it claims.
        size: u64,
    },
    /// A box over the bound for its kind.
    #[error("box `{kind}` of {size} bytes, the bound is {bound}")]
    TooLarge {
        /// The box.
        kind: FourCc,
        /// The size it claims.
        size: u64,
        /// The most that is taken.
        bound: u64,
    },
    /// A box whose size is left open (0): CMAF ingest needs sizes.
    #[error("box `{0}` has no size")]
    OpenEnded(FourCc),
    /// A version of a box that is not known.
    #[error("box `{kind}` of version {version}")]
    Version {
        /// The box.
        kind: FourCc,
        /// Its version.
        version: u8,
    },
    /// A box that must be there is not.
    #[error("no `{kind}` in `{parent}`")]
    Missing {
        /// What is missing.
        kind: FourCc,
        /// Where it belongs.
        parent: FourCc,
    },
    /// A field outside its bounds.
    #[error("box `{kind}`: {field} is {value}")]
    Field {
        /// The box.
        kind: FourCc,
        /// The field, in the standard's words.
        field: &'static str,
        /// What stands there.
        value: u64,
    },
    /// A header whose `moov` is not preceded by `ftyp`, or the other way round.
    #[error("`ftyp` and `moov` do not stand together")]
    TornHeader,
    /// CMAF has one track a file.
    #[error("{0} tracks in one header, CMAF has exactly one")]
    TrackCount(usize),
    /// More than one track fragment in a `moof`, or one of another track than the header's.
    #[error("a fragment of track {found} where the header has track {expected}")]
    WrongTrack {
        /// The track the header describes.
        expected: u32,
        /// What the fragment says.
        found: u32,
    },
    /// A chunk came and no header before it: the publisher must send the header (again).
    #[error("a chunk before any header")]
    HeaderMissing,
    /// Something other than `mdat` after `moof`.
    #[error("`{0}` after `moof`, where `mdat` belongs")]
    MoofWithoutMdat(FourCc),
    /// `mdat` with no `moof` before it: not a fragmented file.
    #[error("`mdat` without `moof`: the file is not fragmented")]
    MdatWithoutMoof,
    /// Samples that lie outside the `mdat` after their `moof`.
    #[error("samples lie outside the `mdat` that follows their `moof`")]
    DataOutside,
    /// More samples in one fragment than the bound.
    #[error("{0} samples in one fragment")]
    SampleCount(u64),
    /// A time before zero or past 2^63.
    #[error("decode time out of range")]
    TimeRange,
    /// The body ends in the middle of a box or between `moof` and `mdat`.
    #[error("the body ends inside `{0}`")]
    Truncated(FourCc),
    /// A sample entry that is not carried.
    #[error("sample entry `{0}` is not supported")]
    Codec(FourCc),
    /// An `avcC` that does not read.
    #[error("avcC: {0}")]
    H264(#[from] H264Error),
    /// An `hvcC` that does not read.
    #[error("hvcC: {0}")]
    H265(#[from] H265Error),
    /// An `av1C` that does not read.
    #[error("av1C: {0}")]
    Av1(#[from] Av1Error),
    /// An AudioSpecificConfig that does not read.
    #[error("esds: {0}")]
    Aac(#[from] AacError),
    /// A `dOps` that does not read.
    #[error("dOps: {0}")]
    Opus(#[from] OpusError),
}
