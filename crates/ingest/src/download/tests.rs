use std::sync::Mutex;

use prometheus_client::registry::Registry;

use super::*;
use crate::fetch::tests::{ANSWERS, Server, server};

fn download(server: &Server, rest: &str, path: &Path) -> Download {
    let channel: media::ChannelName = "main".parse().expect("a name");
    Download { feed: channel.into(), url: server.url(rest), path: path.to_owned(), reach: Reach::Private }
}

fn bounds(folder: &Path, limit: u64, longest_try: Duration) -> Arc<Bounds> {
    Arc::new(Bounds { shelf: Shelf::of([folder].into_iter(), limit), longest_try })
}

fn page(registry: &Registry) -> String {
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, registry).expect("strings take text");
    page
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nothing panics while it writes").extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn taken() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let lines = log.clone();
        let logger = tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).finish();
        (log, tracing::subscriber::set_default(logger))
    }

    fn count(&self, state: &str) -> usize {
        let log = self.0.lock().expect("nothing panics while it writes").clone();
        let text = String::from_utf8(log).expect("text");
        text.matches(&format!("event=\"download_failed\" state=\"{state}\"")).count()
    }
}

#[tokio::test]
async fn a_file_is_kept_until_its_url_is_another() {
    let server = server(ANSWERS).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("files").join("main-primary-1");
    let bounds = bounds(folder.path(), 1_000, LONGEST_TRY);
    for _ in 0..2 {
        run(download(&server, "/to-a", &path), bounds.clone(), Metrics::default()).await;
        assert_eq!(std::fs::read(&path).expect("it is there"), b"x");
    }
    assert_eq!(server.asked().len(), 2, "the redirect and the file, once");
    run(download(&server, "/chunks", &path), bounds, Metrics::default()).await;
    assert_eq!(std::fs::read(&path).expect("it is there"), b"0123456701234567");
}

#[tokio::test]
async fn a_file_that_cannot_be_had_is_told_once_and_when_it_is_there() {
    let (log, _guard) = Log::taken();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let late = server(ANSWERS).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("main-primary-1");
    // There is no room until somebody makes some.
    std::fs::write(folder.path().join("old"), [0; 95]).expect("writes");
    let bounds = bounds(folder.path(), 100, LONGEST_TRY);
    let running = tokio::spawn(run(download(&late, "/a", &path), bounds.clone(), metrics));
    while late.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((log.count("raised"), log.count("cleared")), (1, 0));
    assert!(page(&registry).contains("headwater_ingest_downloads_missing{channel=\"main\"} 1"));
    bounds.shelf.free(&folder.path().join("old"));
    running.await.expect("it ends");
    assert_eq!((log.count("raised"), log.count("cleared")), (1, 1));
    let page = page(&registry);
    assert!(page.contains("headwater_ingest_downloads_missing{channel=\"main\"} 0"), "{page}");
    assert!(
        page.contains("headwater_ingest_download_failures_total{channel=\"main\",reason=\"full\"}"),
        "{page}"
    );
    assert_eq!(std::fs::read(&path).expect("it is there"), b"0123456789");
}

#[tokio::test]
async fn what_is_over_the_bound_of_all_files_or_of_time_is_refused_and_leaves_nothing_behind() {
    let server = server(ANSWERS).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("main-primary-1");
    for (rest, limit, longest_try, label) in [
        ("/a", 9, LONGEST_TRY, "full"),
        ("/chunks", 15, LONGEST_TRY, "full"),
        ("/half", 1_000, Duration::from_millis(300), "too_long"),
    ] {
        let bounds = bounds(folder.path(), limit, longest_try);
        let fault = fetch(&download(&server, rest, &path), &bounds).await.expect_err(rest);
        assert_eq!(fault.label(), label, "{rest}: {fault}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0, "{rest}");
        assert!(bounds.shelf.take(&path, limit).is_ok(), "{rest}: its room is free again");
    }
}
