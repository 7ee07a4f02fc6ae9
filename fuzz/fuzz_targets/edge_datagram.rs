//! Datagrams from viewers: which connection they are for; and envelopes from another edge.
#![no_main]

use edge::datagram::{Envelope, ID_LEN, destination};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(id) = destination(bytes) {
        assert!(bytes.windows(ID_LEN).any(|window| window == id));
    }
    if let Some(Ok(envelope)) = bytes.first_chunk().map(Envelope::read) {
        assert_eq!(Envelope::read(&envelope.write()), Ok(envelope));
    }
});
