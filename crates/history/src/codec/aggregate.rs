//! An aggregate: a byte of marks, the count, the sum, the ends, the bins. A single value takes ten bytes.

use metric::{Aggregate, Distribution, Sketch};

use super::bytes::{Reader, put_signed, put_varint};

const CONSTANT: u8 = 0;
const SKETCH: u8 = 1;
const UNKNOWN: u8 = 2;
/// The two bits of the above.
const DISTRIBUTION: u8 = 3;
/// The count is a whole number, as a varint.
const WHOLE_COUNT: u8 = 4;
/// The sum is the value times the count, and left out.
const PLAIN_SUM: u8 = 8;

/// Greatest count that is written as a whole number: beyond it not each one is a double.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0; // 2^53

pub(crate) fn put_aggregate(values: &Aggregate, out: &mut Vec<u8>) {
    let (count, sum, min, max) = (values.count(), values.sum(), values.min(), values.max());
    let mut marks = match values.distribution() {
        Distribution::Constant => CONSTANT,
        Distribution::Sketch(_) => SKETCH,
        Distribution::Unknown => UNKNOWN,
    };
    let is_whole = count.fract() == 0.0 && count <= MAX_WHOLE;
    let is_plain = marks == CONSTANT && min * count == sum;
    marks |= if is_whole { WHOLE_COUNT } else { 0 } | if is_plain { PLAIN_SUM } else { 0 };
    out.push(marks);
    match is_whole {
        true => put_varint(count as u64, out),
        false => out.extend(count.to_le_bytes()),
    }
    out.extend(min.to_le_bytes());
    if marks & DISTRIBUTION != CONSTANT {
        out.extend(max.to_le_bytes());
    }
    if !is_plain {
        out.extend(sum.to_le_bytes());
    }
    if let Distribution::Sketch(sketch) = values.distribution() {
        put_varint(sketch.bins().len() as u64, out);
        let mut before = 0;
        for &(key, times) in sketch.bins() {
            put_signed(i64::from(key) - before, out);
            put_varint(times, out);
            before = i64::from(key);
        }
    }
}

pub(crate) fn take_aggregate(reader: &mut Reader<'_>) -> Option<Aggregate> {
    let marks = reader.byte()?;
    let count = match marks & WHOLE_COUNT {
        0 => reader.double()?,
        _ => reader.varint()? as f64,
    };
    let min = reader.double()?;
    let max = if marks & DISTRIBUTION == CONSTANT { min } else { reader.double()? };
    let sum = if marks & PLAIN_SUM != 0 { min * count } else { reader.double()? };
    let distribution = match marks & DISTRIBUTION {
        CONSTANT => Distribution::Constant,
        SKETCH => Distribution::Sketch(Box::new(take_sketch(reader)?)),
        UNKNOWN => Distribution::Unknown,
        _ => return None,
    };
    Aggregate::of_parts(count, sum, min, max, distribution)
}

fn take_sketch(reader: &mut Reader<'_>) -> Option<Sketch> {
    let count = usize::try_from(reader.varint()?).ok()?;
    if count > metric::sketch::MAX_BINS {
        return None;
    }
    let mut bins = Vec::with_capacity(count);
    let mut before = 0i64;
    for _ in 0..count {
        before = before.checked_add(reader.signed()?)?;
        bins.push((i32::try_from(before).ok()?, reader.varint()?));
    }
    Sketch::of_bins(bins)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Aggregates of every kind.
    pub(crate) fn any() -> impl Strategy<Value = Aggregate> {
        let value = prop_oneof![-1e6..1e6f64, Just(0.0), -1e100..1e100f64, (-50i32..50).prop_map(f64::from)];
        let one = (value, prop_oneof![Just(1.0), 0.001..1e6f64, (1u32..9).prop_map(f64::from)])
            .prop_map(|(value, times)| Aggregate::of(value, times).expect("a sound value"));
        let set = (1.0..1e6f64, -1e9..1e9f64, -1e6..0.0f64, 0.0..1e6f64)
            .prop_map(|(count, sum, min, max)| Aggregate::of_set(count, sum, min, max).expect("a sound set"));
        let several = proptest::collection::vec(one.clone(), 1..12).prop_map(|all| {
            let mut joined = all[0].clone();
            all[1..].iter().for_each(|one| joined.merge(one));
            joined
        });
        prop_oneof![one, set, several]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in any()) {
            let mut out = Vec::new();
            put_aggregate(&values, &mut out);
            let mut reader = Reader(&out);
            prop_assert_eq!(take_aggregate(&mut reader), Some(values));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_an_aggregate_or_none(bytes: Vec<u8>) {
            let _ = take_aggregate(&mut Reader(&bytes));
        }
    }

    #[test]
    fn a_single_value_takes_ten_bytes() {
        let mut out = Vec::new();
        put_aggregate(&Aggregate::of(29.97, 1.0).expect("a sound value"), &mut out);
        assert_eq!(out.len(), 10);
    }
}
