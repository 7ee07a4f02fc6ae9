//! What of a stream is wanted.

/// The choice of program and streams. The default is the first program, its first video and all of its audio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// The program by its number; none is the first of the association table.
    pub program: Option<u16>,
    /// The video by its PID; none is the first of the map.
    pub video_pid: Option<u16>,
    /// Audio by PIDs, in this order; none is all of it in the map's order.
    pub audio_pids: Option<Vec<u16>>,
}
