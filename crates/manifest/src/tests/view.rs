use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::hls::{Dates, Style};
use crate::testing::{listing, play, played, shape};
use crate::{Listing, Order, Timeline, View, dash, hls};

fn view(window_s: i64) -> View {
    View {
        window_us: window_s * 1_000_000,
        delay_us: 0,
        segment_ms: None,
        lists_parts: false,
        video_bps: 0..=u64::MAX,
    }
}

fn check(view: &View, timeline: &Timeline, expected: Expect) {
    expected.assert_eq(&listing(&view.of(timeline, &mut Listing::default())));
}

fn longer(script: &str) -> Timeline {
    let mut timeline = Timeline::new(shape(60));
    play(&mut timeline, script);
    timeline
}

#[test]
fn a_shorter_window_is_the_newest_of_the_channels() {
    let timeline = longer("720p 0+2x12, audio 0+2x12");
    check(
        &view(14),
        &timeline,
        expect![[r#"
            720p: 500000005 P0 10 12 14 16 18 20 22
            audio: 500000005 P0 10 12 14 16 18 20 22
        "#]],
    );
}

#[test]
fn a_delay_hides_the_newest() {
    let late = View { delay_us: 9_000_000, ..view(60) };
    let timeline = longer("720p 0+2x12, audio 0+2x12");
    check(
        &late,
        &timeline,
        expect![[r#"
            720p: 500000000 P0 0 2 4 6 8 10 12
            audio: 500000000 P0 0 2 4 6 8 10 12
        "#]],
    );
    let never = View { delay_us: 60_000_000, ..view(60) };
    assert_eq!(hls::multivariant(&never.of(&timeline, &mut Listing::default())), None);
}

#[test]
fn bit_rates_choose_the_video_and_leave_the_sound() {
    let chosen = View { video_bps: 1_000_000..=6_000_000, ..view(60) };
    let timeline = longer("1080p 0+2x2, 720p 0+2x2, 360p 0+2x2, 90p 0+2x2, audio 0+2x2");
    let shown = chosen.of(&timeline, &mut Listing::default());
    let style = Style { order: Order::Ascending, playlist: "live".to_owned(), ..Style::default() };
    let text = hls::multivariant_in(&style, &shown).expect("something is listed");
    let uris: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(uris, ["360p/live.m3u8", "720p/live.m3u8"]);
    assert!(text.contains("URI=\"audio/live.m3u8\""), "{text}");
    let text = dash::mpd_in(&dash::Style { order: Order::Descending, ..dash::Style::default() }, &shown)
        .expect("something is listed");
    let at = |track: &str| text.find(&format!("Representation id=\"{track}\"")).expect("it is offered");
    assert!(at("720p") < at("360p"), "{text}");
}

#[test]
fn segments_are_joined_once_they_are_whole() {
    let joined = View { segment_ms: Some(6_000), ..view(60) };
    // 1,000,000,000 s is 4 s into a slot of 6 s: the slots begin at 2, 8, 14, …
    check(
        &joined,
        &longer("720p 0+2x8, audio 0+2x8"),
        expect![[r#"
            720p: 166666666 P0 0 2 8
            audio: 166666666 P0 0 2 8
        "#]],
    );
    // A break ends a segment early.
    check(
        &joined,
        &longer("720p 2+2x4; 720p#1 10+2x2"),
        expect![[r#"
            720p: 166666667 P0 2 8 P1 10
        "#]],
    );
}

#[test]
fn pictures_that_are_decoded_before_their_slot_are_joined_as_the_sound_of_it() {
    let joined = View { segment_ms: Some(6_000), ..view(60) };
    // Shown at 2, 4, 6, …, decoded two frames earlier; sound begins with a frame of its own.
    let both = "720p 1.867+2x6, audio 2.01+2x6";
    check(
        &joined,
        &longer(both),
        expect![[r#"
        720p: 166666667 P0 1.867 7.867
        audio: 166666667 P0 2.009979 8.01
    "#]],
    );
    // A channel begins with its picture and its sound, though with less than a whole slot of both.
    check(
        &joined,
        &longer("720p 3.867+2x2, audio 4.01+2x2"),
        expect![[r#"
        720p: 166666667 P0 3.867
        audio: 166666667 P0 4.01
    "#]],
    );
}

#[test]
fn joined_segments_keep_their_numbers_and_are_known_by_time_and_number() {
    let joined = View { segment_ms: Some(6_000), ..view(40) };
    let mut timeline = Timeline::new(shape(60));
    let mut listing = Listing::default();
    let name = "720p".parse().expect("a name");
    let mut watch = conformance::Watch::default();
    let mut begin = 2;
    let mut look = |timeline: &Timeline, listing: &mut Listing| {
        let shown = joined.of(timeline, listing);
        let Some(text) = hls::media(&shown, &name, hls::Extent::Whole) else { return };
        let broken = watch.look(&text).expect("it is read");
        assert!(broken.is_empty(), "{broken:?}\n{text}");
    };
    for version in 0..6 {
        // Five segments and then a break: within a joined segment, mostly.
        for _ in 0..5 {
            play(&mut timeline, &format!("720p#{version} {begin}+2"));
            begin += 2;
            look(&timeline, &mut listing);
        }
        begin += 30 * (version % 2);
    }
    let shown = joined.of(&timeline, &mut listing);
    let newest = shown.track(&name).and_then(|track| track.segments().next_back()).expect("one is listed");
    let by_time = listing.at(&name, newest.start).expect("known");
    assert_eq!(listing.numbered(&name, newest.number), Some(by_time));
    assert_eq!(by_time.members[0], newest.start);
}

#[test]
fn dates_stand_where_they_are_wanted() {
    let timeline = longer("720p 0+2x8");
    let name = "720p".parse().expect("a name");
    let dates = |dates| {
        let style = Style { dates, ..Style::default() };
        let text = hls::media_in(&style, &timeline, &name, hls::Extent::Whole).expect("listed");
        text.lines().filter(|line| line.starts_with("#EXT-X-PROGRAM-DATE-TIME")).count()
    };
    assert_eq!(dates(Dates::First), 1);
    assert_eq!(dates(Dates::Never), 0);
    // 0 is 4 s into an interval of 6 s.
    assert_eq!(dates(Dates::Every(6_000_000)), 4);
}

#[test]
fn a_manifest_addresses_by_number_where_that_is_wanted() {
    let style = dash::Style {
        template: dash::Template::Number,
        min_buffer_s: Some(30),
        update_s: Some(15),
        delay_s: Some(25),
        tells_clock: false,
        ..dash::Style::default()
    };
    let text = dash::mpd_in(&style, &played("720p 0+2x3; 720p#1 6+2x3")).expect("listed");
    for part in [
        "startNumber=\"500000000\" media=\"$RepresentationID$/number-$Number$.m4s\"",
        "startNumber=\"500000003\"",
        "minBufferTime=\"PT30S\"",
        "minimumUpdatePeriod=\"PT15S\"",
        "suggestedPresentationDelay=\"PT25S\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("UTCTiming"), "{text}");
}

proptest! {
    #[test]
    fn a_view_of_anything_keeps_the_rules(
        runs in prop::collection::vec((0..3_u64, 1..16_u32, prop::sample::select(vec![0_i64, 0, 0, 0, 1, 2])), 1..8),
        segment in prop::sample::select(vec![None, Some(4_000), Some(6_000)]),
        (window_s, delay_s) in (12..60_i64, 0..20_i64),
        dates in prop::sample::select(vec![Dates::First, Dates::Every(10_000_000)]),
    ) {
        let view = View {
            segment_ms: segment,
            delay_us: delay_s * 1_000_000,
            ..view(window_s)
        };
        // Where a publisher's absence uses up the channel's window, what is left may be less than three long segments.
        let is_steady = runs.iter().all(|(_, _, pause)| *pause == 0);
        let mut timeline = Timeline::new(shape(if is_steady { 80 } else { 600 }));
        let mut listing = Listing::default();
        let name = "720p".parse().expect("a name");
        let mut watch = conformance::Watch::default();
        let mut begin = 0;
        for (version, count, pause) in runs {
            begin += pause * 10;
            for _ in 0..count {
                play(&mut timeline, &format!("720p#{version} {begin}+2"));
                begin += 2;
                let shown = view.of(&timeline, &mut listing);
                let style = Style { dates, ..Style::default() };
                let Some(text) = hls::media_in(&style, &shown, &name, hls::Extent::Whole) else { continue };
                let broken = watch.look(&text).expect("it is read");
                prop_assert!(broken.is_empty(), "{broken:?}\n{text}");
            }
        }
    }
}
