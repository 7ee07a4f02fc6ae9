#![no_main]
//! A connection's bytes behind the handshake, in pieces as long as the first byte says.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((step, chunks)) = bytes.split_first() else {
        return;
    };
    let mut session = rtmp::Session::new();
    let mut input = bytes::BytesMut::from(&[3_u8][..]);
    input.extend_from_slice(&[0; 2 * 1_536]);
    for piece in chunks.chunks(usize::from(*step) + 1) {
        input.extend_from_slice(piece);
        loop {
            match session.poll(&mut input) {
                Ok(None) => break,
                Ok(Some(rtmp::Event::Publish(_))) => session.accept(),
                Ok(Some(_)) => {}
                Err(_) => return,
            }
        }
        session.take_outgoing();
    }
});
