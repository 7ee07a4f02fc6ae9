#![no_main]
//! A server's bytes behind the handshake, as a client takes them, in pieces as long as the first byte says.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((step, chunks)) = bytes.split_first() else {
        return;
    };
    let target = rtmp::Target {
        server_url: "rtmp://far/live".to_owned(),
        app: "live".to_owned(),
        stream: "main".to_owned(),
    };
    let mut client = rtmp::Client::new(target);
    let mut input = bytes::BytesMut::from(&[3_u8][..]);
    input.extend_from_slice(&[0; 2 * 1_536]);
    for piece in chunks.chunks(usize::from(*step) + 1) {
        input.extend_from_slice(piece);
        loop {
            match client.poll(&mut input) {
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(_) => return,
            }
        }
        client.take_outgoing();
    }
});
