//! Packets that libsrt must not see.
//!
//! A sender that gives packets up tells the receiver which (message drop request, draft-sharabayko-srt-01 §3.2.9). libsrt
//! 1.5.1 takes the range as it comes and walks it packet by packet, in the thread that receives for every connection of the port: one packet
//! of whoever is let in, and nobody is received for minutes. So the kernel drops requests for more than a sender has reason to give up at
//! once. Nothing is lost by that: a receiver in live mode gives late packets up by its own clock.

use std::io;
use std::net::UdpSocket;

use socket2::{SockFilter, SockRef};

/// Packets that may be given up at once. In live mode a message is one packet, and a burst of losses some hundred.
const MAX_GIVEN_UP: u32 = 1_024;

/// Bytes of the UDP header, which the filter sees too.
const UDP: u32 = 8;
/// The first two bytes of a message drop request: control packet, type 7.
const DROP_REQUEST: u32 = 0x8007;
/// Where the first and the last sequence number stand, behind the header of 16 bytes.
const FIRST: u32 = UDP + 16;
const LAST: u32 = FIRST + 4;
/// Sequence numbers have 31 bits.
const NO_NUMBER: u32 = 1 << 31;

// Classic BPF, as in linux/bpf_common.h.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const TO_INDEX: u16 = 0x07;
const SUBTRACT_INDEX: u16 = 0x1C;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Where the jumps lead: a load beyond the packet's end drops it too.
const PASS: u32 = u32::MAX;
const DROP: u32 = 0;

/// Keeps such packets from whoever reads `socket`, from now on.
///
/// # Errors
/// When the system has no socket filters.
pub(crate) fn attach(socket: &UdpSocket) -> io::Result<()> {
    let program = [
        /* 0 */ SockFilter::new(LOAD_HALF, 0, 0, UDP),
        /* 1 */ SockFilter::new(JUMP_IF_EQUAL, 0, 8, DROP_REQUEST), // else pass (10)
        /* 2 */ SockFilter::new(LOAD_WORD, 0, 0, FIRST),
        /* 3 */ SockFilter::new(JUMP_IF_SET, 7, 0, NO_NUMBER), // drop (11)
        /* 4 */ SockFilter::new(TO_INDEX, 0, 0, 0),
        /* 5 */ SockFilter::new(LOAD_WORD, 0, 0, LAST),
        /* 6 */ SockFilter::new(JUMP_IF_SET, 4, 0, NO_NUMBER), // drop (11)
        /* 7 */ SockFilter::new(SUBTRACT_INDEX, 0, 0, 0),
        /* 8 */ SockFilter::new(AND, 0, 0, !NO_NUMBER),
        /* 9 */ SockFilter::new(JUMP_IF_AT_LEAST, 1, 0, MAX_GIVEN_UP), // drop (11)
        /* 10 */ SockFilter::new(RETURN, 0, 0, PASS),
        /* 11 */ SockFilter::new(RETURN, 0, 0, DROP),
    ];
    SockRef::from(socket).attach_filter(&program)
}
