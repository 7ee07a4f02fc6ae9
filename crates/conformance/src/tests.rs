use crate::{Playlist, Watch};

const GOOD: &str = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6,HOLD-BACK=3,PART-HOLD-BACK=1.5
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI=\"init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXTINF:1,
7.m4s
#EXTINF:1,
8.m4s
#EXT-X-PART:DURATION=0.5,URI=\"9.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI=\"9.1.m4s\"
#EXTINF:1,
9.m4s
#EXTINF:1,
10.m4s
#EXT-X-PART:DURATION=0.5,URI=\"11.0.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"11.1.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../b/index.m3u8\",LAST-MSN=11,LAST-PART=0
";

fn clauses(text: &str) -> Vec<&'static str> {
    let (_, violations) = Playlist::read(text).expect("readable");
    violations.iter().map(|violation| violation.clause).collect()
}

#[test]
fn a_playlist_that_keeps_the_rules_breaks_none_and_is_read_whole() {
    let (playlist, violations) = Playlist::read(GOOD).expect("readable");
    assert_eq!(violations, []);
    assert_eq!((playlist.segments.len(), playlist.next_number()), (4, 11));
    assert_eq!(playlist.segments[2].parts.len(), 2);
    assert_eq!(playlist.open.parts[0].uri, "11.0.m4s");
    assert_eq!(playlist.hint.as_deref(), Some("11.1.m4s"));
    assert_eq!(playlist.reports[0].last_part, Some(0));
}

#[test]
fn each_broken_rule_is_named() {
    for (from, to, clause) in [
        ("#EXTINF:1,\n8", "#EXTINF:1.6,\n8", "§4.4.3.1"),
        ("VERSION:6", "VERSION:5", "§8"),
        ("#EXT-X-MAP:URI=\"init.mp4\"\n", "", "§4.4.4.5"),
        ("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n", "", "§B.1"),
        ("HOLD-BACK=3,", "HOLD-BACK=2,", "§4.4.3.8"),
        ("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1", "§4.4.3.8"),
        ("CAN-SKIP-UNTIL=6", "CAN-SKIP-UNTIL=5", "§4.4.3.8"),
        ("CAN-BLOCK-RELOAD=YES,", "", "§B.1"),
        ("DURATION=0.5,URI=\"9.1", "DURATION=0.4,URI=\"9.1", "§4.4.4.9"),
        ("DURATION=0.5,URI=\"11.0", "DURATION=0.6,URI=\"11.0", "§4.4.3.7"),
        ("11.0.m4s\",INDEPENDENT=YES", "11.0.m4s\"", "§4.4.2.1"),
        ("URI=\"11.1.m4s\"", "URI=\"11.0.m4s\"", "§4.4.5.3"),
        ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"11.1.m4s\"\n", "", "§B.1"),
        ("#EXTINF:1,\n7.m4s", "#EXT-X-PART:DURATION=1,URI=\"7.0.m4s\"\n#EXTINF:1,\n7.m4s", "§4.4.3.7"),
    ] {
        let broken = GOOD.replace(from, to);
        assert_ne!(broken, GOOD, "{from}");
        assert!(clauses(&broken).contains(&clause), "{from} → {to}: {:?}", clauses(&broken));
    }
    assert!(Playlist::parse("#EXTM3U\n#EXT-X-TARGETDURATION:x").is_err());
    assert!(Playlist::parse("#EXTM3U\n#EXT-X-PART:DURATION=1,DURATION=2,URI=\"x\"").is_err());
    assert!(Playlist::parse("").is_ok_and(|playlist| playlist.target_s == 0));
}

#[test]
fn what_changes_against_the_rules_between_two_looks_is_named() {
    let grown = GOOD.replace(
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"11.1.m4s\"",
        "#EXT-X-PART:DURATION=0.5,URI=\"11.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"12.0.m4s\"",
    );
    let mut watch = Watch::default();
    assert_eq!(watch.look(GOOD), Ok(vec![]));
    assert_eq!(watch.look(&grown), Ok(vec![]));
    for (from, to, clause) in [
        ("SEQUENCE:7", "SEQUENCE:6", "§4.4.3.2"),
        ("10.m4s\n", "x.m4s\n", "§6.2.1"),
        ("#EXT-X-PART:DURATION=0.5,URI=\"11.1.m4s\"\n", "", "§6.2.1"),
        ("URI=\"11.1.m4s\"", "URI=\"y.m4s\"", "§6.2.1"),
        ("TARGETDURATION:1", "TARGETDURATION:2", "§6.2.1"),
        ("SEQUENCE:7", "SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:1", "§6.2.2"),
    ] {
        let mut watch = Watch::default();
        watch.look(GOOD).expect("readable");
        watch.look(&grown).expect("readable");
        let named = watch.look(&grown.replace(from, to)).expect("readable");
        assert!(named.iter().any(|violation| violation.clause == clause), "{from} → {to}: {named:?}");
    }
    let mut watch = Watch::default();
    watch.look(GOOD).expect("readable");
    let named =
        watch.look(&grown.replace("11.1.m4s\"\n#EXT-X-PRE", "z.m4s\"\n#EXT-X-PRE")).expect("readable");
    assert!(named.iter().any(|violation| violation.clause == "§4.4.5.3"), "{named:?}");
}

#[test]
fn a_delta_update_is_applied_to_what_was_seen() {
    let delta = GOOD.replace("VERSION:6", "VERSION:9").replace(
        "#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n#EXTINF:1,\n7.m4s\n",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n",
    );
    let mut watch = Watch::default();
    assert!(watch.look(&delta).is_ok_and(|named| named.iter().any(|violation| violation.clause == "§6.3.7")));
    watch.look(GOOD).expect("readable");
    // Only 3.5 s are left where 6 s must be.
    let named = watch.look(&delta).expect("readable");
    assert_eq!(named.iter().map(|violation| violation.clause).collect::<Vec<_>>(), ["§4.4.3.8"]);
    assert_eq!(watch.last().map(|playlist| playlist.segments.len()), Some(4));
}
