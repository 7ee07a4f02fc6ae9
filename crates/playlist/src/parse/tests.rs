use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Playlist, Unreadable> {
    Playlist::parse(text.as_bytes(), &"https://h/live/v/index.m3u8".parse().expect("a URL"))
}

fn media(text: &str) -> Media {
    match read(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

#[test]
fn segments_have_numbers_urls_ranges_keys_and_headers() {
    let media = media(
        "#EXTM3U\r\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:41\n\
         #EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"700@0\"\n#EXTINF:5.96,title\n#EXT-X-BYTERANGE:1000@700\nall.mp4\n\
         #EXTINF:6,\n#EXT-X-BYTERANGE:500\nall.mp4\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI=\"/key?id=1\",IV=0x1F\n#EXTINF:6\n../w/3.m4s?x=1\n\
         #EXT-X-KEY:METHOD=NONE\n#EXT-X-GAP\n#EXTINF:6,\n4.m4s\n#EXT-X-ENDLIST\n",
    );
    assert_eq!((media.target_s, media.is_over, media.first), (6.0, true, 41));
    let [first, second, third, fourth] = media.segments.as_slice() else { panic!("{media:?}") };
    assert_eq!((first.number, first.duration_s), (41, 5.96));
    assert_eq!(first.range, Some(ByteRange { start: 700, length: 1_000 }));
    assert_eq!(second.range, Some(ByteRange { start: 1_700, length: 500 }));
    assert_eq!(first.map.as_ref().map(|map| map.range), Some(Some(ByteRange { start: 0, length: 700 })));
    assert!(first.key.is_none() && !second.is_discontinuous);
    assert!(third.is_discontinuous);
    assert_eq!(third.url.target(), "/live/w/3.m4s?x=1");
    let key = third.key.as_ref().expect("it is encrypted");
    assert_eq!(key.url.target(), "/key?id=1");
    assert_eq!(key.iv_of(43)[14..], [0, 0x1F]);
    assert!(fourth.key.is_none() && fourth.is_gap && !fourth.is_discontinuous);
}

#[test]
fn without_a_vector_of_its_own_a_key_uses_the_segments_number() {
    let key = Key { url: "http://h/".parse().expect("a URL"), iv: None };
    assert_eq!(key.iv_of(0x0102)[14..], [1, 2]);
}

#[test]
fn what_cannot_be_followed_is_refused_by_line() {
    let value = |line, tag| Err(Unreadable::Value { line, tag });
    assert_eq!(read("<html>"), Err(Unreadable::NoPlaylist));
    assert_eq!(read("#EXTM3U\n"), Err(Unreadable::Empty));
    assert_eq!(read("#EXTM3U\n#EXTINF:2,\na.ts\n"), Err(Unreadable::NoTarget));
    assert_eq!(read("#EXTM3U\na.ts\n"), value(2, "#EXTINF"));
    assert_eq!(read("#EXTM3U\n#EXTINF:-1,\na.ts\n"), value(2, "#EXTINF"));
    assert_eq!(read("#EXTM3U\n#EXTINF:nan,\na.ts\n"), value(2, "#EXTINF"));
    assert_eq!(read("#EXTM3U\n#EXTINF:2,\n#EXT-X-BYTERANGE:7\na.ts\n"), value(4, "#EXT-X-BYTERANGE"));
    assert_eq!(
        read("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999\n"),
        value(2, "#EXT-X-MEDIA-SEQUENCE")
    );
    for (method, refused) in [
        ("SAMPLE-AES", Encryption::SampleAes),
        ("SAMPLE-AES-CTR", Encryption::SampleAesCtr),
        ("AES-128,KEYFORMAT=\"com.apple.streamingkeydelivery\"", Encryption::Drm),
        ("ROT13", Encryption::Unknown),
    ] {
        let list = format!("#EXTM3U\n#EXT-X-KEY:METHOD={method},URI=\"k\"\n");
        assert_eq!(read(&list), Err(Unreadable::Encryption { line: 2, method: refused }));
    }
    assert_eq!(read("#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n"), Err(Unreadable::Variables(2)));
    let fault = UrlFault::Scheme;
    assert_eq!(read("#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n"), Err(Unreadable::Url { line: 3, fault }));
}

#[test]
fn playlists_without_end_are_refused_by_their_bounds() {
    let base: Url = "http://h/".parse().expect("a URL");
    let parse = |text: &str| Playlist::parse(text.as_bytes(), &base);
    assert_eq!(parse(&"#".repeat(MAX_PLAYLIST_BYTES + 1)), Err(Unreadable::Bytes));
    assert_eq!(parse(&format!("#EXTM3U\n{}", "#\n".repeat(MAX_LINES))), Err(Unreadable::Lines));
    assert_eq!(parse(&format!("#EXTM3U\n#{}\n", "x".repeat(MAX_LINE_BYTES))), Err(Unreadable::Line(2)));
}

proptest! {
    #[test]
    fn any_text_is_a_playlist_or_a_named_fault(
        lines in proptest::collection::vec("(#EXT(INF|-X-(KEY|MAP|BYTERANGE|MEDIA|STREAM-INF|MEDIA-SEQUENCE)):)?[ -~]{0,40}", 0..20)
    ) {
        let _ = read(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{}", lines.join("\n")));
    }
}
