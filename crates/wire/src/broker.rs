//! What an encoder process asks its supervisor for, over a socket pair of whole messages (`SOCK_SEQPACKET`): one of a
//! closed set of things that its [`Job`](crate::Job) names. No path and no address travels; the answer is a descriptor.
//!
//! ```text
//! request: kind (1 byte), channel (2), place (1)       the channel's and the file's place in the job, big-endian
//! answer:  0 and one descriptor, or errno (4 bytes, big-endian) and none
//! ```

/// Length of a request, in bytes.
pub const REQUEST_BYTES: usize = 4;
/// Length of an answer, in bytes.
pub const ANSWER_BYTES: usize = 4;

/// One thing asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A listener on the job's metrics socket.
    Metrics,
    /// A listener on the job's control socket.
    Control,
    /// A connection to the publishing point of a channel.
    Origin {
        /// Its place in [`Job::channels`](crate::Job::channels).
        channel: u16,
    },
    /// A connection to ingest, for the samples of a channel.
    Samples {
        /// Its place in [`Job::channels`](crate::Job::channels).
        channel: u16,
    },
    /// A file that a channel names, opened to be read.
    File {
        /// Its place in [`Job::channels`](crate::Job::channels).
        channel: u16,
        /// Its place in [`ChannelJob::files`](crate::ChannelJob::files).
        place: u8,
    },
}

/// The message is none of the requests there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such request")]
pub struct NoRequest;

impl Request {
    /// As it travels.
    pub const fn encode(self) -> [u8; REQUEST_BYTES] {
        let (kind, channel, place) = match self {
            Self::Metrics => (0, 0, 0),
            Self::Origin { channel } => (1, channel, 0),
            Self::Samples { channel } => (2, channel, 0),
            Self::File { channel, place } => (3, channel, place),
            Self::Control => (4, 0, 0),
        };
        let [high, low] = channel.to_be_bytes();
        [kind, high, low, place]
    }

    /// Reads one message, whole as it came.
    pub fn decode(message: &[u8]) -> Result<Self, NoRequest> {
        let [kind, high, low, place] = *message else { return Err(NoRequest) };
        let channel = u16::from_be_bytes([high, low]);
        match (kind, channel, place) {
            (0, 0, 0) => Ok(Self::Metrics),
            (1, channel, 0) => Ok(Self::Origin { channel }),
            (2, channel, 0) => Ok(Self::Samples { channel }),
            (3, channel, place) => Ok(Self::File { channel, place }),
            (4, 0, 0) => Ok(Self::Control),
            _ => Err(NoRequest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_request_or_nothing_and_a_request_has_one_form() {
        let mut requests = 0;
        for kind in 0..=u8::MAX {
            for (channel, place) in [(0, 0), (0, 1), (1, 0), (0x0102, 3), (u16::MAX, u8::MAX)] {
                let [high, low] = u16::to_be_bytes(channel);
                let message = [kind, high, low, place];
                if let Ok(request) = Request::decode(&message) {
                    assert_eq!(request.encode(), message);
                    requests += 1;
                }
            }
        }
        assert_eq!(requests, 1 + 2 + 2 + 5 + 1);
        for length in [0, 1, 3, 5, 64] {
            assert_eq!(Request::decode(&vec![1; length]), Err(NoRequest), "{length} bytes");
        }
    }
}
