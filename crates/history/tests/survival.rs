//! Histories in real files: what survives, and what is found again.

use std::fs;
use std::path::Path;

use history::{DimensionFilter, Filter, History, Limits, OpenFault, Refused, Resolution, Sample, Span};
use media::Utc;
use metric::{Aggregate, Dimension, Metric, Unit};
use proptest::prelude::*;

/// A whole hour.
const T0: i64 = 1_795_737_600;

fn at(at_s: i64) -> Utc {
    Utc(at_s * 1_000_000)
}

fn metric(name: &str) -> Metric {
    let dimension = Dimension { name: "ChannelId".to_owned(), value: name.to_owned() };
    Metric::new("Test", name, vec![dimension]).expect("sound names")
}

fn sample(name: &str, at_s: i64, value: f64) -> Sample {
    let values = Aggregate::of(value, 1.0).expect("a sound value");
    Sample { metric: metric(name), unit: Unit::Count, at_s, resolution: Resolution::Minute, values }
}

fn open(folder: &Path, now_s: i64) -> History {
    History::open(folder, Limits::default(), at(now_s)).expect("it opens")
}

/// Start and sum of each period.
fn sums(history: &History, name: &str, start_s: i64, end_s: i64, period_s: u32) -> Vec<(i64, f64)> {
    let found =
        history.range(&metric(name), None, Span { start_s, end_s, period_s }).expect("files are whole");
    found.into_iter().map(|(start_s, values)| (start_s - T0, values.sum())).collect()
}

/// Lets the time go on, and the keeper do its round.
fn pass(history: &History, now_s: i64) {
    history.flush().expect("the disk takes it");
    history.tick(at(now_s));
    history.flush().expect("the disk takes it");
}

fn files(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let all =
        fs::read_dir(folder.join("minutes")).expect("a folder").map(|entry| entry.expect("an entry").path());
    all.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn values_of_a_minute_add_up_and_periods_are_made_of_minutes() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = open(folder.path(), T0);
    for (at_s, value) in [(0, 1.0), (59, 2.0), (60, 4.0), (300, 8.0)] {
        history.record(&[sample("a", T0 + at_s, value)], at(T0 + at_s)).expect("there is room");
    }
    assert_eq!(sums(&history, "a", T0, T0 + 600, 60), [(0, 3.0), (60, 4.0), (300, 8.0)]);
    assert_eq!(sums(&history, "a", T0, T0 + 600, 300), [(0, 7.0), (300, 8.0)]);
    assert_eq!(sums(&history, "a", T0 + 60, T0 + 300, 60), [(60, 4.0)]);
    assert_eq!(sums(&history, "b", T0, T0 + 600, 60), []);
}

#[test]
fn what_was_recorded_is_there_after_a_restart_and_after_blocks_were_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let hours = 8;
    let history = open(folder.path(), T0);
    for minute in 0..hours * 60 {
        let now = T0 + minute * 60;
        history
            .record(&[sample("a", now, 1.0), sample("b", now, minute as f64)], at(now))
            .expect("there is room");
        if minute % 60 == 0 {
            history.flush().expect("the disk takes it");
        }
    }
    let wanted = sums(&history, "b", T0, T0 + hours * 3600, 60);
    assert_eq!(wanted.len() as i64, hours * 60);
    drop(history);
    assert_eq!(files(folder.path(), "block").len(), 2);
    assert_eq!(files(folder.path(), "log").len(), 1);
    let history = open(folder.path(), T0 + hours * 3600);
    assert_eq!(sums(&history, "b", T0, T0 + hours * 3600, 60), wanted);
    assert_eq!(
        sums(&history, "a", T0, T0 + hours * 3600, 3600),
        (0..hours).map(|n| (n * 3600, 60.0)).collect::<Vec<_>>()
    );
    // It goes on in the same log, under numbers of its own.
    history
        .record(&[sample("c", T0, 5.0), sample("a", T0, 1.0)], at(T0 + hours * 3600))
        .expect("there is room");
    drop(history);
    let history = open(folder.path(), T0 + hours * 3600);
    assert_eq!(sums(&history, "c", T0, T0 + 60, 60), [(0, 5.0)]);
    assert_eq!(sums(&history, "a", T0, T0 + 120, 60), [(0, 2.0), (60, 1.0)]);
}

#[test]
fn files_go_when_all_in_them_is_older_than_fifteen_days_and_then_the_metric_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = open(folder.path(), T0);
    let day = 86_400;
    history.record(&[sample("old", T0, 1.0)], at(T0)).expect("there is room");
    pass(&history, T0 + 14 * day);
    history.record(&[sample("new", T0 + 14 * day, 1.0)], at(T0 + 14 * day)).expect("there is room");
    assert_eq!(files(folder.path(), "block").len(), 1);
    assert_eq!(history.series(), 2);
    pass(&history, T0 + 16 * day);
    history.record(&[sample("new", T0 + 16 * day, 1.0)], at(T0 + 16 * day)).expect("there is room");
    assert_eq!(files(folder.path(), "block").len(), 1);
    assert_eq!(history.series(), 1);
    assert_eq!(sums(&history, "old", T0, T0 + 60, 60), []);
    assert_eq!(sums(&history, "new", T0 + 14 * day, T0 + 17 * day, 86_400).len(), 2);
}

#[test]
fn seconds_are_kept_where_they_are_asked_for_and_add_up_to_minutes() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = open(folder.path(), T0);
    let fine = |at_s, value| Sample { resolution: Resolution::Second, ..sample("a", T0 + at_s, value) };
    history.record(&[fine(0, 1.0), fine(1, 2.0), fine(10, 4.0)], at(T0 + 10)).expect("there is room");
    history.record(&[sample("b", T0, 1.0)], at(T0 + 10)).expect("there is room");
    assert_eq!(sums(&history, "a", T0, T0 + 60, 1), [(0, 1.0), (1, 2.0), (10, 4.0)]);
    assert_eq!(sums(&history, "a", T0, T0 + 60, 10), [(0, 3.0), (10, 4.0)]);
    assert_eq!(sums(&history, "a", T0, T0 + 60, 60), [(0, 7.0)]);
    assert_eq!(sums(&history, "b", T0, T0 + 60, 10), []);
    drop(history);
    let history = open(folder.path(), T0 + 20);
    assert_eq!(sums(&history, "a", T0, T0 + 60, 10), [(0, 3.0), (10, 4.0)]);
}

#[test]
fn metrics_are_listed_by_namespace_name_dimensions_and_how_recent_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = open(folder.path(), T0);
    history
        .record(&[sample("a", T0, 1.0), sample("b", T0 + 9000, 1.0)], at(T0 + 9000))
        .expect("there is room");
    let names = |filter: Filter| -> Vec<String> {
        history.list(&filter, None, 10).iter().map(|metric| metric.name().to_owned()).collect()
    };
    let dimension = |value: Option<&str>| DimensionFilter {
        name: "ChannelId".to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(names(Filter::default()), ["a", "b"]);
    assert_eq!(names(Filter { namespace: Some("Other".to_owned()), ..Filter::default() }), [""; 0]);
    assert_eq!(names(Filter { name: Some("b".to_owned()), ..Filter::default() }), ["b"]);
    assert_eq!(names(Filter { dimensions: vec![dimension(None)], ..Filter::default() }), ["a", "b"]);
    assert_eq!(names(Filter { dimensions: vec![dimension(Some("a"))], ..Filter::default() }), ["a"]);
    assert_eq!(names(Filter { since_s: Some(T0 + 60), ..Filter::default() }), ["b"]);
    let after = history.list(&Filter::default(), Some(&metric("a")), 10);
    assert_eq!(after, [metric("b")]);
}

#[test]
fn too_many_metrics_are_refused_and_nothing_of_that_call_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { series: 2, ..Limits::default() };
    let history = History::open(folder.path(), limits, at(T0)).expect("it opens");
    history.record(&[sample("a", T0, 1.0)], at(T0)).expect("there is room");
    let both = [sample("a", T0, 1.0), sample("b", T0, 1.0), sample("c", T0, 1.0)];
    assert_eq!(history.record(&both, at(T0)), Err(Refused::TooManySeries(2)));
    assert_eq!(sums(&history, "a", T0, T0 + 60, 60), [(0, 1.0)]);
    history.record(&both[..2], at(T0)).expect("there is room for one more");
    let few = Limits { names_bytes: 100, ..Limits::default() };
    drop(history);
    let history = History::open(folder.path(), few, at(T0)).expect("it opens");
    assert_eq!(history.record(&[sample("z", T0, 1.0)], at(T0)), Err(Refused::TooManyNames(100)));
}

#[test]
fn more_than_memory_may_hold_becomes_a_block_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { memory_bytes: 4000, ..Limits::default() };
    let history = History::open(folder.path(), limits, at(T0)).expect("it opens");
    for minute in 0..200 {
        history.record(&[sample("a", T0 + minute * 60, 1.0)], at(T0)).expect("there is room");
        history.flush().expect("the disk takes it");
    }
    assert!(files(folder.path(), "block").len() > 1);
    assert_eq!(sums(&history, "a", T0, T0 + 200 * 60, 60).len(), 200);
}

#[test]
fn a_disk_that_takes_nothing_loses_nothing_that_is_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = open(folder.path(), T0);
    history.record(&[sample("a", T0, 1.0)], at(T0)).expect("there is room");
    history.flush().expect("the disk takes it");
    // The log's folder is not there, so that nothing can be written to a new file; the next log is one.
    let (minutes, aside) = (folder.path().join("minutes"), folder.path().join("aside"));
    fs::rename(&minutes, &aside).expect("it is moved");
    history.record(&[sample("a", T0 + 11_000, 2.0)], at(T0 + 11_000)).expect("there is room");
    assert!(history.flush().is_err());
    assert_eq!(sums(&history, "a", T0, T0 + 12_000, 12_000), [(0, 3.0)]);
    fs::rename(&aside, &minutes).expect("it is moved back");
    history.record(&[sample("a", T0 + 11_060, 4.0)], at(T0 + 11_060)).expect("there is room");
    history.flush().expect("the disk takes it again");
    drop(history);
    assert_eq!(sums(&open(folder.path(), T0), "a", T0, T0 + 12_000, 12_000), [(0, 7.0)]);
}

#[test]
fn a_damaged_block_is_set_aside_and_the_rest_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = open(folder.path(), T0);
    for hours in [0, 4, 8] {
        let now = T0 + hours * 3600;
        pass(&history, now);
        history.record(&[sample("a", now, 1.0)], at(now)).expect("there is room");
    }
    drop(history);
    let mut blocks = files(folder.path(), "block");
    blocks.sort();
    let mut bytes = fs::read(&blocks[0]).expect("it is there");
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    fs::write(&blocks[0], bytes).expect("it is written");
    let history = open(folder.path(), T0 + 9 * 3600);
    assert_eq!(sums(&history, "a", T0, T0 + 9 * 3600, 3600), [(4 * 3600, 1.0), (8 * 3600, 1.0)]);
    assert_eq!(files(folder.path(), "damaged").len(), 1);
}

#[test]
fn a_folder_belongs_to_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let _history = open(folder.path(), T0);
    let second = History::open(folder.path(), Limits::default(), at(T0));
    assert!(matches!(second, Err(OpenFault::InUse { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A kill leaves a log that ends anywhere, and perhaps a block beside its log.
    #[test]
    fn a_log_cut_at_any_byte_gives_what_was_recorded_before_it(count in 1usize..20, cut: prop::sample::Index, with_block: bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let history = open(folder.path(), T0);
        if with_block {
            history.record(&[sample("old", T0, 1.0)], at(T0)).expect("there is room");
            history.flush().expect("the disk takes it");
            let log = files(folder.path(), "log").remove(0);
            let bytes = fs::read(&log).expect("it is there");
            pass(&history, T0 + 11_000);
            drop(history);
            // As if there had been no time to remove it.
            fs::write(log, bytes).expect("it is written");
        }  else {
            drop(history);
        }
        let start = T0 + 20_040;
        let history = open(folder.path(), start);
        for n in 0..count as i64 {
            history.record(&[sample(["a", "b", "c"][n as usize % 3], start + 60 * n, 1.0)], at(start)).expect("there is room");
        }
        drop(history);
        let log = files(folder.path(), "log").remove(0);
        let bytes = fs::read(&log).expect("it is there");
        let cut = cut.index(bytes.len() + 1);
        fs::write(&log, &bytes[..cut]).expect("it is written");

        let history = open(folder.path(), start);
        let found: Vec<_> = ["a", "b", "c"].iter().flat_map(|name| sums(&history, name, start, start + 6000, 60)).collect();
        let mut times: Vec<i64> = found.iter().map(|(at_s, _)| (at_s - 20_040) / 60).collect();
        times.sort_unstable();
        prop_assert_eq!(&times, &(0..times.len() as i64).collect::<Vec<_>>());
        prop_assert!(found.iter().all(|(_, sum)| *sum == 1.0));
        let whole = cut == bytes.len();
        prop_assert!(!whole || times.len() == count);
        if with_block {
            prop_assert_eq!(sums(&history, "old", T0, T0 + 60, 60), [(0, 1.0)]);
        }
        // And it goes on.
        history.record(&[sample("z", start, 1.0)], at(start)).expect("there is room");
        drop(history);
        let history = open(folder.path(), start);
        prop_assert_eq!(sums(&history, "z", start, start + 60, 60).len(), 1);
        prop_assert_eq!(["a", "b", "c"].iter().map(|name| sums(&history, name, start, start + 6000, 60).len()).sum::<usize>(), times.len());
    }
}
