//! `headwater-encoder`: one process per transcoding channel, one for all passthrough channels.
fn main() {}
