//! A QUIC connection that hands h3 no more than a request's worth of bytes a stream.
//!
//! h3 gathers a frame until it is whole, however long it says it is, and QUIC's window moves on with every byte gathered. A
//! viewer's request is one small frame without a body, so a stream that brings more is the end of its connection.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};

use crate::gate::MAX_HEAD;

/// Bytes a client may send on one request stream: the largest head, and frames around it.
const REQUEST_BYTES: usize = MAX_HEAD + 4 * 1024;
/// Bytes a client may send on one of its other streams in a connection's life. Browsers tell the priority of each request
/// on one (RFC 9218 §7.2), some 20 bytes: enough for 50,000 requests; then the client connects anew.
const CONTROL_BYTES: usize = 1 << 20;

/// The connection.
pub(crate) struct Bounded {
    inner: h3_quinn::Connection,
    quic: quinn::Connection,
}

/// What opens streams of our own.
pub(crate) struct OpenStreams {
    inner: h3_quinn::OpenStreams,
    quic: quinn::Connection,
}

/// A request's stream.
pub(crate) type BidiStream<B> = Limited<h3_quinn::BidiStream<B>>;

/// A stream that may bring so many bytes.
pub(crate) struct Limited<S> {
    inner: S,
    left: usize,
    quic: quinn::Connection,
}

/// A stream brought too much.
#[derive(Debug, thiserror::Error)]
#[error("more bytes on a stream than a request takes")]
struct TooMuch;

impl Bounded {
    pub(crate) fn new(quic: quinn::Connection) -> Bounded {
        Bounded { inner: h3_quinn::Connection::new(quic.clone()), quic }
    }
}

impl<B: Buf> quic::Connection<B> for Bounded {
    type RecvStream = Limited<h3_quinn::RecvStream>;
    type OpenStreams = OpenStreams;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::RecvStream, ConnectionErrorIncoming>> {
        let inner = ready!(quic::Connection::<B>::poll_accept_recv(&mut self.inner, cx))?;
        Poll::Ready(Ok(Limited { inner, left: CONTROL_BYTES, quic: self.quic.clone() }))
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, ConnectionErrorIncoming>> {
        let inner = ready!(quic::Connection::<B>::poll_accept_bidi(&mut self.inner, cx))?;
        Poll::Ready(Ok(Limited { inner, left: REQUEST_BYTES, quic: self.quic.clone() }))
    }

    fn opener(&self) -> Self::OpenStreams {
        OpenStreams { inner: quic::Connection::<B>::opener(&self.inner), quic: self.quic.clone() }
    }
}

impl<B: Buf> quic::OpenStreams<B> for Bounded {
    type BidiStream = BidiStream<B>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let inner = ready!(self.inner.poll_open_bidi(cx))?;
        Poll::Ready(Ok(Limited { inner, left: REQUEST_BYTES, quic: self.quic.clone() }))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        self.inner.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<B>::close(&mut self.inner, code, reason);
    }
}

impl<B: Buf> quic::OpenStreams<B> for OpenStreams {
    type BidiStream = BidiStream<B>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let inner = ready!(self.inner.poll_open_bidi(cx))?;
        Poll::Ready(Ok(Limited { inner, left: REQUEST_BYTES, quic: self.quic.clone() }))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        self.inner.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<B>::close(&mut self.inner, code, reason);
    }
}

impl<S: quic::RecvStream<Buf = Bytes>> quic::RecvStream for Limited<S> {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let Some(bytes) = ready!(self.inner.poll_data(cx))? else { return Poll::Ready(Ok(None)) };
        match self.left.checked_sub(bytes.len()) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(Some(bytes)))
            }
            None => {
                self.quic.close(super::code(Code::H3_EXCESSIVE_LOAD), b"more bytes than a request takes");
                let connection_error = ConnectionErrorIncoming::Undefined(Arc::new(TooMuch));
                Poll::Ready(Err(StreamErrorIncoming::ConnectionErrorIncoming { connection_error }))
            }
        }
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.inner.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.inner.recv_id()
    }
}

impl<B: Buf, S: quic::SendStream<B>> quic::SendStream<B> for Limited<S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.inner.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.inner.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.inner.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.inner.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.inner.send_id()
    }
}

impl<B: Buf> quic::BidiStream<B> for BidiStream<B> {
    type SendStream = h3_quinn::SendStream<B>;
    type RecvStream = Limited<h3_quinn::RecvStream>;

    fn split(self) -> (Self::SendStream, Self::RecvStream) {
        let (send, recv) = quic::BidiStream::<B>::split(self.inner);
        (send, Limited { inner: recv, left: self.left, quic: self.quic })
    }
}
