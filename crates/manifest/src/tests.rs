mod dash;
mod hls;
mod invariants;
mod low_latency;
mod numbering;
mod view;
