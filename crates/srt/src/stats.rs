//! What a connection knows of its link.

use std::time::Duration;

use crate::error::Error;
use crate::ffi;
use crate::socket::SocketId;

/// A connection's figures: counts since its start, the rest as it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Round trip time, smoothed.
    pub rtt: Duration,
    /// What the link could carry, bits a second, as estimated from packet pairs.
    pub bandwidth_bps: f64,
    /// Data packets received, those sent again among them.
    pub received: u64,
    /// Packets missed when a later one came; most are sent again.
    pub lost: u64,
    /// Packets received that had been sent before.
    pub retransmitted: u64,
    /// Packets given up because they had not come when their time was up: holes in the stream.
    pub dropped: u64,
    /// Packets that could not be decrypted.
    pub undecrypted: u64,
    /// Span of what is received and not yet read.
    pub buffered: Duration,
    /// The latency both sides agreed on.
    pub latency: Duration,
}

impl Stats {
    /// The figures of `id`; retransmitted ones are counted by libsrt since they were last read, here in `retransmitted`.
    pub(crate) fn read(id: SocketId, retransmitted: &mut u64) -> Result<Self, Error> {
        let mut perf = ffi::SRT_TRACEBSTATS::default();
        // SAFETY: `perf` is a whole structure of the header this was built with; later libraries only append to it
        // under a new version of the library's name.
        let result = unsafe { ffi::srt_bistats(id.0, &mut perf, CLEAR, INSTANTANEOUS) };
        if result == ffi::SRT_ERROR {
            return Err(Error::last("read an SRT connection's figures"));
        }
        let count = |number: i32| u64::try_from(number).unwrap_or(0);
        let ms = |number: i32| Duration::from_millis(count(number));
        *retransmitted += count(perf.pktRcvRetrans);
        Ok(Self {
            rtt: Duration::try_from_secs_f64(perf.msRTT / 1e3).unwrap_or_default(),
            bandwidth_bps: perf.mbpsBandwidth * 1e6,
            received: u64::try_from(perf.pktRecvTotal).unwrap_or(0),
            lost: count(perf.pktRcvLossTotal),
            retransmitted: *retransmitted,
            dropped: count(perf.pktRcvDropTotal),
            undecrypted: count(perf.pktRcvUndecryptTotal),
            buffered: ms(perf.msRcvBuf),
            latency: ms(perf.msRcvTsbPdDelay),
        })
    }
}

/// Counts that have no total start anew at each reading.
const CLEAR: i32 = 1;
const INSTANTANEOUS: i32 = 1;
