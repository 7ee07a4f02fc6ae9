//! A small safe face on FFmpeg's libraries; the only unsafe code.
