use super::*;

fn store() -> Store {
    Store::new("news/main", Arc::new(Room::of(200 << 20)))
}

fn media(lines: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n{lines}")
}

impl Store {
    /// Takes a file with its memory, as an upload does.
    fn take(&self, name: &str, bytes: impl Into<Vec<u8>>, now: Instant) -> Result<Put, Unreadable> {
        let (bytes, mut held) = (bytes.into(), self.hold());
        assert!(held.grow(bytes.len()), "there is room");
        self.put(name, bytes, held, now)
    }

    fn is_there(&self, name: &str) -> bool {
        self.state().files.contains_key(name)
    }

    fn listed(&self, name: &str) -> Media {
        match self.playlist(&self.url(name).expect("a URL")) {
            Some(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    fn chosen(&self, now: Instant) -> Option<(String, Option<String>)> {
        let chosen = self.stream(&Choice::default(), Patience::Long, now)?;
        let path = |url: &Url| url.path().to_owned();
        Some((path(&chosen.main[0]), chosen.audio.first().map(|sound| path(&sound.url))))
    }

    /// Every playlist of the ladder.
    fn ladder(&self, now: Instant) -> Option<Vec<String>> {
        let choice = Choice { extent: Extent::Ladder, ..Choice::default() };
        let chosen = self.stream(&choice, Patience::Long, now)?;
        Some(chosen.urls().map(|url| url.path().to_owned()).collect())
    }
}

#[tokio::test]
async fn what_a_playlist_names_is_found_wherever_it_says_it_is_and_nothing_else_is() {
    let (store, now) = (store(), Instant::now());
    store.take("720/1.ts", "one", now).expect("taken");
    let lines = "#EXTINF:2,\n1.ts?token\n#EXTINF:2,\n/in/news/main/720/1.ts\n#EXTINF:2,\nhttp://cdn/in/news/main/720/1.ts\n\
                 #EXTINF:2,\n../../other/1.ts\n#EXTINF:2,\nhttp://cdn/720/1.ts\n";
    assert_eq!(store.take("720/index.m3u8", media(lines), now), Ok(Put::New));
    let media = store.listed("720/index.m3u8");
    for segment in &media.segments[..3] {
        assert_eq!(store.file(&segment.url, &[]).await.as_deref(), Some(&b"one"[..]));
    }
    for segment in &media.segments[3..] {
        assert_eq!(store.file(&segment.url, &[]).await, None, "{:?}", segment.url);
    }
    let page = store.take("index.m3u8", "<html>", now);
    assert_eq!(page, Err(Unreadable::NoPlaylist));
}

#[tokio::test]
async fn a_segment_that_comes_after_its_playlist_is_waited_for() {
    let (store, now) = (Arc::new(store()), Instant::now());
    store.take("index.m3u8", media("#EXTINF:2,\n1.ts\n#EXTINF:2,\n2.ts\n"), now).expect("taken");
    let [one, two]: [_; 2] = store.listed("index.m3u8").segments.try_into().expect("two");
    let (later, url) = (store.clone(), one.url.clone());
    let two = Wanted { segment: two, is_new_line: false };
    let waiting = tokio::spawn(async move { later.file(&url, &[two]).await });
    tokio::task::yield_now().await;
    store.take("1.ts", "late", now).expect("taken");
    assert_eq!(waiting.await.expect("no panic").as_deref(), Some(&b"late"[..]));
    // One that never comes is given up once the next one is there.
    let next = Wanted { segment: one, is_new_line: false };
    assert_eq!(store.file(&store.url("0.ts").expect("a URL"), &[next]).await, None);
}

#[test]
fn beyond_the_bounds_what_was_named_longest_ago_goes_and_headers_stay() {
    let (store, now) = (store(), Instant::now());
    store.take("init.mp4", "header", now).expect("taken");
    for number in 0..MAX_FILES * 2 {
        store.take(&format!("{number}.m4s"), "x", now).expect("taken");
        let lines = format!("#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\n{number}.m4s\n");
        store.take("index.m3u8", media(&lines), now).expect("taken");
    }
    assert_eq!(store.state().files.len(), MAX_FILES);
    let last = MAX_FILES * 2 - 1;
    assert!(
        store.is_there("init.mp4") && store.is_there("index.m3u8") && store.is_there(&format!("{last}.m4s"))
    );
    assert!(!store.is_there("0.m4s"));
    for number in 0..4 {
        store.take(&format!("large-{number}"), vec![0; 48 << 20], now).expect("taken");
    }
    assert!(
        store.bytes() <= MAX_BYTES && store.is_there("large-3") && !store.is_there("large-0"),
        "{}",
        store.bytes()
    );
    assert!(store.delete("large-3") && !store.delete("large-3"));
    let held: usize = store.state().files.values().map(|file| file.held.bytes()).sum();
    assert_eq!(store.bytes(), held);
}

#[test]
fn a_lone_list_is_the_stream_once_no_list_of_streams_has_come_and_until_it_is_no_longer_renewed() {
    let (store, now) = (store(), Instant::now());
    store.take("v.m3u8", media("#EXTINF:2,\n1.ts\n"), now).expect("taken");
    assert_eq!(store.chosen(now), None);
    assert_eq!(store.chosen(now + SETTLE), Some(("/v.m3u8".to_owned(), None)));
    let url = store.url("v.m3u8").expect("a URL");
    assert!(store.has_begun(&url, now + SETTLE) && !store.has_begun(&url, now + SETTLE * 3));
    store.take("v.m3u8", media("#EXTINF:2,\n1.ts\n#EXTINF:2,\n2.ts\n"), now + SETTLE).expect("taken");
    assert!(store.chosen(now + SETTLE + SHORTEST_LIFE).is_some());
    assert_eq!(store.chosen(now + SETTLE * 2 + SHORTEST_LIFE), None);
    // One that comes back has to settle again, and goes on.
    let back = now + Duration::from_secs(60);
    store.take("v.m3u8", media("#EXTINF:2,\n2.ts\n#EXTINF:2,\n3.ts\n"), back).expect("taken");
    assert_eq!(store.chosen(back), None);
    assert_eq!((store.turns(&url), store.has_begun(&url, back)), (0, false));
    // A list that ends earlier is of an encoder that was started anew.
    store.take("v.m3u8", media("#EXTINF:2,\n1.ts\n"), back).expect("taken");
    assert_eq!((store.turns(&url), store.has_begun(&url, back)), (1, true));
}

#[test]
fn of_the_streams_that_are_named_the_best_is_taken_that_is_pushed() {
    let (store, now) = (store(), Instant::now());
    let streams = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"a.m3u8\"\n\
                   #EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO=\"a\"\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5000000,AUDIO=\"a\"\nhigh.m3u8\n";
    store.take("index.m3u8", streams, now).expect("taken");
    let list = media("#EXTINF:2,\n1.ts\n");
    store.take("low.m3u8", list.clone(), now).expect("taken");
    assert_eq!(store.chosen(now), None, "the others may come yet");
    let low = Some(("/low.m3u8".to_owned(), None));
    assert_eq!(store.chosen(now + SETTLE), low);
    store.take("high.m3u8", list.clone(), now).expect("taken");
    store.take("a.m3u8", list, now).expect("taken");
    assert_eq!(
        store.chosen(now),
        Some(("/high.m3u8".to_owned(), Some("/a.m3u8".to_owned()))),
        "nothing is missing"
    );
}

#[test]
fn a_ladder_is_all_that_is_named_as_soon_as_all_is_there_and_what_is_there_after_a_while() {
    let (store, now) = (store(), Instant::now());
    let streams = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5000000\nhigh.m3u8\n";
    store.take("index.m3u8", streams, now).expect("taken");
    let list = media("#EXTINF:2,\n1.ts\n");
    let all = Some(vec!["/high.m3u8".to_owned(), "/low.m3u8".to_owned()]);
    store.take("low.m3u8", list.clone(), now).expect("taken");
    assert_eq!(store.ladder(now), None, "the other may come yet");
    assert_eq!(store.ladder(now + SETTLE), all, "and later too: it has its place");
    store.take("high.m3u8", list, now).expect("taken");
    assert_eq!(store.ladder(now), all);
    let high = store.url("high.m3u8").expect("a URL");
    assert!(store.is_renewed(&high, now) && !store.is_renewed(&high, now + SHORTEST_LIFE * 2));
    assert_eq!(store.ladder(now + SHORTEST_LIFE * 2), None, "nothing is pushed any more");
}
