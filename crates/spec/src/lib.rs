//! What may exist: the workflow file read into valid values.
//!
//! [`Workflow::parse`] is the only door. Past it every channel name is unique, every ladder is non-empty and every
//! number is within its bound, so nobody checks again. A [`Fault`] names line, field and bound.

mod access;
mod admission;
mod audio;
mod channel;
mod control;
mod datagrams;
pub mod distribution;
mod edge;
mod edge_limits;
mod encoder;
mod endpoint;
mod failover;
mod fault;
mod fields;
mod file;
mod fill;
mod hls;
mod hls_push;
mod ladder;
mod latency;
mod listen;
mod manifest;
mod network;
mod origin_url;
mod pipelines;
mod rtmp;
mod rung;
mod select;
mod srt;
mod tls;
mod workflow;

pub use access::{Access, AccessKey, KeyFile};
pub use admission::{Admission, Second};
pub use audio::AudioRendition;
pub use channel::{Backup, Channel, Input, RtmpKey};
pub use control::Control;
pub use datagrams::{Leg, Rtp, Udp};
pub use distribution::Distribution;
pub use edge::{Disk, Edge};
pub use edge_limits::EdgeLimits;
pub use encoder::{Encoder, Sandbox};
pub use endpoint::{Endpoint, Identifier, IdentifierValue};
pub use failover::{Failover, Preference};
pub use fault::Fault;
pub use file::{FileItem, Files};
pub use fill::{Fill, Slate};
pub use hls::HlsPull;
pub use hls_push::{HlsPush, PushPlace, pushed_file};
pub use http_auth::{Login, Password};
pub use ladder::{Ladder, usual_bitrate};
pub use latency::Latency;
pub use listen::Listen;
pub use manifest::{DateInterval, Manifest, ManifestKind, ManifestOrder, MpdSettings};
pub use network::Network;
pub use origin_url::{OriginUrl, OriginUrlFault, Scheme};
pub use pipelines::Pipelines;
pub use rtmp::RtmpCall;
pub use rung::{Preset, Profile, Rung};
pub use select::Select;
pub use srt::{Passphrase, SrtCall, SrtListen, SrtTerms};
pub use tls::{Acme, Certificate, Tls};
pub use workflow::Workflow;
