//! Codec headers of every kind: the first byte says which.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, header)) = data.split_first() else {
        return;
    };
    let owned = || Bytes::copy_from_slice(header);
    match which % 15 {
        0 => drop(codec::h264::format_from_avcc(owned())),
        1 => drop(codec::h264::format_from_annexb(header)),
        2 => drop(codec::h265::format_from_hvcc(owned())),
        3 => drop(codec::h265::format_from_annexb(header)),
        4 => drop(codec::av1::format_from_av1c(owned())),
        5 => drop(codec::av1::format_from_obus(header)),
        6 => drop(codec::aac::format_from_asc(owned())),
        7 => drop(codec::opus::format_from_dops(owned())),
        8 => drop(codec::opus::format_from_head(header)),
        9 => drop(codec::adts::Header::read(header)),
        10 => drop(codec::mpeg_audio::Header::read(header)),
        11 => drop(codec::ac3::Header::read(header).map(|header| header.format())),
        12 => drop(codec::mpeg2::format(header)),
        13 => {
            let mut sets = codec::h264::ParameterSets::default();
            sets.take(header);
            drop(sets.changed());
            let mut sets = codec::h265::ParameterSets::default();
            sets.take(header);
            drop(sets.changed());
        }
        _ => {
            codec::h264::is_random_access(header);
            codec::mpeg2::is_intra(header);
            codec::h264::is_idr(header);
            codec::h265::is_irap(header);
            codec::av1::is_key_frame(header);
            drop(codec::av1::strip_temporal_delimiters(owned()));
            drop(codec::nal::with_four_byte_lengths(owned(), 2));
        }
    }
});
