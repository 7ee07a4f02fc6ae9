//! Playlists: those that lead to what is fetched next, and those that lead nowhere.

use crate::hostile::damage::damaged;
use crate::random::Random;

/// Segments of a list that leads on.
pub(super) const LISTED: u64 = 24;

/// A list in which nothing is.
pub(super) const DULL: &str =
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:4000000000\n";

/// A live list as it should be, of segments from number `first` on, of every kind: by its numbers it goes on where the last one ended.
pub(super) fn carrier(random: &mut Random, first: u64) -> String {
    let mut list =
        format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for number in first..first + LISTED {
        if random.one_in(6) {
            list.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if random.one_in(12) {
            list.push_str("#EXT-X-GAP\n");
        }
        match random.below(6) {
            0 => list.push_str(&format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{number}.key\"\n")),
            1 => list.push_str("#EXT-X-KEY:METHOD=NONE\n"),
            _ => {}
        }
        if random.one_in(5) {
            list.push_str(&format!("#EXT-X-BYTERANGE:{}@{}\n", 1 + random.below(9_000), random.below(9_000)));
        }
        list.push_str("#EXTINF:0.5,\n");
        // A header goes for all that follows, transport streams too.
        if random.one_in(3) {
            list.push_str(&format!("#EXT-X-MAP:URI=\"{number}.mp4\"\n"));
        }
        list.push_str(&format!("{number}.{}\n", random.pick(&["ts", "m4s", "m4s", "ts", "bin"])));
    }
    list
}

/// One that leads nowhere, or too far.
pub(super) fn hostile(random: &mut Random) -> Vec<u8> {
    const LINES: [&str; 34] = [
        "#EXT-X-TARGETDURATION:0",
        "#EXT-X-TARGETDURATION:18446744073709551616",
        "#EXT-X-TARGETDURATION:-1",
        "#EXT-X-TARGETDURATION:NaN",
        "#EXT-X-MEDIA-SEQUENCE:18446744073709551615",
        "#EXT-X-MEDIA-SEQUENCE:9223372036854775807",
        "#EXT-X-MEDIA-SEQUENCE:-5",
        "#EXT-X-DISCONTINUITY-SEQUENCE:18446744073709551615",
        "#EXTINF:1e308,",
        "#EXTINF:inf,",
        "#EXTINF:0,",
        "#EXTINF:120,",
        "#EXT-X-BYTERANGE:18446744073709551615@18446744073709551615",
        "#EXT-X-BYTERANGE:9223372036854775807@1",
        "#EXT-X-BYTERANGE:0@0",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k.key\",IV=0x0",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k.key\",IV=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"file:///etc/shadow\"",
        "#EXT-X-MAP:URI=\"../../../../etc/passwd\",BYTERANGE=\"18446744073709551615@0\"",
        "#EXT-X-MAP:URI=\"http://169.254.169.254/latest/meta-data\"",
        "#EXT-X-ENDLIST",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-PROGRAM-DATE-TIME:9999-99-99T99:99:99Z",
        "#EXT-X-STREAM-INF:BANDWIDTH=18446744073709551615,RESOLUTION=4294967295x4294967295,CODECS=\"\",AUDIO=\"a\"",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"index.m3u8\",NAME=\"x\"",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"",
        "#EXT-X-PART-INF:PART-TARGET=0.0",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=18446744073709551615",
        "gopher://127.0.0.1:22/1",
        "http://127.0.0.1:1/x.ts",
        "http://[::1]:99999/x.ts",
        "%00%0a%0d.ts",
        "index.m3u8",
    ];
    match random.below(6) {
        0 => {
            let list = carrier(random, 1 << 40);
            damaged(random, list.as_bytes())
        }
        1 => {
            let length = random.below(40_000) as usize;
            [b"#EXTM3U\n".to_vec(), random.bytes(length)].concat()
        }
        2 => {
            let mut list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned();
            let times = random.below(12_000) as usize;
            list.push_str(&"#EXTINF:0.01,\nx.ts\n".repeat(times.min(40 + times % 2 * times)));
            // Of so many none is near enough to its end to be fetched, but for three.
            list.into_bytes()
        }
        3 => format!(
            "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\nx.ts\n",
            "k".repeat(random.below(20_000) as usize)
        )
        .into_bytes(),
        _ => {
            let mut list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned();
            for _ in 0..random.below(30) {
                list.push_str(LINES[random.place(LINES.len())]);
                list.push('\n');
                if random.one_in(3) {
                    list.push_str("#EXTINF:0.5,\ny.ts\n");
                }
            }
            list.into_bytes()
        }
    }
}
