//! Contribution: terminates RTMP and hands samples to encoders.
