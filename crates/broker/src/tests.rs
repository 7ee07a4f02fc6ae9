use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use media::Grid;
use rustix::io::Errno;
use wire::broker::Request;
use wire::{ChannelJob, Confinement, Job, Ladder, Source};

use crate::{Client, pair, serve};

fn channel(name: &str, source: Source, push_url: String) -> ChannelJob {
    ChannelJob {
        name: name.parse().expect("a name"),
        source,
        backup: None,
        ladder: Ladder::Passthrough,
        grid: Grid::new(2_000),
        latency: spec::Latency::Standard,
        push_url,
        quarantine: Vec::new(),
        chosen: None,
        pipeline: None,
    }
}

fn job(folder: &Path, push_url: &str) -> Job {
    let file = Source::Files { paths: vec![folder.join("clip.mp4")], is_looped: true };
    let ingest = Source::Ingest { socket: folder.join("samples.sock") };
    Job {
        channels: vec![channel("a", file, push_url.to_owned()), channel("b", ingest, push_url.to_owned())],
        metrics_socket: folder.join("metrics.sock"),
        control_socket: folder.join("control.sock"),
        confinement: Confinement { sandbox: spec::Sandbox::Best, memory_bytes: 1 << 30, nice: 0 },
    }
}

#[tokio::test]
async fn what_the_job_names_is_handed_over_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = TcpListener::bind("127.0.0.1:0").expect("a port");
    let samples = UnixListener::bind(folder.path().join("samples.sock")).expect("a socket");
    std::fs::write(folder.path().join("clip.mp4"), "moving pictures").expect("room");
    let url = format!("http://{}/ingest/a", origin.local_addr().expect("bound"));
    let (ours, theirs) = pair().expect("a line");
    let serving = tokio::spawn(serve(ours, Arc::new(job(folder.path(), &url))));
    let client = Client::new(theirs).expect("a line");

    let file = client.ask(Request::File { channel: 0, place: 0 }).await.expect("a file");
    let mut text = String::new();
    File::from(file).read_to_string(&mut text).expect("reads");
    assert_eq!(text, "moving pictures");

    let to_origin = client.ask(Request::Origin { channel: 1 }).await.expect("a connection");
    let (mut accepted, _) = origin.accept().expect("came");
    std::net::TcpStream::from(to_origin).write_all(b"PUT").expect("goes out");
    let mut three = [0; 3];
    accepted.read_exact(&mut three).expect("comes in");
    assert_eq!(&three, b"PUT");

    let to_ingest = client.ask(Request::Samples { channel: 1 }).await.expect("a connection");
    samples.accept().expect("came");
    drop(to_ingest);
    let metrics = client.ask(Request::Metrics).await.expect("a listener");
    UnixStream::connect(folder.path().join("metrics.sock")).expect("is listened to");
    drop(metrics);
    let control = client.ask_listener(Request::Control).await.expect("a listener");
    UnixStream::connect(folder.path().join("control.sock")).expect("is listened to");
    drop(control);

    for nothing in [
        Request::File { channel: 0, place: 1 },
        Request::File { channel: 1, place: 0 },
        Request::Samples { channel: 0 },
        Request::Origin { channel: 2 },
    ] {
        let refused = client.ask(nothing).await.expect_err("not named");
        assert_eq!(refused.raw_os_error(), Some(Errno::NOENT.raw_os_error()), "{nothing:?}");
    }
    drop(client);
    serving.await.expect("ends with the other end");
}

#[tokio::test]
async fn an_asker_that_leaves_does_not_get_the_next_ones_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("clip.mp4"), "moving pictures").expect("room");
    let (ours, theirs) = pair().expect("a line");
    tokio::spawn(serve(ours, Arc::new(job(folder.path(), "http://127.0.0.1:9/ingest/a"))));
    let client = Client::new(theirs).expect("a line");
    // Sent, and not waited for.
    let mut left = Box::pin(client.ask(Request::Metrics));
    assert!(
        std::future::poll_fn(|context| std::task::Poll::Ready(left.as_mut().poll(context).is_pending()))
            .await
    );
    drop(left);
    let file = client.ask(Request::File { channel: 0, place: 0 }).await.expect("a file");
    assert!(File::from(file).metadata().expect("is told").is_file());
}

#[tokio::test]
async fn who_says_what_is_no_request_is_given_nothing_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = pair().expect("a line");
    let serving = tokio::spawn(serve(ours, Arc::new(job(folder.path(), "http://127.0.0.1:9/ingest/a"))));
    rustix::net::send(&theirs, b"/etc/passwd", rustix::net::SendFlags::empty()).expect("goes out");
    serving.await.expect("ends");
    let mut answer = [0; 8];
    let (bytes, _) =
        rustix::net::recv(&theirs, &mut answer, rustix::net::RecvFlags::empty()).expect("the end");
    assert_eq!(bytes, 0);
}
