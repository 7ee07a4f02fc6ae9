use super::*;
use crate::fec::{Generator, Matrix, Protection, Rows};

/// A stream with error correction through a network that drops what `lost` says.
fn corrected(
    columns: u8,
    rows: u8,
    protect: Rows,
    packets: u32,
    lost: impl Fn(u32) -> bool,
) -> (Vec<Out>, Statistics) {
    let mut bench = Bench::new();
    let mut generator = Generator::new(Matrix::new(columns, rows).unwrap(), protect);
    let mut out: Vec<Protection> = Vec::new();
    for n in 0..packets {
        let datagram = packet(1, 64_000 + n);
        if !lost(n) {
            bench.send(Leg::First, 1, [64_000 + n]);
        }
        generator.push(&Packet::parse(&datagram).unwrap(), &datagram, &mut out);
        for protection in out.drain(..) {
            bench.receiver.fec(&protection.datagram, bench.now).unwrap();
            bench.poll();
        }
    }
    (bench.finish(), bench.receiver.statistics())
}

#[test]
fn a_burst_as_long_as_a_row_comes_back_bit_exact_by_columns_alone() {
    for (columns, rows) in [(5, 5), (10, 10), (20, 5), (5, 20), (1, 4)] {
        let block = u32::from(columns) * u32::from(rows);
        // From the second block on: the first one's columns tell that history is worth keeping.
        let burst = |n: u32| n >= block && n < 9 * block && n % block < u32::from(columns);
        let (out, counts) = corrected(columns, rows, Rows::Bare, 11 * block, burst);
        assert_eq!(out, started(1, 64_000..64_000 + 11 * block), "{columns} x {rows}");
        assert_eq!((counts.lost, counts.recovered), (0, 8 * u64::from(columns)));
        assert_eq!(counts.fec.recovered, counts.recovered);
    }
}

#[test]
fn rows_and_columns_take_turns_until_nothing_more_comes_back() {
    // Of a 4 x 4 block, o is lost:  o o . .   rows give the third line's, then columns 1 and 2 lack one each only
    //                               o . . .   once the lines below are whole, then line by line upwards.
    //                               . o . .
    //                               . . . .
    let lost = |n: u32| (16..32).contains(&n) && [0, 1, 4, 9].contains(&(n - 16));
    let (out, counts) = corrected(4, 4, Rows::Protected, 64, lost);
    assert_eq!(out, started(1, 64_000..64_064));
    assert_eq!(counts.recovered, 4);
    let (_, columns_only) = corrected(4, 4, Rows::Bare, 64, lost);
    assert_eq!((columns_only.recovered, columns_only.lost), (0, 4));
}

#[test]
fn a_square_of_losses_is_beyond_rows_and_columns_and_nothing_is_invented() {
    let lost = |n: u32| (16..32).contains(&n) && [0, 1, 4, 5].contains(&(n - 16));
    let (out, counts) = corrected(4, 4, Rows::Protected, 64, lost);
    assert_eq!(out.iter().filter(|out| matches!(out, Out::Packet(_))).count(), 60);
    assert_eq!((counts.recovered, counts.lost, counts.fec.wrong), (0, 4, 0));
}

#[test]
fn correction_of_another_stream_invents_nothing() {
    let mut bench = Bench::new();
    let mut generator = Generator::new(Matrix::new(5, 5).unwrap(), Rows::Protected);
    let mut out = Vec::new();
    for n in 0..1_000 {
        if n % 9 != 8 {
            bench.send(Leg::First, 1, [n]);
        }
        let mut other = packet(2, n);
        // Its clock is its own.
        other[4] ^= 0x40;
        generator.push(&Packet::parse(&other).unwrap(), &other, &mut out);
        for protection in out.drain(..) {
            let _ = bench.receiver.fec(&protection.datagram, bench.now);
            bench.poll();
        }
    }
    bench.finish();
    let counts = bench.receiver.statistics();
    assert_eq!((counts.recovered, counts.lost), (0, 111));
    assert!(counts.fec.wrong > 50, "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Random losses: what comes out is what was sent, and what is lost is told.
    #[test]
    fn random_losses_come_back_bit_exact_or_are_told(
        columns in 4_u8..=10, rows in 4_u8..=10, percent in 0_u32..40, seed: u32,
    ) {
        let mut state = seed | 1;
        let losses: Vec<bool> = (0..600).map(|n| {
            state ^= state << 13; state ^= state >> 17; state ^= state << 5;
            n > 1 && state % 100 < percent
        }).collect();
        let (out, counts) = corrected(columns, rows, Rows::Protected, 600, |n| losses[n as usize]);
        let newest = (0..600).rev().find(|n| !losses[*n as usize]).unwrap_or(0);
        let told: u64 = out.iter().map(|out| match out {
            Out::Packet(_) => 1,
            Out::Lost(count) => *count,
            Out::Started(_) => 0,
        }).sum();
        prop_assert_eq!(told, newest as u64 + 1);
        prop_assert_eq!(counts.fec.wrong, 0);
    }
}
