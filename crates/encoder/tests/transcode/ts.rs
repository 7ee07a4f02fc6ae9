//! Transport streams that the `ffmpeg` command makes, as ingest takes them apart.

use encoder::source::{Event, InputTrack, Sender};
use media::{Timescale, rescale_nearest};
use mpegts::{Demuxer, Select};

use crate::kit::{BEGINS, made_by_ffmpeg};

/// What a stream brings, in its order.
pub(crate) struct Stream {
    pub(crate) events: Vec<mpegts::Event>,
}

/// The bytes of a stream of these arguments.
pub(crate) fn bytes(arguments: &[&str]) -> Vec<u8> {
    let file = made_by_ffmpeg(arguments, "ts");
    std::fs::read(file.path()).expect("what ffmpeg wrote")
}

impl Stream {
    pub(crate) fn of(arguments: &[&str]) -> Self {
        Self::read(&bytes(arguments))
    }

    /// Takes bytes apart, cut as datagrams are.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut demuxer = Demuxer::new(Select::default());
        let mut events = Vec::new();
        for piece in bytes.chunks(1_316) {
            demuxer.push(piece);
            events.extend(std::iter::from_fn(|| demuxer.poll()));
        }
        demuxer.finish();
        events.extend(std::iter::from_fn(|| demuxer.poll()));
        Self { events }
    }

    /// How often each kind of warning came.
    pub(crate) fn warnings(&self, label: &str) -> usize {
        let of_label =
            |event: &&mpegts::Event| matches!(event, mpegts::Event::Warning(w) if w.label() == label);
        self.events.iter().filter(of_label).count()
    }

    /// Sends it so that its first sample lies at the beginning of these tests' time.
    pub(crate) fn play(self, sender: &Sender) {
        let mut scales = Vec::new();
        let mut origin = None;
        for event in self.events {
            let event = match event {
                mpegts::Event::Tracks(streams) => {
                    let tracks = streams.into_iter().map(|stream| media::Track {
                        language: stream.language.map(|language| language.to_string()),
                        ..stream.track
                    });
                    let tracks: Vec<_> = tracks.collect();
                    scales = tracks.iter().map(|track| (track.id, track.timescale)).collect();
                    Event::Tracks(tracks.iter().map(|track| InputTrack::of(track).expect("memory")).collect())
                }
                mpegts::Event::Sample(mut sample) => {
                    let (_, scale) = *scales.iter().find(|(id, _)| *id == sample.track).expect("announced");
                    let first = *origin.get_or_insert(rescale_nearest(sample.pts(), scale, Timescale::MPEG));
                    let moved = BEGINS.ticks(Timescale::MPEG) - first;
                    sample.dts += rescale_nearest(moved, Timescale::MPEG, scale);
                    Event::Sample(sample)
                }
                _ => continue,
            };
            sender.send_blocking(event).expect("received");
        }
    }
}
