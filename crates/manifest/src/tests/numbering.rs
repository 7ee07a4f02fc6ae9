use expect_test::{Expect, expect};

use crate::testing::{kept, listing, play, played, shape};
use crate::{AppendError, Arrived, Timeline};

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&listing(&played(script)));
}

/// Plays `before`, restarts with the last `tail` segments of each track not kept, and plays `after`.
fn check_restart(before: &str, tail: usize, after: &str, expected: Expect) {
    let restored = kept(&played(before), tail);
    let mut timeline = Timeline::restore(shape(20), restored).expect("kept in order");
    play(&mut timeline, after);
    expected.assert_eq(&listing(&timeline));
}

#[test]
fn numbers_begin_at_the_slot_and_rise_by_one() {
    check(
        "720p 0+2x3",
        expect![[r#"
        720p: 500000000 P0 0 2 4
    "#]],
    );
}

#[test]
fn a_segment_is_listed_when_every_track_has_its_like() {
    check(
        "720p, audio; 720p 0+2x3; audio 0+2x2",
        expect![[r#"
        720p: 500000000 P0 0 2
        audio: 500000000 P0 0 2
    "#]],
    );
}

#[test]
fn numbers_align_across_tracks_that_straddle_a_slot() {
    check(
        "720p, audio; 720p 2+2x2, audio 1.99+2x2",
        expect![[r#"
            720p: 500000000 P0 2 4
            audio: 500000000 P0 1.99 3.99
        "#]],
    );
}

#[test]
fn a_track_far_behind_holds_the_others_no_longer() {
    check(
        "720p, audio; 720p 0+2x6",
        expect![[r#"
        720p:
        audio:
    "#]],
    );
    check(
        "720p, audio; 720p 0+2x7",
        expect![[r#"
        720p: 500000000 P0 0 2 4 6 8 10 12
        audio:
    "#]],
    );
    check(
        "720p, audio; 720p 0+2x2, audio 0+2x2; 720p 4+2x2",
        expect![[r#"
        720p: 500000000 P0 0 2
        audio: 500000000 P0 0 2
    "#]],
    );
    check(
        "720p, audio; 720p 0+2x2, audio 0+2x2; 720p 4+2x3",
        expect![[r#"
        720p: 500000000 P0 0 2 4 6 8
        audio: 500000000 P0 0 2
    "#]],
    );
}

#[test]
fn a_track_that_comes_back_after_a_hole_splits_all_renditions_there() {
    check(
        "720p 0+2x2, audio 0+2x2; 720p 4+2x6; audio 16+2, 720p 16+2",
        expect![[r#"
        720p: 500000000 P0 0 2 4 6 8 10 12 14 P1 16
        audio: 500000000 P0 0 2 P1 16
    "#]],
    );
}

#[test]
fn a_new_header_begins_a_period_on_all_tracks() {
    check(
        "720p 0+2x3, audio 0+2x3; 720p#1 6+2x2, audio 6+2x2",
        expect![[r#"
        720p: 500000000 P0 0 2 4 P1 6 8
        audio: 500000000 P0 0 2 4 P1 6 8
    "#]],
    );
    check(
        "720p 0+2x3, audio 0+2x3; audio 5.98+2x2, 720p#1 6+2x2",
        expect![[r#"
            720p: 500000000 P0 0 2 4 P1 6 8
            audio: 500000000 P0 0 2 4 P1 5.98 7.98
        "#]],
    );
}

#[test]
fn the_same_header_again_begins_none() {
    check(
        "720p 0+2x2, audio 0+2x2; 720p; audio; 720p 4+2, audio 4+2",
        expect![[r#"
        720p: 500000000 P0 0 2 4
        audio: 500000000 P0 0 2 4
    "#]],
    );
}

#[test]
fn a_publisher_that_comes_back_makes_one_discontinuity() {
    check(
        "720p 0+2x2, audio 0+2x2; 720p; audio; audio 99.99+2x2; 720p 100+2x2",
        expect![[r#"
            720p: 500000000 P0 0 2 P1 100 102
            audio: 500000000 P0 0 2 P1 99.99 101.99
        "#]],
    );
}

#[test]
fn a_dropped_frame_at_a_cut_is_no_discontinuity() {
    check(
        "720p 0+2x2; 720p 4.2+1.8; 720p 5.95+2",
        expect![[r#"
            720p: 500000000 P0 0 2 4.2 5.95
        "#]],
    );
}

#[test]
fn a_track_that_joins_late_begins_a_period() {
    check(
        "720p 0+2x3; 360p 6+2x2, 720p 6+2x2",
        expect![[r#"
        720p: 500000000 P0 0 2 4 P1 6 8
        360p: 500000003 P1 6 8
    "#]],
    );
}

#[test]
fn long_segments_against_short_ones_stay_in_step() {
    check(
        "720p, audio; audio 0+2x4, 720p 0+4x2",
        expect![[r#"
        720p: 500000000 P0 0 4
        audio: 500000000 P0 0 2 4 6
    "#]],
    );
    check(
        "720p, audio; audio 0+2x4; 720p 0+4",
        expect![[r#"
            720p: 500000000 P0 0
            audio: 500000000 P0 0 2
        "#]],
    );
}

#[test]
fn the_window_is_trimmed_by_time_but_never_below_six_segments() {
    check(
        "720p 0+2x20, audio 0+2x20",
        expect![[r#"
        720p: 500000010 P0 20 22 24 26 28 30 32 34 36 38
        audio: 500000010 P0 20 22 24 26 28 30 32 34 36 38
    "#]],
    );
    check(
        "720p 0+6x8",
        expect![[r#"
        720p: 500000002 P0 12 18 24 30 36 42
    "#]],
    );
}

#[test]
fn the_window_shrinks_to_its_bytes_but_never_below_six_segments() {
    let mut timeline = Timeline::new(crate::Shape { max_bytes: 12_000_000, ..shape(60) });
    play(&mut timeline, "720p 0+2x12");
    expect![[r#"
        720p: 500000004 P0 8 10 12 14 16 18 20 22
    "#]]
    .assert_eq(&listing(&timeline));
    let mut timeline = Timeline::new(crate::Shape { max_bytes: 1_000, ..shape(60) });
    play(&mut timeline, "720p 0+2x12");
    expect![[r#"
        720p: 500000006 P0 12 14 16 18 20 22
    "#]]
    .assert_eq(&listing(&timeline));
}

#[test]
fn after_a_restart_with_all_kept_numbers_go_on() {
    check_restart(
        "720p 0+2x4, audio 0+2x4",
        0,
        "720p 8+2x2, audio 8+2x2",
        expect![[r#"
        720p: 500000000 P0 0 2 4 6 8 10
        audio: 500000000 P0 0 2 4 6 8 10
    "#]],
    );
}

#[test]
fn after_a_restart_numbers_that_may_have_been_given_out_are_listed_as_lost() {
    check_restart(
        "720p 0+2x4, audio 0+2x4",
        1,
        "720p 8+2x2, audio 8+2x2",
        expect![[r#"
        720p: 500000000 P0 0 2 4 P1 -6 P2 8 10
        audio: 500000000 P0 0 2 4 P1 -6 P2 8 10
    "#]],
    );
}

#[test]
fn after_a_restart_and_a_long_absence_the_playlist_begins_behind_the_lost_numbers() {
    check_restart(
        "720p 0+2x4, audio 0+2x4",
        1,
        "720p 900+2x2, audio 900+2x2",
        expect![[r#"
        720p: 500000450 P2 900 902
        audio: 500000450 P2 900 902
    "#]],
    );
}

#[test]
fn a_segment_missing_from_what_was_kept_is_listed_as_lost() {
    let mut restored = kept(&played("720p 0+2x4"), 0);
    restored.tracks[0].segments.remove(1);
    let timeline = Timeline::restore(shape(20), restored).expect("in order");
    expect![[r#"
        720p: 500000000 P0 0 -2 4 6
    "#]]
    .assert_eq(&listing(&timeline));
}

#[test]
fn what_contradicts_itself_is_not_restored() {
    let good = kept(&played("720p 0+2x4"), 0);
    let mut twice = good.clone();
    let again = twice.tracks[0].segments[0].clone();
    twice.tracks[0].segments.push(again);
    assert!(Timeline::restore(shape(20), twice).is_err());
    let mut homeless = good;
    homeless.periods.clear();
    assert!(Timeline::restore(shape(20), homeless).is_err());
}

#[test]
fn what_cannot_be_taken_changes_nothing() {
    let mut timeline = played("720p 0+2x3");
    let name = "720p".parse().expect("a name");
    let at = |seconds: i64| (crate::testing::EPOCH_S + seconds) * 90_000;
    for (start, duration, fault) in [
        (at(0), 180_000, AppendError::Duplicate),
        (at(4), 180_000, AppendError::Duplicate),
        (at(3), 700_000, AppendError::Duplicate),
        (at(6), 0, AppendError::Time),
        (at(6), -1, AppendError::Time),
        (-1, 180_000, AppendError::Time),
        (i64::MAX, 1, AppendError::Time),
        (1, i64::MAX, AppendError::Time),
    ] {
        let arrived = Arrived { start, duration, bytes: 1 };
        let before = listing(&timeline);
        assert_eq!(timeline.append(&name, arrived, media::Utc(0)), Err(fault), "{start}+{duration}");
        assert_eq!(listing(&timeline), before);
    }
    let other = "audio".parse().expect("a name");
    let arrived = Arrived { start: at(6), duration: 1, bytes: 1 };
    assert_eq!(timeline.append(&other, arrived, media::Utc(0)), Err(AppendError::UnknownTrack));
}

#[test]
fn a_longer_segment_raises_the_target_duration_for_good() {
    let mut timeline = played("720p 0+2x2");
    assert_eq!(timeline.target_s(), 2);
    play(&mut timeline, "720p 4+4.4");
    assert_eq!(timeline.target_s(), 4);
    play(&mut timeline, "720p 8.4+2x20");
    assert_eq!(timeline.target_s(), 4);
    let restored = kept(&timeline, 0);
    let restored = Timeline::restore(shape(20), restored).expect("kept in order");
    assert_eq!(restored.target_s(), 4);
}

#[test]
fn another_recording_breaks_all_tracks_once_even_where_its_times_follow() {
    let mut timeline = played("720p 0+2x2, audio 0+2x2");
    timeline.interrupt();
    play(&mut timeline, "audio 4+2x2; 720p 4+2x2");
    expect![[r#"
        720p: 500000000 P0 0 2 P1 4 6
        audio: 500000000 P0 0 2 P1 4 6
    "#]]
    .assert_eq(&listing(&timeline));
}

#[test]
fn the_bound_on_tracks_counts_those_with_segments() {
    let mut timeline = played("720p 0+2x2");
    for index in 0..1_000 {
        let name = format!("audio-{index}");
        let header = crate::testing::header(&name, 0);
        timeline.announce(&name.parse().expect("a name"), header).expect("others are empty");
    }
    assert_eq!(timeline.tracks().len(), crate::timeline::MAX_TRACKS);
    assert!(timeline.track(&"720p".parse().expect("a name")).is_some());
    let mut timeline = Timeline::new(shape(20));
    for index in 0..crate::timeline::MAX_TRACKS {
        play(&mut timeline, &format!("audio-{index} 0+2"));
    }
    let one_more = timeline.announce(&"720p".parse().expect("a name"), crate::testing::header("720p", 0));
    assert_eq!(one_more, Err(crate::AnnounceError::TooManyTracks));
}

#[test]
fn a_straggler_from_before_a_break_stays_before_it() {
    check(
        "720p 0+2x2, audio 0+2x2; 720p 4+2x4; 720p#1 12+2x2; audio 8+2x3",
        expect![[r#"
        720p: 500000000 P0 0 2 4 6 8 10 P1 12 14
        audio: 500000000 P0 0 2 8 10 P1 12
    "#]],
    );
}

#[test]
fn a_channel_does_not_begin_without_a_picture_whose_key_frames_are_far_apart() {
    let timeline = played("720p, audio; audio 0+2x5, 720p 0+10");
    assert_eq!(timeline.target_s(), 10);
    expect![[r#"
        720p: 500000000 P0 0
        audio: 500000000 P0 0 2 4 6 8
    "#]]
    .assert_eq(&listing(&timeline));
}
