mod dash;
mod hls;
mod invariants;
mod numbering;
