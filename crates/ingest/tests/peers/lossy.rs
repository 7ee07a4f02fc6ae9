//! A network that loses packets: a UDP relay, seeded.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Relays datagrams of one peer to a server and back, and loses some of both directions.
pub(crate) struct Lossy {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Lossy {
    /// A relay to `server` that loses one datagram in `one_in`, on average.
    pub(crate) fn before(server: SocketAddr, one_in: u64) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let back = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        back.connect(server).expect("an address");
        let address = front.local_addr().expect("bound");
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout can be set");
        }
        let (over, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let peer = Arc::new(std::sync::Mutex::new(None));
        let (to_server, to_peer) =
            (back.try_clone().expect("a descriptor"), front.try_clone().expect("a descriptor"));
        let there = {
            let (over, mut dice, peer) = (over.clone(), Dice::new(1, one_in, lost.clone()), peer.clone());
            move || {
                let mut datagram = [0; 2_048];
                while !over.load(Ordering::Relaxed) {
                    let Ok((length, from)) = front.recv_from(&mut datagram) else { continue };
                    *peer.lock().expect("no panic") = Some(from);
                    if dice.keeps() {
                        let _ = to_server.send(&datagram[..length]);
                    }
                }
            }
        };
        let again = {
            let (over, mut dice) = (over.clone(), Dice::new(2, one_in, lost.clone()));
            move || {
                let mut datagram = [0; 2_048];
                while !over.load(Ordering::Relaxed) {
                    let Ok(length) = back.recv(&mut datagram) else { continue };
                    let to = *peer.lock().expect("no panic");
                    if let Some(to) = to.filter(|_| dice.keeps()) {
                        let _ = to_peer.send_to(&datagram[..length], to);
                    }
                }
            }
        };
        let threads = vec![std::thread::spawn(there), std::thread::spawn(again)];
        Self { address, over, lost, threads }
    }

    /// Datagrams lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Which datagrams are lost: the same ones in each run. Handshakes, the first few, are kept.
struct Dice {
    state: u64,
    one_in: u64,
    spared: u32,
    lost: Arc<AtomicU64>,
}

impl Dice {
    fn new(seed: u64, one_in: u64, lost: Arc<AtomicU64>) -> Self {
        Self { state: seed, one_in, spared: 8, lost }
    }

    fn keeps(&mut self) -> bool {
        if self.spared > 0 {
            self.spared -= 1;
            return true;
        }
        // Knuth's MMIX generator; its high bits are random enough for this.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let keeps = !(self.state >> 33).is_multiple_of(self.one_in);
        self.lost.fetch_add(u64::from(!keeps), Ordering::Relaxed);
        keeps
    }
}
