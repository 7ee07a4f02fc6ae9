//! Ports of one stack's own.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

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

/// Where ports are taken from: below those that the kernel gives to connections (from 32,768 on), for between finding a port
/// free and listening at it any connection of the machine could take one of those.
const RANGE: std::ops::Range<u16> = 10_000..32_000;

/// A port that nobody has at the moment, by TCP and by UDP, and that this process has not given away before.
pub fn free_port() -> u16 {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let size = u32::from(RANGE.end - RANGE.start);
    // Processes that run side by side begin at places of their own.
    let begin = std::process::id().wrapping_mul(7_919);
    let is_free = |port: &u16| {
        let at = (Ipv4Addr::UNSPECIFIED, *port);
        TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
    };
    let mut candidates = (0..size).map(|_| {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        RANGE.start + (begin.wrapping_add(turn) % size) as u16
    });
    candidates.find(is_free).expect("a free port")
}

impl Ports {
    /// Ports that nobody has at the moment.
    pub(crate) fn free() -> Self {
        Self {
            viewers: free_port(),
            origin: free_port(),
            rtmp: free_port(),
            srt: free_port(),
            metrics: free_port(),
            control: free_port(),
            hls_push: free_port(),
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
