use proptest::prelude::*;

use super::*;
use crate::packet::Header;

mod correction;

const LATENCY_MS: u32 = 100;

/// A stream's packet number `n`: bytes that no other packet has.
fn packet(ssrc: u32, n: u32) -> Vec<u8> {
    let mut payload = vec![0; (1 + n as usize % 7) * ts::PACKET];
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte = match at % ts::PACKET {
            0 => ts::SYNC,
            _ => (n.wrapping_mul(0x9E37_79B9).wrapping_add(ssrc) >> (at % 24)) as u8 ^ at as u8,
        };
    }
    let timestamp = n.wrapping_mul(900);
    Header { marker: n.is_multiple_of(5), payload_type: MPEG_TS, sequence: n as u16, timestamp, ssrc }
        .packet(&payload)
}

/// A receiver, the time, and what came out: numbers of packets that are what was sent.
struct Bench {
    receiver: Receiver,
    start: Instant,
    now: Instant,
    out: Vec<Out>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Started(u32),
    Packet(u32),
    Lost(u64),
}

impl Bench {
    fn new() -> Bench {
        let now = Instant::now();
        let receiver = Receiver::new(Latency::from_ms(LATENCY_MS).unwrap());
        Bench { receiver, start: now, now, out: Vec::new() }
    }

    fn at(&mut self, ms: u64) -> &mut Bench {
        let now = self.start + Duration::from_millis(ms);
        while let Some(deadline) = self.receiver.deadline().filter(|deadline| *deadline <= now) {
            self.now = self.now.max(deadline);
            let before = self.out.len();
            self.poll();
            assert!(
                self.out.len() > before || self.receiver.deadline() != Some(deadline),
                "woken for nothing"
            );
        }
        self.now = now;
        self
    }

    fn send(&mut self, leg: Leg, ssrc: u32, numbers: impl IntoIterator<Item = u32>) -> &mut Bench {
        for n in numbers {
            self.receiver.media(leg, &packet(ssrc, n), self.now).unwrap();
            self.poll();
        }
        self
    }

    fn poll(&mut self) {
        while let Some(event) = self.receiver.poll(self.now) {
            self.out.push(match event {
                Event::Started { ssrc } => Out::Started(ssrc),
                Event::Lost { count, .. } => Out::Lost(count),
                Event::Media(media) => {
                    let started = self.out.iter().rev().find_map(|out| match out {
                        Out::Started(ssrc) => Some(*ssrc),
                        _ => None,
                    });
                    let n = (media.timestamp / 900) as u32;
                    let sent = packet(started.expect("a source has started"), n);
                    assert_eq!(media.payload, sent[12..], "packet {n} is what was sent");
                    assert_eq!((media.number as u16, media.marker), (n as u16, n.is_multiple_of(5)));
                    Out::Packet(n)
                }
            });
        }
    }

    /// Waits until nothing more can come out.
    fn finish(&mut self) -> Vec<Out> {
        let end = (self.now - self.start).as_millis() as u64 + 2 * u64::from(LATENCY_MS);
        self.at(end).poll();
        std::mem::take(&mut self.out)
    }
}

fn started(ssrc: u32, numbers: impl IntoIterator<Item = u32>) -> Vec<Out> {
    std::iter::once(Out::Started(ssrc)).chain(numbers.into_iter().map(Out::Packet)).collect()
}

#[test]
fn a_source_is_followed_from_its_first_packet_once_two_came_in_sequence() {
    let mut bench = Bench::new();
    bench.send(Leg::First, 1, [9, 30_000]);
    assert_eq!(bench.out, []);
    bench.send(Leg::First, 1, [30_001]);
    assert_eq!(bench.finish(), started(1, 30_000..30_002));
}

#[test]
fn sequence_numbers_and_timestamps_go_on_over_their_wraps() {
    let mut bench = Bench::new();
    // 500,000 packets of 9,000 ticks are more than a turn of timestamps and 7 turns of sequence numbers.
    let (mut last, turn) = (None, 1 << 16);
    for n in 0..500_000_u32 {
        let mut datagram = [0; 12 + ts::PACKET];
        let sequence = n as u16;
        let header =
            Header { marker: false, payload_type: 33, sequence, timestamp: n.wrapping_mul(9_000), ssrc: 3 };
        datagram[..12].copy_from_slice(&header.packet(&[]));
        datagram[12] = ts::SYNC;
        bench.receiver.media(Leg::First, &datagram, bench.now).unwrap();
        while let Some(event) = bench.receiver.poll(bench.now) {
            if let Event::Media(media) = event {
                let (number, timestamp) = last.unwrap_or((media.number - 1, -9_000));
                assert_eq!((media.number, media.timestamp), (number + 1, timestamp + 9_000));
                last = Some((media.number, media.timestamp));
            }
        }
    }
    assert_eq!(last.unwrap().1, 499_999 * 9_000);
    assert!(last.unwrap().1 > 1 << 32 && last.unwrap().0 > 7 * turn);
    assert_eq!(bench.receiver.statistics().lost, 0);
}

#[test]
fn disorder_is_put_right_and_losses_late_and_duplicate_packets_are_counted() {
    let mut bench = Bench::new();
    bench.send(Leg::First, 1, [0, 1, 3, 2, 2, 5]).at(150).send(Leg::First, 1, [4, 6]);
    let mut expected = started(1, 0..4);
    expected.extend([Out::Lost(1), Out::Packet(5), Out::Packet(6)]);
    assert_eq!(bench.finish(), expected);
    let counts = bench.receiver.statistics();
    let leg = counts.legs[0];
    assert_eq!((leg.received, leg.lost, leg.late, leg.reordered, leg.duplicate), (8, 1, 1, 1, 1));
    assert_eq!((counts.delivered, counts.lost, counts.waiting), (6, 1, 0));
}

#[test]
fn a_sender_that_starts_anew_loses_nothing() {
    for (ssrc, first) in [(2, 7), (1, 40_000), (1, 5_000), (1, 200)] {
        let mut bench = Bench::new();
        bench.send(Leg::First, 1, 500..600).at(10).send(Leg::First, ssrc, first..first + 50);
        bench.at(60).send(Leg::First, ssrc, first + 50..first + 60);
        let mut expected = started(1, 500..600);
        expected.extend(started(ssrc, first..first + 60));
        assert_eq!(bench.finish(), expected, "{ssrc} from {first}");
        assert_eq!(bench.receiver.statistics().starts, 2);
    }
}

#[test]
fn another_sender_in_between_changes_nothing_and_takes_over_with_what_is_recent() {
    let mut bench = Bench::new();
    for n in 0..1_000 {
        bench.at(u64::from(n)).send(Leg::First, 1, [n]).send(Leg::First, 2, [5_000 + n]);
    }
    assert!(bench.out == started(1, 0..1_000));
    assert!(bench.receiver.candidates[0].window.waiting() <= 102);
    bench.out.clear();
    let out = bench.finish();
    assert_eq!(out[0], Out::Started(2));
    assert_eq!(*out.last().unwrap(), Out::Packet(5_999));
    assert_eq!(bench.receiver.statistics().legs[0].foreign, 999);
}

#[test]
fn what_another_sender_costs_is_bounded_and_one_that_has_left_is_not_followed() {
    let mut bench = Bench::new();
    for n in 0..30_000 {
        bench.at(u64::from(n)).send(Leg::First, 1, [n]).send(Leg::First, 2, [n + 7_000]);
    }
    assert!(bench.receiver.candidates[0].window.remembered() <= crate::limits::HISTORY + 200);
    for n in 30_000..31_000 {
        bench.at(u64::from(n)).send(Leg::First, 1, [n]);
    }
    assert!(bench.finish() == started(1, 0..31_000));
    assert_eq!(bench.receiver.deadline(), None);
}

/// Both legs send a packet each ms, the second 40 ms later; `cut` says what is lost on the way.
fn two_legs(packets: u32, cut: impl Fn(Leg, u32) -> bool) -> (Vec<Out>, Statistics) {
    let mut bench = Bench::new();
    for ms in 0..packets + 40 {
        bench.at(ms.into());
        for (leg, n) in [(Leg::First, Some(ms)), (Leg::Second, ms.checked_sub(40))] {
            if let Some(n) = n
                && n < packets
                && !cut(leg, n)
            {
                bench.send(leg, 1, [65_000 + n]);
            }
        }
    }
    (bench.finish(), bench.receiver.statistics())
}

#[test]
fn nothing_is_lost_when_either_leg_is_cut_and_comes_back() {
    for cut in Leg::BOTH {
        let (out, counts) = two_legs(5_000, |leg, n| leg == cut && (1_000..4_500).contains(&n));
        assert_eq!(out, started(1, 65_000..70_000), "{cut:?} cut");
        assert_eq!((counts.lost, counts.legs[cut as usize].lost), (0, 3_500));
        assert_eq!(counts.legs[cut.other() as usize].lost, 0);
        assert_eq!((counts.difference_ms, counts.greatest_difference_ms), (Some(40.0), 40.0));
    }
}

#[test]
fn a_packet_is_lost_only_if_both_legs_lose_it() {
    let lose = |leg, n: u32| match leg {
        Leg::First => n > 0 && n.is_multiple_of(10),
        Leg::Second => n > 40 && n.is_multiple_of(15),
    };
    let (out, counts) = two_legs(3_000, lose);
    let packets = out.iter().filter(|out| matches!(out, Out::Packet(_))).count();
    // Every 30th of those behind 40.
    assert_eq!((packets, counts.lost), (2_902, 98));
    assert_eq!((counts.legs[0].lost, counts.legs[1].lost), (299, 197));
    assert_eq!(counts.legs.map(|leg| (leg.late, leg.duplicate)), [(0, 0); 2]);
}

#[test]
fn a_leg_that_comes_back_as_another_source_is_told_apart_until_the_other_leg_follows() {
    let mut bench = Bench::new();
    bench.send(Leg::First, 1, 0..100).send(Leg::Second, 1, 0..100);
    // The first leg's sender starts anew; the second leg still brings the old stream.
    for n in 100..400 {
        let at = u64::from(n);
        bench.at(at).send(Leg::First, 2, [9_000 + n]).send(Leg::Second, 1, [n]);
    }
    assert_eq!(bench.out, started(1, 0..400));
    assert_eq!(bench.receiver.statistics().legs[0].foreign, 300);
    // Then the second one does as well, some packets behind.
    for n in 400..800 {
        bench.at(u64::from(n)).send(Leg::First, 2, [9_000 + n]).send(Leg::Second, 2, [8_980 + n]);
    }
    let out = bench.finish();
    let again = out.iter().position(|out| *out == Out::Started(2)).unwrap();
    assert_eq!(again, 401);
    let Out::Packet(first) = out[again + 1] else { panic!("a packet follows") };
    assert!(first <= 9_400, "what came since the old stream ended is there: {first}");
    assert_eq!(out[again..], started(2, first..9_800));
    let counts = bench.receiver.statistics();
    assert_eq!(counts.legs.map(|leg| leg.duplicate), [0; 2]);
    assert!(counts.difference_ms.unwrap() > 1.0, "both legs are one stream again: {counts:?}");
}

proptest! {
    /// Anything on any port: bounded, no panic, only whole TS packets come out.
    #[test]
    fn garbage_among_a_stream_is_left_out(
        steps in prop::collection::vec((0_u8..5, any::<u16>(), prop::collection::vec(any::<u8>(), 0..40)), 0..200),
    ) {
        let mut bench = Bench::new();
        bench.send(Leg::First, 1, 0..30);
        for (what, number, bytes) in steps {
            bench.now += Duration::from_millis(u64::from(number) % 30);
            let number = u32::from(number);
            let _ = match what {
                0 => bench.receiver.media(Leg::First, &bytes, bench.now),
                1 => bench.receiver.fec(&bytes, bench.now),
                2 => bench.receiver.media(Leg::Second, &packet(1, number), bench.now),
                3 => bench.receiver.media(Leg::First, &packet(number % 3, 30 + number % 100), bench.now),
                _ => {
                    let (offset, packets) = (bytes.first().map_or(1, |byte| byte % 21), 4 + bytes.len() as u8 % 8);
                    let direction = crate::fec::Direction::Column;
                    let header = crate::fec::FecHeader {
                        direction, base: number as u16 % 200, offset, packets,
                        flags: 0, kind: 33, timestamp: number, length: number as u16 % 400,
                    };
                    bench.receiver.fec(&header.packet(1, 2, &bytes.repeat(40)), bench.now)
                }
            };
            while let Some(event) = bench.receiver.poll(bench.now) {
                if let Event::Media(media) = event {
                    prop_assert!(ts::whole_packets(&media.payload).is_ok());
                }
            }
        }
    }
}
