//! The wall clock is set, by an hour and by ten years, while everything runs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use e2e::{Stack, eventually, tracks};

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\n\
                       ladder = [\"240p30\"]\nsegment = 1\nwindow = 300\n";

/// Debian's `faketime`: a library before all others that moves what the system says the time is.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.is_file())
}

/// What the wall clock is ahead of the machine's, as the library reads it, each second.
fn set(clock: &Path, ahead: &str) {
    // Replaced as a whole: whoever reads it meanwhile finds the one or the other.
    let next = clock.with_extension("next");
    std::fs::write(&next, ahead).expect("room");
    std::fs::rename(next, clock).expect("room");
}

/// The time that the channel's media has come to, less the machine's, in seconds.
fn media_ahead_s(stack: &Stack) -> f64 {
    let track = &tracks::read_all(stack, "cam")[0];
    let last = tracks::chunks(track).pop().expect("it has segments");
    let header = cmaf::Header::read(track.header.clone()).expect("a header");
    let media_s =
        (last.decode_time + last.duration) as f64 / f64::from(header.track.timescale.ticks_per_second());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    media_s - now.as_secs_f64()
}

/// A stack whose wall clock `clock` says; `None` where there is no such library.
fn stack_by(clock: &Path) -> Option<Stack> {
    let Some(library) = library() else {
        println!("passed over: this needs libfaketime (`make test-deps`)");
        return None;
    };
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let environment = [
        ("LD_PRELOAD", text(&library)),
        ("FAKETIME_TIMESTAMP_FILE", text(clock)),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
    ];
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Some(Stack::start_with(CHANNEL, &environment))
}

#[test]
fn whatever_the_wall_clock_is_set_to_media_goes_on_and_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = folder.path().join("clock");
    set(&clock, "+0");
    let Some(stack) = stack_by(&clock) else { return };
    stack.wait_for_segments("cam", 2);
    assert!(!stack.was_told("clock_step", "raised"));
    let steps = || stack.metric(&["headwater_supervisor_clock_steps_total"]);
    let is_about_now = |what: &str| {
        let ahead_s = media_ahead_s(&stack);
        assert!((-30.0..5.0).contains(&ahead_s), "{what}: media is {ahead_s} s ahead of the machine's clock");
    };
    // What starts while the clock is wrong goes on where the one before it was.
    let cases = [("+3600", "headwater-encoder"), ("+10y", " origin "), ("-10y", " edge ")];
    for (number, (ahead, restarted)) in cases.into_iter().enumerate() {
        set(&clock, ahead);
        eventually(&format!("{ahead} is told"), || (steps() == number as f64 + 1.0).then_some(()));
        stack.kill_child(restarted);
        let segments = || stack.metric(&["headwater_encoder_push_segments_total"]);
        let before = segments();
        eventually("it goes on", || (segments() >= before + 4.0).then_some(()));
        stack.wait_for_segments("cam", 2);
        is_about_now(ahead);
    }
    assert!(!stack.was_told("clock_step", "cleared"));
    set(&clock, "+0");
    eventually("it is told that the clock is right", || {
        stack.was_told("clock_step", "cleared").then_some(())
    });
    assert!(stack.metric(&["headwater_supervisor_clock_offset_seconds"]).abs() < 0.5);
    tracks::assert_whole(&stack, "cam");
}

#[test]
fn the_years_in_which_clocks_of_32_bits_end_are_years_as_others() {
    // Seconds since 1970 of 31 bits end on 2038-01-19, those of 32 bits on 2106-02-07, while the channel is on air.
    for (year, end_s) in [("2038", i64::from(i32::MAX)), ("2106", i64::from(u32::MAX))] {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let folder = tempfile::tempdir().expect("a folder");
        let clock = folder.path().join("clock");
        set(&clock, &format!("+{}", end_s - now.cast_signed() - 6));
        let Some(stack) = stack_by(&clock) else { return };
        stack.wait_for_segments("cam", 8);
        tracks::assert_whole(&stack, "cam");
        let ahead_s = media_ahead_s(&stack);
        let wanted_s = end_s - now.cast_signed();
        assert!((ahead_s - wanted_s as f64).abs() < 60.0, "{year}: {ahead_s} s ahead, not about {wanted_s}");
        let playlist = stack.get(&format!("/cam/{}", tracks::read_all(&stack, "cam")[0].uri));
        assert!(playlist.text().contains(&format!("#EXT-X-PROGRAM-DATE-TIME:{year}")), "{}", playlist.text());
        assert!(!stack.was_told("clock_step", "raised"));
    }
}
