//! The whole stack, started as users start it, with real peers.
//!
//! - [`Stack`]: `headwater up` on ports of its own, in a temporary folder; stopped when dropped.
//! - [`Peer`]: another program (ffmpeg, GStreamer), killed when dropped.
//! - [`hls`]: playlists as a player reads them.
//! - [`decode`]: what ffmpeg sees and hears in a stream.
//! - [`aws`]: AWS's own clients, from `.venv` (`scripts/aws-clients`).
//! - [`browser`]: Chromium with hls.js.
//!
//! The binaries come from `HEADWATER_BIN_DIR`, or `target/release` of this workspace (`make build`).

mod answer;
pub mod aws;
mod beside;
pub mod browser;
pub mod decode;
pub mod hls;
mod peer;
mod ports;
mod stack;
pub mod tracks;

pub use answer::Answer;
pub use beside::beside;
pub use peer::{Peer, ffmpeg};
pub use ports::free_port;
pub use rustix::process::Signal;
pub use stack::{PATIENCE, Stack, binary, eventually, is_alive, signal};
