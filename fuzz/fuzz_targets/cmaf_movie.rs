//! A header and a segment of fragmented MP4: the first two bytes say where the one ends.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([high, low], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let at = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
    let (header, segment) = rest.split_at(at);
    if let Ok(movie) = cmaf::Movie::read(&Bytes::copy_from_slice(header)) {
        let _ = movie.samples(&Bytes::copy_from_slice(segment));
    }
});
