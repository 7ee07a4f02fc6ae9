//! The stack: channels that hostile publishers reach, and neighbours that are fed well.

use std::fmt::Write;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use e2e::{Peer, Stack, eventually};

use super::crew::Pool;
use super::hls::Server;
use super::material::Material;
use super::srt;
use crate::client::{Client, Findings};
use crate::kind::BUFFER;

/// The RTMP application of every channel.
pub const APP: &str = "live";
/// The key of a target that many come to at once.
pub const SHARED_KEY: &str = "shared";
/// The passphrase of the neighbour by SRT, and of some targets.
pub const SRT_PASSPHRASE: &str = "correct-horse-battery";

/// Targets of RTMP and of SRT that take one publisher each. One that comes and goes is let in every third second.
const STREAMS: usize = 8;
/// Targets of SRT with a passphrase.
const SECRETS: usize = 2;
/// Targets of RTP, and of plain UDP.
const INLETS: (usize, usize) = (4, 2);
/// Targets that fetch HLS.
const PULLS: usize = 8;

/// Between two looks of a neighbour's reader.
const LOOK: Duration = Duration::from_millis(400);

/// A target of datagrams.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Takes RTP here, and error correction on the ports two and four above.
    Rtp(SocketAddr),
    /// Takes transport packets as they are.
    Udp(SocketAddr),
}

/// The stack and what is around it.
#[derive(Debug)]
pub struct Site {
    /// The stack.
    pub stack: Stack,
    /// Media to begin from.
    pub material: Arc<Material>,
    /// Stream keys of targets.
    pub rtmp_keys: Pool<String>,
    /// RTMP publishers that were let in.
    pub rtmp_streams: AtomicU64,
    /// Where SRT publishers call.
    pub srt: SocketAddr,
    /// Stream ids of targets that are open.
    pub srt_streams_free: Pool<String>,
    /// SRT publishers that were let in.
    pub srt_streams: AtomicU64,
    /// Stream ids of targets with a passphrase,
    pub srt_secrets: Vec<String>,
    /// and whose turn it is.
    pub srt_secrets_free: Pool<String>,
    /// Connections of SRT have numbers; the neighbour's is not far from this one.
    pub srt_near: u32,
    /// Targets of datagrams.
    pub inlets: Pool<Target>,
    /// Their ports.
    pub inlet_addresses: Vec<SocketAddr>,
    /// The neighbours' ports.
    pub rtp_neighbour: SocketAddr,
    /// See above.
    pub udp_neighbour: SocketAddr,
    /// Where HLS is fetched.
    pub server: Server,
    /// Channels that must not see anything.
    pub neighbours: Vec<Neighbour>,
    _folder: tempfile::TempDir,
}

/// A channel that is fed well.
#[derive(Debug)]
pub struct Neighbour {
    /// Its name.
    pub channel: &'static str,
    _publisher: Peer,
}

impl Neighbour {
    /// Reads all of it until it is `over`.
    pub fn read(&self, stack: &Stack, over: &AtomicBool) -> Findings {
        let mut client = Client::new(stack, self.channel, BUFFER);
        while !over.load(Ordering::Relaxed) {
            client.look();
            thread::sleep(LOOK);
        }
        client.look();
        client.read_again();
        client.over()
    }
}

impl Site {
    /// Starts it; returns when every neighbour is on the air.
    ///
    /// # Panics
    /// Where something does not start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let material = Arc::new(Material::make(folder.path()));
        let server = Server::start(folder.path(), material.clone()).expect("a free port");
        let mut channels = Channels::default();

        let keys: Vec<_> = (0..STREAMS).map(|nth| format!("k3y-{nth}")).collect();
        channels.add("rtmp-shared", &format!("{{ rtmp = \"{APP}/{SHARED_KEY}\" }}"), Ladder::Passthrough);
        for (nth, key) in keys.iter().enumerate() {
            channels.add(
                &format!("rtmp-{nth}"),
                &format!("{{ rtmp = \"{APP}/{key}\" }}"),
                Ladder::first_coded(nth),
            );
        }
        channels.add("n-rtmp", &format!("{{ rtmp = \"{APP}/n-rtmp\" }}"), Ladder::Passthrough);
        channels.add("n-coded", &format!("{{ rtmp = \"{APP}/n-coded\" }}"), Ladder::Coded);

        let streams: Vec<_> = (0..STREAMS).map(|nth| format!("stream-{nth}")).collect();
        for (nth, stream) in streams.iter().enumerate() {
            channels.add(
                &format!("srt-{nth}"),
                &format!("{{ srt = \"{stream}\" }}"),
                Ladder::first_coded(nth),
            );
        }
        let secrets: Vec<_> = (0..SECRETS).map(|nth| format!("secret-{nth}")).collect();
        let secret = |stream: &str| format!("{{ srt = \"{stream}\", passphrase = \"{SRT_PASSPHRASE}\" }}");
        for (nth, stream) in secrets.iter().enumerate() {
            channels.add(&format!("srt-secret-{nth}"), &secret(stream), Ladder::Passthrough);
        }
        channels.add("n-srt", &secret("n-srt"), Ladder::Passthrough);

        let mut inlets = Vec::new();
        for nth in 0..INLETS.0 {
            let at = free_with_correction();
            channels.add(
                &format!("rtp-{nth}"),
                &format!("{{ rtp = \"{at}\", fec = true }}"),
                Ladder::Passthrough,
            );
            inlets.push(Target::Rtp(at));
        }
        for nth in 0..INLETS.1 {
            let at = free();
            channels.add(&format!("udp-{nth}"), &format!("{{ udp = \"{at}\" }}"), Ladder::Passthrough);
            inlets.push(Target::Udp(at));
        }
        let (rtp_neighbour, udp_neighbour) = (free_with_correction(), free());
        let from = "from = \"127.0.0.1\"";
        channels.add("n-rtp", &format!("{{ rtp = \"{rtp_neighbour}\", {from} }}"), Ladder::Passthrough);
        channels.add("n-udp", &format!("{{ udp = \"{udp_neighbour}\", {from} }}"), Ladder::Passthrough);

        let pull = |url: &str| format!("{{ hls = \"{url}\", allow_private = true }}");
        for nth in 0..PULLS {
            let url = server.url(&format!("/hls-{nth}/index.m3u8"));
            channels.add(&format!("hls-{nth}"), &pull(&url), Ladder::Passthrough);
        }
        channels.add("n-hls", &pull(&server.url("/well/index.m3u8")), Ladder::Passthrough);

        let stack = Stack::start_with(&channels.0, &[]);
        let srt = stack.srt_address();
        let well = folder.path().join("index.m3u8");
        let neighbours = [
            ("n-rtmp", "flv", stack.rtmp_url("live/n-rtmp")),
            ("n-coded", "flv", stack.rtmp_url("live/n-coded")),
            ("n-srt", "mpegts", stack.srt_url("n-srt", SRT_PASSPHRASE)),
            ("n-rtp", "rtp_mpegts", format!("rtp://{rtp_neighbour}?pkt_size=1328")),
            ("n-udp", "mpegts", format!("udp://{udp_neighbour}?pkt_size=1316")),
            ("n-hls", "hls", well.to_str().expect("a path that is text").to_owned()),
        ];
        let neighbours: Vec<_> = neighbours
            .into_iter()
            .map(|(channel, format, to)| Neighbour { channel, _publisher: publisher(format, &to) })
            .collect();
        for Neighbour { channel, .. } in &neighbours {
            eventually(&format!("{channel} is on the air\n{}", stack.log_tail()), || {
                stack.wait_for_segments(channel, 4).contains("mp4a").then_some(())
            });
        }
        let srt_near = srt::a_number(srt, &streams[0]);
        let inlet_addresses = inlets.iter().map(|(Target::Rtp(at) | Target::Udp(at))| *at).collect();
        Self {
            stack,
            material,
            rtmp_keys: Pool::new(keys),
            rtmp_streams: AtomicU64::new(0),
            srt,
            srt_streams_free: Pool::new(streams),
            srt_streams: AtomicU64::new(0),
            srt_secrets_free: Pool::new(secrets.clone()),
            srt_secrets: secrets,
            srt_near,
            inlets: Pool::new(inlets),
            inlet_addresses,
            rtp_neighbour,
            udp_neighbour,
            server,
            neighbours,
            _folder: folder,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Ladder {
    Passthrough,
    Coded,
}

impl Ladder {
    /// One of a row is decoded and encoded, so that hostile media gets that far.
    const fn first_coded(nth: usize) -> Self {
        if nth == 0 { Self::Coded } else { Self::Passthrough }
    }
}

/// The workflow's channels.
#[derive(Debug, Default)]
struct Channels(String);

impl Channels {
    fn add(&mut self, name: &str, input: &str, ladder: Ladder) {
        let ladder = match ladder {
            Ladder::Passthrough => "ladder = \"passthrough\"",
            Ladder::Coded => "preset = \"ultrafast\"\nladder = [\"144p30\"]",
        };
        let channel = writeln!(
            self.0,
            "[[channel]]\nname = \"{name}\"\ninput = {input}\n{ladder}\nsegment = 1\nwindow = 30\n"
        );
        channel.expect("a string takes all");
    }
}

/// A well-behaved publisher whose times never repeat or jump: a small picture and a tone, coded as it goes.
fn publisher(format: &str, to: &str) -> Peer {
    let inputs = "-nostdin -v error -re -f lavfi -i testsrc2=size=160x90:rate=15 -f lavfi -i sine=frequency=440:sample_rate=48000";
    let coded = "-c:v libx264 -preset ultrafast -threads 1 -g 15 -keyint_min 15 -sc_threshold 0 -pix_fmt yuv420p -b:v 100k \
                 -c:a aac -ac 2 -b:a 64k";
    let more: &[&str] = match format {
        "hls" => &["-hls_time", "1", "-hls_list_size", "12", "-hls_flags", "delete_segments+temp_file"],
        _ => &[],
    };
    let words: Vec<_> = inputs.split_whitespace().chain(coded.split_whitespace()).collect();
    Peer::start("ffmpeg", &[&words[..], more, &["-f", format, to]].concat())
}

/// A port that is free now.
fn free() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port")
}

/// A port with room for error correction above it.
fn free_with_correction() -> SocketAddr {
    loop {
        let at = free();
        let is_free = |above| {
            let port = at.port().checked_add(above);
            port.is_some_and(|port| UdpSocket::bind((at.ip(), port)).is_ok())
        };
        if is_free(2) && is_free(4) {
            return at;
        }
    }
}
