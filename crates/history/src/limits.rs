//! What a history may cost.

/// Bounds of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most series, a metric counting once for each unit. Above it new ones are refused.
    pub series: usize,
    /// Most bytes of names and dimensions of all series.
    pub names_bytes: usize,
    /// Bytes of values in memory, of each resolution, that make a block before its time. At twice as many, while a block cannot be
    /// written, values are refused.
    pub memory_bytes: usize,
    /// Most bytes of blocks of each resolution on disk; above it the oldest go before their time.
    pub disk_bytes: u64,
}

impl Default for Limits {
    /// 20,000 series, 32 MiB of names, 32 MiB of values, 4 GiB on disk: 1,000 metrics with a value a minute take 12 MiB of memory and,
    /// in 15 days, about 300 MiB of disk.
    fn default() -> Self {
        Limits { series: 20_000, names_bytes: 32 << 20, memory_bytes: 32 << 20, disk_bytes: 4 << 30 }
    }
}

/// How one resolution is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Its folder's name.
    pub(crate) name: &'static str,
    /// Seconds of a step.
    pub(crate) step_s: i64,
    /// Seconds that are kept.
    pub(crate) kept_s: i64,
    /// Seconds between two blocks.
    pub(crate) block_s: i64,
}

/// Minutes: 15 days in 120 files. Fewer would hold more memory, more would mean more reads for a day.
pub(crate) const MINUTES: Keep = Keep { name: "minutes", step_s: 60, kept_s: 15 * 86_400, block_s: 3 * 3600 };
/// Seconds: three hours in twelve files.
pub(crate) const SECONDS: Keep = Keep { name: "seconds", step_s: 1, kept_s: 3 * 3600, block_s: 900 };
