#![no_main]
//! A connection's bytes behind preface and settings, in pieces as long as the first byte says; every third request is
//! answered as far as the windows let it.

use std::time::{Duration, Instant};

use http2::{Connection, Data, End, Event, Fault, Headers};
use libfuzzer_sys::fuzz_target;

const BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fuzz_target!(|bytes: &[u8]| {
    let Some((step, frames)) = bytes.split_first() else { return };
    let (mut now, mut out, mut headers) = (Instant::now(), Vec::new(), Headers::default());
    let mut connection = Connection::new(now, &mut out);
    let mut unread = BEGIN.to_vec();
    for piece in frames.chunks(usize::from(*step) + 1) {
        now += Duration::from_millis(1);
        unread.extend_from_slice(piece);
        loop {
            out.clear();
            let Ok(received) = connection.receive(&unread, now, &mut headers, &mut out) else { return };
            unread.drain(..received.used);
            let Some(event) = received.event else { break };
            if let Event::Request { stream } = event
                && stream.number() % 3 == 1
            {
                connection.send_headers(stream, &[headers.path()], End::No, &mut out);
                let len = connection.allowance(stream, 1_000);
                let data = Data { len, want: 1_000, end: if len == 1_000 { End::Yes } else { End::No } };
                let sent = connection.send_data(stream, data, now, &mut out, |out| {
                    out.resize(out.len() + len, 0);
                    Ok::<(), Fault>(())
                });
                if sent.is_err() {
                    return;
                }
            }
        }
    }
    assert!(connection.streams() <= http2::limits::MAX_STREAMS);
});
