//! Readings of a playlist, one after the other: they are separated by a zero.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use playlist::limits::{MAX_PICTURES, MAX_SOUNDS};
use playlist::{Choice, Extent, Follower, Playlist, Url};

fuzz_target!(|data: &[u8]| {
    let base: Url = "https://host.example/live/index.m3u8".parse().expect("a URL");
    let mut follower = Follower::default();
    for text in data.split(|byte| *byte == 0) {
        if let Ok(text) = std::str::from_utf8(text)
            && let Ok(url) = base.join(text)
        {
            let again = base.join(&format!("//{}{}", url.authority(), url.target())).expect("what was read is readable");
            assert_eq!((again.host(), again.port()), (url.host(), url.port()));
        }
        match Playlist::parse(text, &base) {
            Ok(Playlist::Multivariant(streams)) => {
                let choice = Choice { max_height: Some(720), ..Choice::default() };
                assert!(streams.choose(&choice).is_some());
                let ladder = Choice { extent: Extent::Ladder, ..choice };
                let chosen = streams.choose(&ladder).expect("there are variants");
                assert!((1..=MAX_PICTURES).contains(&chosen.main.len()) && chosen.audio.len() <= MAX_SOUNDS);
            }
            Ok(Playlist::Media(media)) => {
                let update = follower.update(&media, Duration::from_secs(1));
                assert!(update.wanted.windows(2).all(|pair| pair[0].segment.number < pair[1].segment.number));
            }
            Err(_) => {}
        }
    }
});
