//! A CMAF ingest body in pieces: the first byte says how long they are.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((step, body)) = data.split_first() else {
        return;
    };
    let mut reader = cmaf::ChunkReader::new();
    for piece in body.chunks(usize::from(*step) + 1) {
        reader.feed(Bytes::copy_from_slice(piece));
        loop {
            match reader.next() {
                Ok(Some(cmaf::Event::Chunk(chunk))) => {
                    let header = reader.header().expect("a chunk came, so a header did");
                    cmaf::read_samples(&chunk.raw, header).expect("the reader checked it");
                    let _ = cmaf::shift_decode_time(&chunk.raw, -1, header.track.timescale);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    let _ = reader.finish();
});
