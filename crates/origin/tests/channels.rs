//! Channels come and go while the origin runs.

mod common;

use common::{Server, Sound, entries, media_sequence, now_ticks};

/// Pushes the `from`th to the `to`th segment of `channel`.
fn push(server: &Server, channel: &str, at: i64, from: i64, to: i64) {
    let sound = Sound::named("audio", 2);
    assert_eq!(server.put(&format!("/ingest/{channel}/audio/init.mp4"), &sound.header()).status, 200);
    for index in from..to {
        let body = sound.segment(at + index * Sound::TICKS);
        assert_eq!(server.put(&format!("/ingest/{channel}/audio/x.m4s"), &body).status, 200);
    }
}

fn playlist(server: &Server, channel: &str) -> String {
    let answer = server.get(&format!("/{channel}/audio/index.m3u8"));
    assert_eq!(answer.status, 200, "{channel}");
    answer.text()
}

#[test]
fn a_channel_that_is_added_is_served_and_the_others_go_on_untouched() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, at) = (Server::start(data.path()), now_ticks());
    push(&server, "cam", at, 0, 3);
    let before = playlist(&server, "cam");
    assert_eq!(server.put("/ingest/news/audio/init.mp4", &Sound::named("audio", 2).header()).status, 404);

    server.set(&["cam", "news"]);
    assert_eq!(playlist(&server, "cam"), before);
    push(&server, "news", at, 0, 4);
    push(&server, "cam", at, 3, 4);
    assert_eq!(entries(&playlist(&server, "news")).len(), 4);
    let after = playlist(&server, "cam");
    assert_eq!((entries(&after).len(), media_sequence(&after)), (4, media_sequence(&before)));
    assert!(server.get("/channels.json").text().contains("news"));
}

#[test]
fn a_channel_that_is_taken_away_is_gone_and_goes_on_where_it_was_when_it_is_there_again() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, at) = (Server::start(data.path()), now_ticks());
    server.set(&["cam", "news"]);
    push(&server, "news", at, 0, 4);
    push(&server, "cam", at, 0, 2);
    let before = playlist(&server, "news");

    server.set(&["cam"]);
    assert_eq!(server.get("/news/audio/index.m3u8").status, 404);
    assert_eq!(server.put("/ingest/news/audio/x.m4s", &[0; 8]).status, 404);
    assert_eq!(entries(&playlist(&server, "cam")).len(), 2);

    // What was acknowledged a moment before it was taken away is not lost either.
    server.set(&["news", "cam"]);
    assert_eq!(playlist(&server, "news"), before);
    push(&server, "news", at, 4, 5);
    let after = playlist(&server, "news");
    assert_eq!((entries(&after).len(), media_sequence(&after)), (5, media_sequence(&before)));
}
