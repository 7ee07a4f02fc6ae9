//! Publishers that cost next to nothing: coded once, sent over and over.

use std::path::{Path, PathBuf};

use e2e::{Peer, ffmpeg};
use rustix::process::Signal;

/// Which of two inputs a picture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The channel's `input`.
    Primary,
    /// Its `backup`.
    Backup,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Backup,
            Self::Backup => Self::Primary,
        }
    }

    /// Its name in events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }

    /// Cb of its pictures; see [`crate::picture`].
    pub(crate) const fn cb(self) -> u8 {
        match self {
            Self::Primary => 200,
            Self::Backup => 70,
        }
    }
}

/// Makes the file that `side` sends over and over: eight seconds of one colour that is a little brighter with each frame, for a
/// second, and a tone.
pub fn material(folder: &Path, side: Side) -> PathBuf {
    let file = folder.join(format!("{}.flv", side.as_str()));
    let picture = format!(
        "color=size=320x180:rate=30:duration=8,format=yuv420p,geq=lum='50+5*mod(N,30)':cb={}:cr=100",
        side.cb()
    );
    let tone = match side {
        Side::Primary => "sine=frequency=440:sample_rate=48000:duration=8",
        Side::Backup => "sine=frequency=660:sample_rate=48000:duration=8",
    };
    let coded = "-c:v libx264 -preset medium -bf 2 -g 15 -keyint_min 15 -sc_threshold 0 -b:v 200k -c:a aac -ac 2 -b:a 64k";
    let inputs = ["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", tone];
    let coded: Vec<&str> = coded.split(' ').collect();
    let path = file.to_str().expect("a path that is text");
    ffmpeg("ffmpeg", &[&inputs[..], &coded, &[path]].concat());
    file
}

/// Sends one file to one address, when it is told to.
#[derive(Debug)]
pub struct Publisher {
    file: PathBuf,
    url: String,
    peer: Option<Peer>,
}

impl Publisher {
    /// One that does not send yet.
    pub fn new(file: PathBuf, url: String) -> Self {
        Self { file, url, peer: None }
    }

    /// Begins to send, times from `offset_s` on; one that sends already is killed first.
    pub fn start(&mut self, offset_s: u64) {
        self.kill();
        let file = self.file.to_str().expect("a path that is text");
        let offset = offset_s.to_string();
        let arguments = ["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy"];
        let rest = ["-output_ts_offset", &offset, "-f", "flv", &self.url];
        self.peer = Some(Peer::start("ffmpeg", &[&arguments[..], &rest].concat()));
    }

    /// Ends without a word.
    pub fn kill(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.kill();
        }
    }

    /// Stands still, its connection open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Goes on, and sends at once what it has missed.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(peer) = &self.peer {
            peer.signal(signal);
        }
    }
}
