//! Files in any state of damage: what they hold, or that they cannot be read.
//!
//! A log is entries, each behind its length and CRC-32: a series under a number that later entries use, or the values of a step.
//! Read up to the first that is not whole. A block is, for each series, its steps rising (a chunk behind its CRC-32), then
//! the list of all chunks, then the list's length and CRC-32.

use metric::{Aggregate, Metric, Unit};

use crate::codec::{
    HEADER_BYTES, Kind, Reader, Series, header, put_aggregate, put_series, put_signed, put_varint,
    take_aggregate, take_series,
};

/// Longest entry of a log, in bytes: a series with thirty dimensions of the greatest length fits.
const MAX_ENTRY: usize = 64 << 10;
/// Bytes at the end of a block: the list's length, its CRC-32, and a mark.
pub(crate) const FOOTER_BYTES: usize = 12;
const MARK: &[u8; 4] = b"HWME";

/// Steps and their values, rising.
pub type Steps = Vec<(i64, Aggregate)>;

/// One entry of a log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// From here on the number stands for this series.
    Series(u32, Box<Series>),
    /// More values of a step.
    Values(u32, i64, Aggregate),
}

/// Where a series lies in a block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) series: Series,
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) first_step: i64,
    pub(crate) last_step: i64,
}

pub(crate) fn put_series_entry(number: u32, metric: &Metric, unit: Unit, out: &mut Vec<u8>) {
    entry(out, |out| {
        out.push(0);
        put_varint(u64::from(number), out);
        put_series(metric, unit, out);
    });
}

pub(crate) fn put_values_entry(number: u32, step: i64, values: &Aggregate, out: &mut Vec<u8>) {
    entry(out, |out| {
        out.push(1);
        put_varint(u64::from(number), out);
        put_signed(step, out);
        put_aggregate(values, out);
    });
}

fn entry(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 8]);
    body(out);
    let body = &out[start + 8..];
    let (length, sum) = (body.len() as u32, crc32fast::hash(body));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// Reads a log; gives each whole entry, and how many bytes they take with the header: 0 where it is none.
pub(crate) fn read_log(bytes: &[u8], step_s: i64, mut each: impl FnMut(Entry)) -> usize {
    let Some(rest) = bytes.strip_prefix(&header(Kind::Log, step_s)) else { return 0 };
    let mut reader = Reader(rest);
    loop {
        let whole = bytes.len() - reader.0.len();
        match take_entry(&mut reader) {
            Some(entry) => each(entry),
            None => return whole,
        }
    }
}

fn take_entry(reader: &mut Reader<'_>) -> Option<Entry> {
    let length = u32::from_le_bytes(reader.take(4)?.try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(reader.take(4)?.try_into().ok()?);
    if length > MAX_ENTRY {
        return None;
    }
    let body = reader.take(length)?;
    if crc32fast::hash(body) != sum {
        return None;
    }
    let mut body = Reader(body);
    let kind = body.byte()?;
    let number = u32::try_from(body.varint()?).ok()?;
    let entry = match kind {
        0 => Entry::Series(number, Box::new(take_series(&mut body)?)),
        1 => Entry::Values(number, body.signed()?, take_aggregate(&mut body)?),
        _ => return None,
    };
    body.is_empty().then_some(entry)
}

/// A block of these series, each with its steps rising and not empty.
pub(crate) fn write_block<'a>(
    step_s: i64,
    all: impl Iterator<Item = (&'a Metric, Unit, &'a [(i64, Aggregate)])>,
) -> Vec<u8> {
    let mut out = header(Kind::Block, step_s).to_vec();
    let mut list = Vec::new();
    for (metric, unit, steps) in all {
        let start = out.len();
        out.extend([0; 4]);
        let mut before = 0;
        for (step, values) in steps {
            put_signed(step - before, &mut out);
            put_aggregate(values, &mut out);
            before = *step;
        }
        let sum = crc32fast::hash(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&sum.to_le_bytes());
        put_series(metric, unit, &mut list);
        put_varint(start as u64, &mut list);
        put_varint((out.len() - start) as u64, &mut list);
        put_signed(steps.first().map_or(0, |step| step.0), &mut list);
        put_signed(steps.last().map_or(0, |step| step.0), &mut list);
    }
    put_list(&list, &mut out);
    out
}

/// How long the list at the end of a block is, from the block's last bytes.
pub(crate) fn list_bytes(footer: &[u8; FOOTER_BYTES]) -> Option<usize> {
    footer.ends_with(MARK).then(|| u32::from_le_bytes([footer[0], footer[1], footer[2], footer[3]]) as usize)
}

/// Reads a block's list, which `file_bytes` end with. Whatever it says lies within the file.
pub(crate) fn read_list(list: &[u8], footer: &[u8; FOOTER_BYTES], file_bytes: u64) -> Option<Vec<Place>> {
    let sum = u32::from_le_bytes([footer[4], footer[5], footer[6], footer[7]]);
    let chunks_end = file_bytes.checked_sub((list.len() + FOOTER_BYTES) as u64)?;
    if crc32fast::hash(list) != sum {
        return None;
    }
    let mut reader = Reader(list);
    let mut places = Vec::new();
    let mut taken = 0;
    while !reader.is_empty() {
        let series = take_series(&mut reader)?;
        let (offset, length) = (reader.varint()?, reader.varint()?);
        // One behind the other, so that what they hold is no more than the file.
        if offset < taken || offset.checked_add(length)? > chunks_end {
            return None;
        }
        taken = offset + length;
        let (offset, length) = (u32::try_from(offset).ok()?, u32::try_from(length).ok()?);
        let (first_step, last_step) = (reader.signed()?, reader.signed()?);
        places.push(Place { series, offset, length, first_step, last_step });
    }
    Some(places)
}

/// Reads one chunk of a block.
pub(crate) fn read_chunk(chunk: &[u8]) -> Option<Steps> {
    let (sum, body) = chunk.split_at_checked(4)?;
    if crc32fast::hash(body).to_le_bytes() != sum {
        return None;
    }
    let mut reader = Reader(body);
    let mut steps = Vec::new();
    let mut step = 0i64;
    while !reader.is_empty() {
        step = step.checked_add(reader.signed()?)?;
        if steps.last().is_some_and(|(before, _)| *before >= step) {
            return None;
        }
        steps.push((step, take_aggregate(&mut reader)?));
    }
    Some(steps)
}

/// All a log holds of minutes, with how many bytes of it are whole: for tests with damaged files.
pub fn log_of_minutes(bytes: &[u8]) -> (usize, usize) {
    let mut entries = 0;
    let whole = read_log(bytes, 60, |_| entries += 1);
    (entries, whole)
}

/// All a block of minutes holds; `None` where it is damaged: for tests with damaged files.
pub fn block_of_minutes(bytes: &[u8]) -> Option<Vec<(Metric, Unit, Steps)>> {
    bytes.strip_prefix(&header(Kind::Block, 60))?;
    let (rest, footer) = bytes.split_last_chunk::<FOOTER_BYTES>()?;
    let list_at = rest.len().checked_sub(list_bytes(footer)?)?;
    let places = read_list(rest.get(list_at.max(HEADER_BYTES)..)?, footer, bytes.len() as u64)?;
    let read = |place: Place| {
        let chunk = bytes.get(place.offset as usize..)?.get(..place.length as usize)?;
        Some((place.series.0, place.series.1, read_chunk(chunk)?))
    };
    places.into_iter().map(read).collect()
}

/// A log of minutes with one entry of these bytes, behind their right checksum: for tests with damaged files.
pub fn log_around(body: &[u8]) -> Vec<u8> {
    let mut out = header(Kind::Log, 60).to_vec();
    entry(&mut out, |out| out.extend(body));
    out
}

/// A block of minutes of one chunk and this list, behind their right checksums: for tests with damaged files.
pub fn block_around(chunk: &[u8], list: &[u8]) -> Vec<u8> {
    let mut out = header(Kind::Block, 60).to_vec();
    out.extend(crc32fast::hash(chunk).to_le_bytes());
    out.extend(chunk);
    put_list(list, &mut out);
    out
}

fn put_list(list: &[u8], out: &mut Vec<u8>) {
    out.extend(list);
    out.extend((list.len() as u32).to_le_bytes());
    out.extend(crc32fast::hash(list).to_le_bytes());
    out.extend(MARK);
}

#[cfg(test)]
mod tests {
    use metric::Dimension;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::tests_aggregate as any_aggregate;

    fn series() -> impl Strategy<Value = Series> {
        let dimensions = proptest::collection::btree_map("[A-Za-z]{1,8}", "[ -~]{0,8}[!-~]", 0..4);
        ("[A-Z][A-Za-z/]{0,12}", "[A-Za-z]{1,12}", dimensions, 0u8..27).prop_map(
            |(namespace, name, dimensions, unit)| {
                let dimensions =
                    dimensions.into_iter().map(|(name, value)| Dimension { name, value }).collect();
                let metric = Metric::new(&namespace, &name, dimensions).expect("sound names");
                (metric, Unit::of_number(unit).expect("a unit"))
            },
        )
    }

    fn steps() -> impl Strategy<Value = Steps> {
        proptest::collection::btree_map(-1_000_000_000i64..1_000_000_000, any_aggregate(), 1..12)
            .prop_map(|steps| steps.into_iter().collect())
    }

    #[test]
    fn files_of_this_form_are_read_for_as_long_as_it_says_one() {
        let log = include_bytes!("../../../fuzz/seeds/history_files/log");
        assert_eq!(log_of_minutes(log), (3, log.len()));
        let block = include_bytes!("../../../fuzz/seeds/history_files/block");
        let (metric, unit, steps) = block_of_minutes(block).expect("it is whole").remove(0);
        assert_eq!((metric.namespace(), metric.name(), unit), ("App", "m", Unit::Count));
        let values: Vec<_> =
            steps.iter().map(|(step, values)| (*step, values.sum(), values.count())).collect();
        assert_eq!(values, [(29_928_960, 1.0, 1.0), (29_928_961, 2.0, 1.0)]);
    }

    proptest! {
        #[test]
        fn a_block_gives_back_what_was_written(all in proptest::collection::vec((series(), steps()), 0..6)) {
            let bytes = write_block(60, all.iter().map(|((metric, unit), steps)| (metric, *unit, &steps[..])));
            let read = block_of_minutes(&bytes).expect("it is whole");
            let wanted: Vec<_> = all.into_iter().map(|((metric, unit), steps)| (metric, unit, steps)).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn a_block_with_a_changed_byte_is_damaged(all in proptest::collection::vec((series(), steps()), 1..4), at: prop::sample::Index, change in 1u8..) {
            let mut bytes = write_block(60, all.iter().map(|((metric, unit), steps)| (metric, *unit, &steps[..])));
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert_eq!(block_of_minutes(&bytes), None);
        }

        #[test]
        fn a_log_cut_at_any_byte_gives_the_entries_before(all in proptest::collection::vec((series(), steps()), 1..4), cut: prop::sample::Index) {
            let mut bytes = header(Kind::Log, 60).to_vec();
            let mut entries = Vec::new();
            let mut ends = vec![bytes.len()];
            for (number, ((metric, unit), steps)) in (0..).zip(&all) {
                put_series_entry(number, metric, *unit, &mut bytes);
                entries.push(Entry::Series(number, Box::new((metric.clone(), *unit))));
                ends.push(bytes.len());
                for (step, values) in steps {
                    put_values_entry(number, *step, values, &mut bytes);
                    entries.push(Entry::Values(number, *step, values.clone()));
                    ends.push(bytes.len());
                }
            }
            let cut = cut.index(bytes.len() + 1);
            let mut read = Vec::new();
            let whole = read_log(&bytes[..cut], 60, |entry| read.push(entry));
            let wanted = ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(&read, &entries[..wanted.saturating_sub(1)]);
            prop_assert_eq!(whole, if wanted == 0 { 0 } else { ends[wanted - 1] });
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes: Vec<u8>) {
            for kind in [Kind::Log, Kind::Block] {
                let bytes = [&header(kind, 60)[..], &bytes].concat();
                let (_, whole) = log_of_minutes(&bytes);
                prop_assert!(whole <= bytes.len());
                let _ = block_of_minutes(&bytes);
            }
        }
    }
}
