//! An RTMP connection that brings a stream, whichever side opened it.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rtmp::{Client, Event, Media, Metadata, PeerError, Played, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::Ingest;
use crate::channel::Lease;
use crate::end::{End, SILENCE_TIMEOUT};
use crate::publisher::Publisher;
use crate::source::Source;
use crate::ticks::Ticks;
use crate::transport::{Arrival, Socket, Transport};

/// How long the peer may take to close after a goodbye.
const LINGER: Duration = Duration::from_secs(1);
/// Answers that the peer has not read, in bytes. They are a few hundred in all.
const MAX_UNSENT: usize = 64 << 10;

/// One side of the protocol, once the other has begun to send.
pub(crate) trait Speaker {
    /// Takes from the front of `input` until the peer has said something; `None` when more bytes are wanted.
    fn poll(&mut self, input: &mut BytesMut) -> Result<Option<Said>, PeerError>;
    /// What must be sent to the peer now.
    fn take_outgoing(&mut self) -> Bytes;
}

/// What a peer says that sends a stream.
pub(crate) enum Said {
    Media(Media),
    Goodbye,
    /// The stream is not to be had any longer, and why.
    TurnedDown(String),
    /// Nothing that matters by now.
    Other,
}

impl Speaker for Session {
    fn poll(&mut self, input: &mut BytesMut) -> Result<Option<Said>, PeerError> {
        let event = Self::poll(self, input)?;
        Ok(event.map(|event| match event {
            Event::Media(media) => Said::Media(media),
            Event::Unpublish => Said::Goodbye,
            Event::Publish(_) | Event::PlayRefused => Said::Other,
        }))
    }

    fn take_outgoing(&mut self) -> Bytes {
        Self::take_outgoing(self)
    }
}

impl Speaker for Client {
    fn poll(&mut self, input: &mut BytesMut) -> Result<Option<Said>, PeerError> {
        let played = Self::poll(self, input)?;
        Ok(played.map(|played| match played {
            Played::Media(media) => Said::Media(media),
            Played::Ended => Said::Goodbye,
            Played::Refused(reason) => Said::TurnedDown(reason),
            Played::Started => Said::Other,
        }))
    }

    fn take_outgoing(&mut self) -> Bytes {
        Self::take_outgoing(self)
    }
}

/// A stream on its way to a channel.
pub(crate) struct Stream<S> {
    publisher: Publisher,
    source: Source,
    speaker: S,
    /// Bytes that are no whole message yet.
    input: BytesMut,
    conn: u64,
}

impl<S: Speaker> Stream<S> {
    /// The stream of `speaker`, whose peer has sent `input` already.
    pub(crate) fn new(lease: Lease, speaker: S, input: BytesMut, conn: u64) -> Self {
        let source = Source::after(lease.floor());
        Self { publisher: Publisher::new(lease, conn), source, speaker, input, conn }
    }

    /// Runs until the peer says goodbye (`Ok`) or is lost.
    pub(crate) async fn run(
        mut self,
        ingest: &Ingest,
        ticks: Option<&Ticks>,
        socket: Socket,
    ) -> Result<(), End> {
        let end = self.take_all(ingest, ticks, socket).await;
        match &end {
            Ok(_) => self.publisher.lease.end_because("the publisher said goodbye"),
            Err(end) => self.publisher.lease.end_because(&end.to_string()),
        }
        let Self { publisher, mut speaker, mut input, .. } = self;
        // The channel is free from here on.
        drop(publisher);
        let mut socket = end?;
        // Whether the peer waits for our answer is its own affair.
        let _ = timeout(LINGER, farewell(&mut socket, &mut speaker, &mut input)).await;
        Ok(())
    }

    /// Takes messages until the goodbye, and gives the socket back then.
    async fn take_all(
        &mut self,
        ingest: &Ingest,
        ticks: Option<&Ticks>,
        socket: Socket,
    ) -> Result<Socket, End> {
        let mut transport = Transport::new(socket, ticks)?;
        let mut unsent = BytesMut::new();
        let mut heard = Instant::now();
        loop {
            // What came before the stream was let in is taken before anything is awaited.
            let goodbye = self.take(ingest);
            unsent.extend_from_slice(&self.speaker.take_outgoing());
            if !unsent.is_empty() {
                let written = transport.try_write(&unsent)?;
                unsent.advance(written);
                if unsent.len() > MAX_UNSENT {
                    return Err(End::Deaf);
                }
            }
            if goodbye? {
                let mut socket = transport.into_socket()?;
                socket.write_all(&unsent).await?;
                return Ok(socket);
            }
            let input = &mut self.input;
            let arrival = tokio::select! {
                arrival = transport.read(&ingest.scratch, SILENCE_TIMEOUT, |bytes| input.extend_from_slice(bytes)) => arrival?,
                leave = self.publisher.lease.is_to_leave() => return Err(leave.into()),
            };
            match arrival {
                Arrival::End => return Err(End::Closed),
                Arrival::Nothing if heard.elapsed() >= SILENCE_TIMEOUT => return Err(End::Silent),
                Arrival::Nothing => {}
                Arrival::Bytes(length) => {
                    heard = Instant::now();
                    self.publisher.heard(length as u64, ingest.clock.now());
                }
            }
            self.publisher.update_rates(|| self.source.latest().0 - ingest.clock.now().0);
        }
    }

    /// Takes every whole message. True at a goodbye.
    fn take(&mut self, ingest: &Ingest) -> Result<bool, End> {
        let now = ingest.clock.now();
        let goodbye = loop {
            match self.speaker.poll(&mut self.input) {
                Ok(Some(Said::Media(Media::Video { timestamp_ms, video }))) => {
                    self.source.video(timestamp_ms, video, now, &mut self.publisher.outputs);
                }
                Ok(Some(Said::Media(Media::Audio { timestamp_ms, audio }))) => {
                    self.source.audio(timestamp_ms, audio, now, &mut self.publisher.outputs);
                }
                Ok(Some(Said::Media(Media::Metadata(metadata)))) => self.log_metadata(&metadata),
                Ok(Some(Said::Goodbye)) => break Ok(true),
                Ok(Some(Said::TurnedDown(reason))) => break Err(End::TurnedDown(reason)),
                Ok(Some(Said::Other)) => {}
                Ok(None) => break Ok(false),
                Err(fault) => break Err(fault.into()),
            }
        };
        self.publisher.deliver(self.source.latest());
        goodbye
    }

    fn log_metadata(&self, metadata: &Metadata) {
        let channel = &self.publisher.lease.channel().name;
        let Metadata { encoder, width, height, video_bps, audio_bps } = metadata;
        tracing::debug!(%channel, conn = self.conn, encoder, width, height, video_bps, audio_bps, "metadata");
    }
}

/// Answers what a peer says after its goodbye until it closes: encoders take a server that closes first for a fault.
async fn farewell(socket: &mut Socket, speaker: &mut impl Speaker, input: &mut BytesMut) -> Result<(), End> {
    loop {
        while speaker.poll(input)?.is_some() {}
        socket.write_all(&speaker.take_outgoing()).await?;
        if socket.read_buf(input).await? == 0 {
            return Ok(());
        }
    }
}
