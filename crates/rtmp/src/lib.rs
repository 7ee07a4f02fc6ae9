//! The RTMP protocol as a value you feed.
