//! The role as publishers and encoders meet it: real encoders push over loopback, a subscriber takes the samples.

mod client;
mod datagrams;
mod doors;
mod encoders;
mod enhanced;
mod harness;
mod lossy;
mod pull;
mod push;
mod refusals;
mod relay;
mod sessions;
mod srt;
