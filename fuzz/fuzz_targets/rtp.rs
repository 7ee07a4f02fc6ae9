#![no_main]
//! Datagrams on the media and error correction ports, among packets of a stream that is there: they are packets or named
//! faults, what waits is bounded, and only whole MPEG-TS packets come out.
//!
//! Each datagram is preceded by a byte for its port, one for the pause before it and two for its length; one of length
//! zero is the stream's next packet.

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use rtp::fec::FecPacket;
use rtp::{Event, Header, Latency, Leg, Packet, Receiver, limits, ts};

fuzz_target!(|bytes: &[u8]| {
    let (mut now, mut rest, mut sequence) = (Instant::now(), bytes, 65_500_u16);
    let mut receiver = Receiver::new(Latency::from_ms(50).expect("within bounds"));
    while let Some((&[port, pause, high, low], behind)) = rest.split_first_chunk() {
        let (datagram, behind) =
            behind.split_at(usize::from(u16::from_be_bytes([high, low])).min(behind.len()));
        rest = behind;
        now += Duration::from_millis(u64::from(pause));
        let _ = match port % 4 {
            _ if datagram.is_empty() => {
                let mut payload = [sequence as u8; ts::PACKET];
                payload[0] = ts::SYNC;
                let timestamp = u32::from(sequence) * 90;
                let header =
                    Header { marker: false, payload_type: rtp::MPEG_TS, sequence, timestamp, ssrc: 0 };
                sequence = sequence.wrapping_add(1 + u16::from(port) % 3);
                receiver.media(Leg::First, &header.packet(&payload), now)
            }
            0 => receiver.media(Leg::First, datagram, now),
            1 => receiver.media(Leg::Second, datagram, now),
            _ => receiver.fec(datagram, now),
        };
        while let Some(event) = receiver.poll(now) {
            if let Event::Media(media) = event {
                ts::whole_packets(&media.payload).expect("nothing else was taken");
            }
        }
        assert!(receiver.statistics().waiting <= limits::MAX_WAITING);
        if let Ok(packet) = Packet::parse(datagram) {
            assert!(packet.payload.len() + rtp::HEADER <= datagram.len());
        }
        if let Ok(fec) = FecPacket::parse(datagram) {
            let again = fec.header.packet(0, 0, fec.body);
            assert_eq!(FecPacket::parse(&again), Ok(fec));
        }
    }
});
