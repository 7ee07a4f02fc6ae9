//! A line between a publisher and ingest that can be cut: both ends see a connection reset.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt;

/// A listener that hands each connection on.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    /// Both ends of each connection; the threads that carry between them own them.
    open: Arc<Mutex<Vec<Weak<TcpStream>>>>,
}

impl Line {
    /// Listens on a port of its own for connections to `to`. It does so until this process ends.
    pub fn to(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, open) = (listener.local_addr()?, Arc::new(Mutex::new(Vec::new())));
        let line = Self { address, open: open.clone() };
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Whoever called finds his connection closed where there is nobody at the other end.
                let Ok(far) = TcpStream::connect(to) else { continue };
                let (near, far) = (Arc::new(near), Arc::new(far));
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                open.extend([Arc::downgrade(&near), Arc::downgrade(&far)]);
                drop(open);
                let (near_too, far_too) = (near.clone(), far.clone());
                thread::spawn(move || carry(&near, &far));
                thread::spawn(move || carry(&far_too, &near_too));
            }
        });
        Ok(line)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection.
    pub fn cut(&self) {
        let ends = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let ends: Vec<_> = ends.iter().filter_map(Weak::upgrade).collect();
        for end in &ends {
            // Closed with what is unsent thrown away, so with RST and not FIN.
            let _ = sockopt::set_socket_linger(end, Some(Duration::ZERO));
        }
        for end in &ends {
            let _ = end.shutdown(Shutdown::Read);
        }
    }
}

/// Until either end closes; then the other direction ends too, and with it both sockets.
fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Read);
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_a_cut_is_a_reset_at_both_ends() {
        let ingest = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let line = Line::to(ingest.local_addr().expect("bound")).expect("a free port");
        let mut publisher = TcpStream::connect(line.address()).expect("it listens");
        let (mut far, _) = ingest.accept().expect("a connection");
        publisher.write_all(b"hello").expect("room");
        let mut said = [0; 5];
        far.read_exact(&mut said).expect("it is handed on");
        assert_eq!(&said, b"hello");
        line.cut();
        for end in [&mut publisher, &mut far] {
            let fault = end.read(&mut said).expect_err("a reset is an error");
            assert_eq!(fault.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}
