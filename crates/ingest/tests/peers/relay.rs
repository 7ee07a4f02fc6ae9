//! A network under a stream of datagrams: relays them from a media port, and those of the error correction two and four
//! above, and does to each what the test says.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What comes to the media port.
pub(crate) const MEDIA: usize = 0;

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// Which port it came to: [`MEDIA`], then the error correction's columns and rows.
    pub(crate) port: usize,
    /// Its place among those that came there, from 0.
    pub(crate) place: u64,
    pub(crate) bytes: Vec<u8>,
}

/// A relay, stopped when dropped.
pub(crate) struct Relay {
    /// Where the sender sends.
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays what `way` gives for each datagram: what goes on, and to which media address. It leaves for that port, or for
    /// the one that is as far above as it came.
    pub(crate) fn start(
        mut way: impl FnMut(Datagram) -> Vec<(SocketAddr, Datagram)> + Send + 'static,
    ) -> Self {
        let address = free_ports();
        let out = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let sockets = [0, 2, 4].map(|step| {
            let socket = UdpSocket::bind(above(address, step)).expect("it was free just now");
            socket.set_nonblocking(true).expect("can be set");
            (socket, step)
        });
        let over = Arc::new(AtomicBool::new(false));
        let stop = over.clone();
        let thread = std::thread::spawn(move || {
            let (mut places, mut buffer) = ([0; 3], [0; 2_048]);
            while !stop.load(Ordering::Relaxed) {
                for (port, (socket, _)) in sockets.iter().enumerate() {
                    while let Ok(length) = socket.recv(&mut buffer) {
                        let datagram =
                            Datagram { port, place: places[port], bytes: buffer[..length].to_vec() };
                        places[port] += 1;
                        for (to, datagram) in way(datagram) {
                            let _ = out.send_to(&datagram.bytes, above(to, sockets[datagram.port].1));
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().expect("joined once").join();
        if !std::thread::panicking() {
            ended.expect("the relay does not panic");
        }
    }
}

fn above(media: SocketAddr, step: u16) -> SocketAddr {
    SocketAddr::new(media.ip(), media.port() + step)
}

/// An address whose port is free, and those two and four above it.
pub(crate) fn free_ports() -> SocketAddr {
    let free = (0..50).find_map(|_| {
        let media = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?.local_addr().ok()?;
        let is_free = |step| {
            media
                .port()
                .checked_add(step)
                .is_some_and(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        };
        [0, 2, 4].into_iter().all(is_free).then_some(media)
    });
    free.expect("three free ports in fifty tries")
}
