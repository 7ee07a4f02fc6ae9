use bytes::Bytes;
use media::{AudioCodec, AudioFormat, Format, Sample, Track};
use tokio::net::UnixListener;
use wire::sample_stream::{Ended, Tracks};

use super::*;

const AUDIO: TrackId = TrackId(1);

fn tracks(session: u64) -> Message {
    let format = Format::Audio(AudioFormat {
        codec: AudioCodec::Aac,
        sample_rate: 48_000,
        channels: 2,
        config: Bytes::from_static(&[0x11, 0x90]),
        rfc6381: "mp4a.40.2".to_owned(),
    });
    let track = Track { id: AUDIO, timescale: Timescale::new(48_000), format, language: None };
    Message::Tracks(Tracks { session, tracks: vec![track] })
}

fn sample(dts: i64, size: usize) -> Message {
    Message::Sample(Sample {
        track: AUDIO,
        dts,
        composition_offset: 0,
        duration: Some(1_024),
        sync: true,
        data: vec![dts as u8; size].into(),
    })
}

/// Accepts one client, gives back its request, sends it `messages` and closes.
async fn serve(listener: &UnixListener, messages: &[Message]) -> Request {
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut buffer = BytesMut::new();
    let request = loop {
        if let Some(request) = sample_stream::decode_request(&mut buffer).expect("ours") {
            break request;
        }
        assert!(stream.read_buf(&mut buffer).await.expect("a request") > 0);
    };
    let mut out = BytesMut::new();
    messages.iter().for_each(|message| sample_stream::encode(message, &mut out));
    // In pieces that fit no frame.
    for piece in out.chunks(40_001) {
        stream.write_all(piece).await.expect("the client reads");
    }
    request
}

#[tokio::test]
async fn messages_come_in_order_at_either_pace_and_a_loss_is_made_good_from_the_last_sample() {
    for pace in [Pace::AtOnce, Pace::Every(Duration::from_millis(1))] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let socket = dir.path().join("samples.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let channel: media::ChannelName = "main".parse().expect("a name");
        let first = [tracks(1), sample(48_000, 7), sample(96_000, 300_000), sample(144_000, 0)];
        let second = [
            tracks(1),
            sample(144_000, 0),
            Message::Ended(Ended { reason: "the publisher said goodbye".to_owned() }),
        ];
        let messages = (first.clone(), second.clone());
        let server = tokio::spawn(async move {
            let one = serve(&listener, &messages.0).await;
            let two = serve(&listener, &messages.1).await;
            let three = serve(&listener, &[tracks(2)]).await;
            [one, two, three].map(|request| request.from)
        });
        let mut client = IngestClient::new(socket, channel, None, pace);
        for expected in first.iter().chain(&second) {
            assert_eq!(client.next().await, *expected, "{pace:?}");
        }
        client.restart(Utc(5));
        assert_eq!(client.next().await, tracks(2), "{pace:?}");
        let asked = server.await.expect("the server is well");
        // Nothing at first, then from three seconds on, then from where it was told.
        assert_eq!(asked, [None, Some(Utc(3_000_000)), Some(Utc(5))], "{pace:?}");
    }
}

#[tokio::test]
async fn a_socket_that_comes_late_is_waited_for() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let socket = dir.path().join("samples.sock");
    let channel: media::ChannelName = "main".parse().expect("a name");
    let mut client = IngestClient::new(socket.clone(), channel, None, Pace::AtOnce);
    let late = async {
        tokio::task::yield_now().await;
        let listener = UnixListener::bind(&socket).expect("a socket");
        serve(&listener, &[tracks(1)]).await
    };
    let (message, request) = tokio::join!(client.next(), late);
    assert_eq!(message, tracks(1));
    assert_eq!(request.feed.channel.as_str(), "main");
}
