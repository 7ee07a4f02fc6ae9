//! libsrt's own declarations.

#![allow(
    clippy::all,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unused_qualifications,
    clippy::undocumented_unsafe_blocks,
    reason = "made from a C header"
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
