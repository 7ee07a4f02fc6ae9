//! QUIC (RFC 9000) as viewers of live video need it, by quinn.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, TokioRuntime, TransportConfig};
use rustls::server::ResolvesServerCert;

use super::HANDSHAKES;
use super::ids::{Ids, Keys};
use super::takeover;
use crate::tls;

/// Requests at once on a connection: a player asks for a handful.
pub(super) const STREAMS: u32 = 100;
/// Streams a client opens for itself: control and QPACK's two, and some to ignore.
const CLIENT_STREAMS: u32 = 8;
/// Bytes of a stream that may arrive before they are read. A request is a few hundred.
const STREAM_WINDOW: u32 = 16 * 1024;
/// The same of a connection.
const CONNECTION_WINDOW: u32 = 128 * 1024;
/// Bytes sent and not acknowledged of a connection: what a round trip of 50 ms takes at 160 Mbit/s. They stay in memory, as
/// TCP's stay in the kernel.
const SEND_WINDOW: u64 = 1 << 20;
/// Without a packet for so long, the client is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// While an answer is waited for, the path is kept open by a packet as often.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// At most one client a millisecond is told that his connection is gone, so that noise makes little work.
const BETWEEN_RESETS: Duration = Duration::from_millis(1);

/// QUIC on a socket.
pub(crate) struct Quic {
    pub(super) endpoint: Endpoint,
    pub(super) socket: Arc<takeover::Shared>,
}

impl Quic {
    /// Call in the runtime that will serve it.
    pub(crate) fn on(
        socket: takeover::Shared,
        keys: &Keys,
        shown: Arc<dyn ResolvesServerCert>,
    ) -> io::Result<Quic> {
        let socket = Arc::new(socket);
        let crypto = tls::quic_config(shown).map_err(io::Error::other)?;
        let crypto = QuicServerConfig::try_from(crypto).map_err(io::Error::other)?;
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(STREAMS.into())
            .max_concurrent_uni_streams(CLIENT_STREAMS.into())
            .stream_receive_window(STREAM_WINDOW.into())
            .receive_window(CONNECTION_WINDOW.into())
            .send_window(SEND_WINDOW)
            .max_idle_timeout(Some(SILENCE.try_into().expect("30 s fit")))
            .keep_alive_interval(Some(KEEP_ALIVE))
            .datagram_receive_buffer_size(None);
        let mut server = quinn::ServerConfig::new(Arc::new(crypto), Arc::new(keys.retry_tokens.clone()));
        server.transport_config(Arc::new(transport)).max_incoming(HANDSHAKES);
        let mut config = EndpointConfig::new(Arc::new(keys.resets.clone()));
        let (generation, keys) = (socket.generation(), keys.clone());
        config.cid_generator(move || Box::new(Ids::of(generation, &keys))).min_reset_interval(BETWEEN_RESETS);
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new_with_abstract_socket(config, Some(server), socket.clone(), runtime)?;
        Ok(Quic { endpoint, socket })
    }
}
