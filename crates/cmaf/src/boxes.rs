//! ISO-BMFF boxes (ISO/IEC 14496-12), one a file, and what they share: sizes, kinds, versions and flags.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::ReadError;

pub(crate) mod btrt;
pub(crate) mod elng;
pub(crate) mod elst;
pub(crate) mod emsg;
pub(crate) mod esds;
pub(crate) mod ftyp;
pub(crate) mod hdlr;
pub(crate) mod kind;
pub(crate) mod labl;
pub(crate) mod mdhd;
pub(crate) mod mfhd;
pub(crate) mod mvhd;
pub(crate) mod pasp;
pub(crate) mod prft;
pub(crate) mod stsd;
pub(crate) mod tfdt;
pub(crate) mod tfhd;
pub(crate) mod tkhd;
pub(crate) mod trex;
pub(crate) mod trun;

/// A box's kind: four characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Appends a box; `body` appends what is in it.
pub(crate) fn put(out: &mut BytesMut, kind: &[u8; 4], body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    out.put_slice(kind);
    body(out);
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a full box: a box with a version and 24 bits of flags.
pub(crate) fn put_full(
    out: &mut BytesMut,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut BytesMut),
) {
    put(out, kind, |out| {
        out.put_u32(u32::from(version) << 24 | flags);
        body(out);
    });
}

/// A whole box in memory.
#[derive(Clone, Copy)]
pub(crate) struct BoxRef<'a> {
    pub(crate) kind: FourCc,
    /// What follows its header.
    pub(crate) body: &'a [u8],
    /// Header and body.
    pub(crate) whole: &'a [u8],
}

impl<'a> BoxRef<'a> {
    pub(crate) fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind.0 == *kind
    }

    pub(crate) const fn fields(&self) -> Fields<'a> {
        Fields { kind: self.kind, rest: self.body }
    }

    /// The fields of a full box after its version and flags.
    pub(crate) fn full(&self) -> Result<(u8, u32, Fields<'a>), ReadError> {
        let mut fields = self.fields();
        let word = fields.u32()?;
        Ok(((word >> 24) as u8, word & 0x00FF_FFFF, fields))
    }

    /// The boxes in it.
    pub(crate) fn children(&self) -> impl Iterator<Item = Result<BoxRef<'a>, ReadError>> + use<'a> {
        boxes(self.body)
    }

    /// The first box of `kind` in it.
    pub(crate) fn child(&self, kind: &[u8; 4]) -> Result<Option<BoxRef<'a>>, ReadError> {
        for child in self.children() {
            let child = child?;
            if child.is(kind) {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    /// The first box of `kind` in it, which must be there.
    pub(crate) fn need(&self, kind: &[u8; 4]) -> Result<BoxRef<'a>, ReadError> {
        self.child(kind)?.ok_or(ReadError::Missing { kind: FourCc(*kind), parent: self.kind })
    }
}

/// The boxes that fill `data`, in order; ends after the first fault. Fewer than 8 bytes at the end are passed
/// over: some writers end a container with a zero word.
pub(crate) fn boxes(data: &[u8]) -> impl Iterator<Item = Result<BoxRef<'_>, ReadError>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let head = BoxHead::read(rest)?;
        let size = usize::try_from(head.size).unwrap_or(usize::MAX);
        if size < head.length || size > rest.len() {
            rest = &[];
            return Some(Err(ReadError::Size { kind: head.kind, size: head.size }));
        }
        let (whole, after) = rest.split_at(size);
        rest = after;
        Some(Ok(BoxRef { kind: head.kind, body: &whole[head.length..], whole }))
    })
}

/// A box's header.
#[derive(Clone, Copy)]
pub(crate) struct BoxHead {
    pub(crate) kind: FourCc,
    /// Bytes of the whole box; 0 says it reaches to the end of the file.
    pub(crate) size: u64,
    /// Bytes of the header: 8, or 16 where the size has 64 bits.
    pub(crate) length: usize,
}

impl BoxHead {
    /// `None` until `data` holds the whole header.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let ([s0, s1, s2, s3, kind @ ..], rest) = data.split_first_chunk::<8>()?;
        let kind = FourCc(*kind);
        match u32::from_be_bytes([*s0, *s1, *s2, *s3]) {
            1 => Some(Self { kind, size: u64::from_be_bytes(*rest.first_chunk::<8>()?), length: 16 }),
            size => Some(Self { kind, size: u64::from(size), length: 8 }),
        }
    }
}

/// The fields of a box, read in order.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    kind: FourCc,
    pub(crate) rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (field, rest) = self.rest.split_first_chunk::<N>().ok_or(ReadError::End(self.kind))?;
        self.rest = rest;
        Ok(*field)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ReadError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ReadError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ReadError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ReadError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], ReadError> {
        let (field, rest) = self.rest.split_at_checked(count).ok_or(ReadError::End(self.kind))?;
        self.rest = rest;
        Ok(field)
    }

    /// The boxes that fill what is left.
    pub(crate) fn children(self) -> impl Iterator<Item = Result<BoxRef<'a>, ReadError>> + use<'a> {
        boxes(self.rest)
    }

    /// A string that ends with a zero, or with the box.
    pub(crate) fn string(&mut self) -> String {
        let end = self.rest.iter().position(|byte| *byte == 0).unwrap_or(self.rest.len());
        let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        text
    }
}

/// A box's version that the standard does not know.
pub(crate) fn unknown_version<T>(of: BoxRef<'_>, version: u8) -> Result<T, ReadError> {
    Err(ReadError::Version { kind: of.kind, version })
}
