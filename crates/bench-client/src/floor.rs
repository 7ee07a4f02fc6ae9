//! The cheapest server there can be: read, write a prebuilt answer, and nothing else.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll;
use rustix::net::{AddressFamily, SocketType, sockopt};

/// Events taken in one wait.
const EVENTS: usize = 256;

/// Serves until it is stopped.
pub(crate) fn serve(listen: SocketAddr, threads: usize) -> anyhow::Result<()> {
    let mut handles = Vec::new();
    for _ in 0..threads {
        let listener = listener(listen)?;
        handles.push(std::thread::spawn(move || turn(&listener)));
    }
    for handle in handles {
        handle.join().expect("the loop does not panic")?;
    }
    Ok(())
}

/// One of several listeners on the same address.
fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, 4096)?;
    Ok(socket.into())
}

fn turn(listener: &TcpListener) -> std::io::Result<()> {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nContent-Length: 2048\r\n\r\n"
            .to_vec();
    answer.resize(answer.len() + 2048, b'#');
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    listener.set_nonblocking(true)?;
    epoll::add(&poll, listener, epoll::EventData::new_u64(u64::MAX), epoll::EventFlags::IN)?;
    let mut connections: HashMap<u64, OwnedFd> = HashMap::new();
    let mut events = Vec::with_capacity(EVENTS);
    let mut input = [0; 4096];
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(fault) => return Err(fault.into()),
        }
        for event in &events {
            let id = event.data.u64();
            if id == u64::MAX {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    stream.set_nonblocking(true)?;
                    let fd = OwnedFd::from(stream);
                    let id = fd.as_raw_fd() as u64;
                    epoll::add(&poll, &fd, epoll::EventData::new_u64(id), epoll::EventFlags::IN)?;
                    connections.insert(id, fd);
                }
                continue;
            }
            let Some(connection) = connections.get(&id) else { continue };
            let read = rustix::io::read(connection, &mut input).unwrap_or(0);
            // One request a read and one answer a write: what its clients do, and all that it is for.
            if read == 0 || rustix::io::write(connection, &answer).is_err() {
                connections.remove(&id);
            }
        }
    }
}
