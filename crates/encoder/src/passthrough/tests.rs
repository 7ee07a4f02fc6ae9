use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use cmaf::{ChunkReader, Event, Header, read_samples};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use media::{Format, Grid, Sample, Timescale};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Notify;
use wire::Ladder;
use wire::sample_stream::{self, Ended};

use super::*;

const PARAMETER_SETS: &[u8] = include_bytes!("../../../codec/testdata/x264-720p30-baseline.h264");
const OTHER_SETS: &[u8] = include_bytes!("../../../codec/testdata/x264-576i25-anamorphic.h264");
const VIDEO: TrackId = TrackId(0);
const AUDIO: TrackId = TrackId(1);
/// 2026-11-21T00:00:00Z, in seconds: a multiple of the grid.
const START_S: i64 = 1_795_219_200;

fn tracks(session: u64, parameter_sets: &[u8]) -> Message {
    let video = codec::h264::format_from_annexb(parameter_sets).expect("x264's own");
    let audio = codec::aac::format_from_asc(Bytes::from_static(&[0x11, 0x90])).expect("AAC-LC");
    let tracks = vec![
        Track { id: VIDEO, timescale: Timescale::MPEG, format: Format::Video(video), language: None },
        Track { id: AUDIO, timescale: Timescale::new(48_000), format: Format::Audio(audio), language: None },
    ];
    Message::Tracks(Tracks { session, tracks })
}

/// `seconds` of 30 fps with a key frame a second, and sound, from `from_s` on.
fn media(from_s: i64, seconds: i64) -> Vec<Sample> {
    let pictures = (0..seconds * 30).map(|index| Sample {
        track: VIDEO,
        dts: from_s * 90_000 + index * 3_000,
        composition_offset: 3_000,
        duration: None,
        sync: index % 30 == 0,
        data: Bytes::from(vec![index as u8; if index % 30 == 0 { 20_000 } else { 5_000 }]),
    });
    let first = (from_s * 48_000 + 1_023) / 1_024;
    let sound = (first..(from_s + seconds) * 48_000 / 1_024).map(|frame| Sample {
        track: AUDIO,
        dts: frame * 1_024,
        composition_offset: 0,
        duration: Some(1_024),
        sync: true,
        data: Bytes::from(vec![frame as u8; 300]),
    });
    let mut all: Vec<Sample> = pictures.chain(sound).collect();
    all.sort_by_key(|sample| match sample.track {
        VIDEO => sample.dts * 48,
        _ => sample.dts * 90,
    });
    all
}

/// What an origin of a few lines holds: path after the channel, then the body.
#[derive(Clone, Default)]
struct Origin {
    held: Arc<Mutex<BTreeMap<String, Bytes>>>,
    changed: Arc<Notify>,
}

impl Origin {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let origin = self.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("loopback");
                let origin = origin.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let origin = origin.clone();
                    async move { Ok::<_, Infallible>(origin.receive(request).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        format!("http://{address}/ingest/main")
    }

    async fn receive(&self, request: Request<Incoming>) -> Response<Empty<Bytes>> {
        let path = request.uri().path().trim_start_matches("/ingest/main/").to_owned();
        let Ok(body) = request.into_body().collect().await else {
            return Response::new(Empty::new());
        };
        let mut response = Response::builder();
        if let Some(track) = path.strip_suffix("/init.mp4")
            && let Some(next) = self.next(track)
        {
            response = response.header("Headwater-Next", next);
        }
        let mut held = self.held.lock().expect("no panics");
        let again = held.insert(path.clone(), body.to_bytes());
        if let Some(again) = again.filter(|_| path.ends_with(".m4s")) {
            assert_eq!(again, held[&path], "{path} is made again as it was");
        }
        drop(held);
        self.changed.notify_waiters();
        response.body(Empty::new()).expect("static")
    }

    /// The end of the last segment held of a track.
    fn next(&self, track: &str) -> Option<i64> {
        let (_, segments) = self.track(track)?;
        segments.last().and_then(|samples| samples.last()).map(end)
    }

    /// A track's header and its segments' samples, in order of time; none before it has a header.
    fn track(&self, track: &str) -> Option<(Header, Vec<Vec<Sample>>)> {
        let held = self.held.lock().expect("no panics");
        let header = Header::read(held.get(&format!("{track}/init.mp4"))?.clone()).expect("ours");
        let mut segments = Vec::new();
        for (path, body) in held.iter().filter(|(path, _)| path.starts_with(&format!("{track}/"))) {
            let Some(first) = path.strip_suffix(".m4s") else {
                continue;
            };
            let first: i64 = first[track.len() + 1..].parse().expect("named by its time");
            let mut reader = ChunkReader::with_header(Arc::new(header.clone()));
            reader.feed(body.clone());
            let mut samples = Vec::new();
            while let Some(event) = reader.next().expect("ours") {
                if let Event::Chunk(chunk) = event {
                    samples.extend(read_samples(&chunk.raw, &header).expect("ours"));
                }
            }
            assert_eq!(reader.finish(), Ok(()));
            assert_eq!(samples[0].dts, first);
            segments.push(samples);
        }
        segments.sort_by_key(|samples| samples[0].dts);
        Some((header, segments))
    }

    /// Waits until a track reaches as far as `end_s`.
    async fn reaches(&self, track: &str, end_s: i64) {
        loop {
            let changed = self.changed.notified();
            let scale = if track == "video" { 90_000 } else { 48_000 };
            if self.next(track).is_some_and(|next| next > (end_s * scale) - 1_024) {
                return;
            }
            changed.await;
        }
    }
}

fn end(sample: &Sample) -> i64 {
    sample.dts + i64::from(sample.duration.expect("chunks say"))
}

async fn send(stream: &mut UnixStream, messages: impl IntoIterator<Item = Message>) {
    let mut out = BytesMut::new();
    messages.into_iter().for_each(|message| sample_stream::encode(&message, &mut out));
    stream.write_all(&out).await.expect("the encoder reads");
}

async fn accept(listener: &UnixListener) -> (UnixStream, Option<Utc>) {
    let (mut stream, _) = listener.accept().await.expect("the encoder comes");
    let mut buffer = BytesMut::new();
    loop {
        if let Some(request) = sample_stream::decode_request(&mut buffer).expect("ours") {
            return (stream, request.from);
        }
        let read = tokio::io::AsyncReadExt::read_buf(&mut stream, &mut buffer).await;
        assert!(read.expect("the encoder asks") > 0);
    }
}

fn job(socket: std::path::PathBuf, push_url: String) -> ChannelJob {
    ChannelJob {
        name: "main".parse().expect("a name"),
        source: Source::Ingest { socket },
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

/// What was sent of a track between two times, as segments must hold it.
fn payloads(samples: &[Sample], track: TrackId) -> Vec<(i64, i64, usize, u8)> {
    let of_track = samples.iter().filter(|sample| sample.track == track);
    of_track.map(essence).collect()
}

fn all(segments: &[Vec<Sample>]) -> Vec<(i64, i64, usize, u8)> {
    segments.iter().flatten().map(essence).collect()
}

/// Times, size and what the payload is filled with.
fn essence(sample: &Sample) -> (i64, i64, usize, u8) {
    let filling = sample.data[0];
    assert!(sample.data.iter().all(|byte| *byte == filling));
    (sample.dts, sample.pts(), sample.data.len(), filling)
}

fn is_contiguous(segments: &[Vec<Sample>]) -> bool {
    let flat: Vec<&Sample> = segments.iter().flatten().collect();
    flat.windows(2).all(|pair| end(pair[0]) == pair[1].dts)
}

#[tokio::test]
async fn a_publisher_s_samples_arrive_whole_cut_on_the_grid_and_a_restart_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let socket = dir.path().join("samples.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let origin = Origin::default();
    let job = job(socket, origin.start().await);
    let (drain, trigger) = Drain::manual();
    let metrics = Metrics::default();
    let first = tokio::spawn(run(job.clone(), Settings::default(), Door::Itself, metrics.clone(), drain));
    let (mut stream, from) = accept(&listener).await;
    assert_eq!(from, None);
    let sent = media(START_S, 7);
    send(&mut stream, [tracks(1, PARAMETER_SETS)]).await;
    send(&mut stream, sent.iter().cloned().map(Message::Sample)).await;
    // Three slots are complete and the fourth is open. End the process as the supervisor would by force: at once.
    origin.reaches("video", START_S + 6).await;
    origin.reaches("audio", START_S + 6).await;
    first.abort();
    drop((stream, trigger));

    let (header, pictures) = origin.track("video").expect("it came");
    assert_eq!(header.labels.name, "video");
    let starts: Vec<i64> = pictures.iter().map(|samples| samples[0].dts).collect();
    assert_eq!(starts, [0, 2, 4].map(|slot| (START_S + slot) * 90_000));

    // The next process asks the origin, then ingest, and goes on with the very next segment.
    let (drain, trigger) = Drain::manual();
    let second = tokio::spawn(run(job, Settings::default(), Door::Itself, metrics, drain));
    let (mut stream, _) = accept(&listener).await;
    send(&mut stream, [tracks(1, PARAMETER_SETS)]).await;
    let (mut stream, from) = accept(&listener).await;
    let from = from.expect("it knows where to go on");
    let key_s = from.ticks(Timescale::new(1));
    assert_eq!(key_s, START_S + 6);
    let sent: Vec<Sample> = sent.into_iter().chain(media(START_S + 7, 3)).collect();
    let replay = sent.iter().filter(|sample| match sample.track {
        VIDEO => sample.dts >= key_s * 90_000,
        _ => sample.dts >= key_s * 48_000,
    });
    send(&mut stream, [tracks(1, PARAMETER_SETS)]).await;
    send(&mut stream, replay.cloned().map(Message::Sample)).await;
    let goodbye = Ended { reason: "the publisher said goodbye".to_owned() };
    send(&mut stream, [Message::Ended(goodbye)]).await;
    origin.reaches("video", START_S + 10).await;
    origin.reaches("audio", START_S + 10).await;
    trigger.start();
    second.await.expect("no panic").expect("a good job");

    let (_, pictures) = origin.track("video").expect("it came");
    assert!(is_contiguous(&pictures));
    assert!(all(&pictures) == payloads(&sent, VIDEO), "every picture");
    let (_, sound) = origin.track("audio").expect("it came");
    assert!(is_contiguous(&sound));
    // Sound begins where the first picture is shown.
    let mut heard = payloads(&sent, AUDIO);
    heard.retain(|(dts, ..)| *dts >= START_S * 48_000 + 1_600);
    assert!(all(&sound) == heard, "every frame of sound");
    assert_eq!(sound.len(), pictures.len());
}

#[tokio::test]
async fn a_publisher_that_comes_back_with_another_format_goes_on_after_a_new_header() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let socket = dir.path().join("samples.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let origin = Origin::default();
    let job = job(socket, origin.start().await);
    let (drain, trigger) = Drain::manual();
    let running = tokio::spawn(run(job, Settings::default(), Door::Itself, Metrics::default(), drain));
    let (mut stream, _) = accept(&listener).await;
    send(&mut stream, [tracks(1, PARAMETER_SETS)]).await;
    send(&mut stream, media(START_S, 3).into_iter().map(Message::Sample)).await;
    let goodbye = Ended { reason: "the publisher said goodbye".to_owned() };
    send(&mut stream, [Message::Ended(goodbye)]).await;
    // The open segment is ended with the publisher.
    origin.reaches("video", START_S + 3).await;
    let (before, _) = origin.track("video").expect("it came");
    // The new publisher's clock is anchored a little before the old one's end: what would overlap is left out.
    let later = media(START_S + 2, 5);
    send(&mut stream, [tracks(2, OTHER_SETS)]).await;
    send(&mut stream, later.into_iter().map(Message::Sample)).await;
    origin.reaches("video", START_S + 6).await;
    trigger.start();
    running.await.expect("no panic").expect("a good job");

    let (after, pictures) = origin.track("video").expect("it came");
    assert_eq!(before.track.format.to_string(), "avc1.42c01f 1280x720 30 fps");
    assert_eq!(after.track.format.to_string(), "avc1.64001e 720x576 25 fps");
    let starts: Vec<i64> = pictures.iter().map(|samples| samples[0].dts - START_S * 90_000).collect();
    assert_eq!(starts, [0, 2, 3, 4, 6].map(|second| second * 90_000));
    assert!(is_contiguous(&pictures));
}

#[tokio::test]
async fn a_track_that_cmaf_does_not_carry_is_refused_and_the_other_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let socket = dir.path().join("samples.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let origin = Origin::default();
    let job = job(socket, origin.start().await);
    let (drain, trigger) = Drain::manual();
    let metrics = Metrics::default();
    let running = tokio::spawn(run(job, Settings::default(), Door::Itself, metrics.clone(), drain));
    let (mut stream, _) = accept(&listener).await;
    let Message::Tracks(mut tracks) = tracks(1, PARAMETER_SETS) else { unreachable!("made above") };
    let Format::Audio(sound) = &mut tracks.tracks[1].format else { panic!("sound is second") };
    (sound.codec, sound.rfc6381) = (media::AudioCodec::Ac3, "ac-3".to_owned());
    send(&mut stream, [Message::Tracks(tracks)]).await;
    send(&mut stream, media(START_S, 5).into_iter().map(Message::Sample)).await;
    origin.reaches("video", START_S + 4).await;
    trigger.start();
    running.await.expect("no panic").expect("a good job");
    assert!(origin.track("audio").is_none());
    let labels = ChannelLabels { channel: "main".to_owned() };
    assert_eq!(metrics.refused_tracks.get_or_create(&labels).get(), 1);
}

#[tokio::test]
async fn only_ingest_can_be_passed_through() {
    let mut job = job("/nowhere".into(), "http://127.0.0.1:1/ingest/main".to_owned());
    job.source = Source::Pattern;
    let (drain, _trigger) = Drain::manual();
    let refused = run(job, Settings::default(), Door::Itself, Metrics::default(), drain).await;
    assert!(matches!(refused, Err(PassthroughError::Source(_))));
}
