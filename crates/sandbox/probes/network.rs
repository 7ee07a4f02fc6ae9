//! Sockets: to somebody, from somebody, to the kernel.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use crate::{Anyone, Probe, Root, Untried, call, probe};

pub(crate) const PROBES: &[Probe] = &[
    probe("connect-tcp", Anyone, |scene| TcpStream::connect(scene.tcp).map(drop)),
    probe("send-udp", Anyone, |scene| UdpSocket::bind("127.0.0.1:0")?.send_to(b"out", scene.udp).map(drop)),
    probe("connect-unix", Anyone, |scene| UnixStream::connect(&scene.unix).map(drop)),
    probe("connect-abstract", Anyone, |scene| UnixStream::connect_addr(&scene.hidden).map(drop)),
    probe("listen-tcp", Anyone, |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    probe("listen-unix", Anyone, |_| UnixListener::bind("heard").map(drop)),
    probe("unix-datagram", Anyone, |_| UnixDatagram::unbound().map(drop)),
    probe("socket-pair", Anyone, |_| UnixStream::pair().map(drop)),
    probe("socket-ipv6", Anyone, |_| socket(libc::AF_INET6, libc::SOCK_STREAM, 0)),
    probe("socket-netlink", Anyone, |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)),
    probe("socket-raw", Root, |_| socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)),
    probe("socket-packet", Root, |_| socket(libc::AF_PACKET, libc::SOCK_RAW, 0)),
    probe("socket-crypto", Untried, |_| socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)),
    probe("socket-to-host-machine", Untried, |_| socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
];

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<()> {
    call(libc::SYS_socket, [family as usize, kind as usize, protocol as usize, 0, 0, 0]).map(drop)
}
