//! Reads codec headers into track formats.
