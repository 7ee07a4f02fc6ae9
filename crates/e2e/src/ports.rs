//! Ports of one stack's own.

use std::net::{TcpListener, UdpSocket};

use crate::stack::Control;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) viewers: u16,
    pub(crate) origin: u16,
    pub(crate) rtmp: u16,
    pub(crate) srt: u16,
    pub(crate) hls_push: u16,
    pub(crate) metrics: u16,
    pub(crate) control: u16,
}

impl Ports {
    /// Ports that nobody has at the moment.
    pub(crate) fn free() -> Self {
        let held: Vec<_> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let port = |index: usize| held[index].local_addr().expect("bound").port();
        let srt = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Self {
            viewers: port(0),
            origin: port(1),
            rtmp: port(2),
            srt: srt.expect("a free port").port(),
            metrics: port(3),
            control: port(4),
            hls_push: port(5),
        }
    }

    /// The `[listen]` table of a workflow file.
    pub(crate) fn listen(&self, control: Control) -> String {
        let Self { viewers, origin, rtmp, srt, hls_push, metrics, .. } = self;
        let control = match control {
            Control::On => format!("127.0.0.1:{}", self.control),
            Control::Off => "off".to_owned(),
        };
        format!(
            "[listen]\nviewers = \"127.0.0.1:{viewers}\"\norigin = \"127.0.0.1:{origin}\"\nrtmp = \"127.0.0.1:{rtmp}\"\n\
             srt = \"127.0.0.1:{srt}\"\nhls_push = \"127.0.0.1:{hls_push}\"\nmetrics = \"127.0.0.1:{metrics}\"\ncontrol = \"{control}\"\n"
        )
    }
}
