//! Hostile RTMP publishers.
//!
//! - [`talk`]: a connection, and what a publisher says on it.
//! - [`before`]: what is done without a stream key, or with one and no stream: handshakes, chunks, AMF, floods.
//! - [`media`]: what is done once the stream is let in: tags, headers, times.

mod before;
mod media;
mod talk;

use super::site::Site;
use crate::random::Random;

/// Of so many publishes one gets as far as its stream. A publisher that comes and goes waits two seconds to be let in, so that a target
/// takes one in three seconds.
const ONE_IN_STREAMS: u64 = 8;

/// Makes a publish; what was done.
pub fn publish(site: &Site, random: &mut Random) -> &'static str {
    // A server that hangs up is what is wanted; what was done is told all the same.
    if random.one_in(ONE_IN_STREAMS) {
        site.rtmp_keys.with(|key| media::publish(site, key, random))
    } else {
        before::publish(site, random)
    }
}
