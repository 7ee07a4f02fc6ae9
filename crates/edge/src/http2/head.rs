//! An answer's head as an HTTP/2 header block (RFC 7541).

use std::time::Instant;

use bytes::Bytes;
use http2::{Connection, End, StreamId, hpack};

use crate::counters::Phase;
use crate::respond::{Answer, Head, Shown};

/// Appends the head of `answer`, with `alt_svc` where there is one; `scratch` is emptied.
pub(super) fn write(
    answer: &Answer,
    alt_svc: Option<&str>,
    connection: &mut Connection,
    stream: StreamId,
    now: Instant,
    scratch: &mut Vec<u8>,
    output: &mut Vec<u8>,
) {
    scratch.clear();
    let also = |scratch: &mut Vec<u8>| {
        if let Some(value) = alt_svc {
            hpack::field_raw(b"alt-svc", value.as_bytes(), scratch);
        }
    };
    let end = if answer.body.is_nothing() { End::Yes } else { End::No };
    if let Head::Object { object, shown: Shown::Whole } = &answer.head
        && answer.phase == Phase::Hit
        && answer.dress.is_none()
        && let Some(whole) = object.whole()
    {
        let kept = whole.hit_block.get_or_init(|| lasting(answer));
        answer.each_passing_field(now, |name, value| hpack::field_raw(name, value, scratch));
        also(scratch);
        return connection.send_headers(stream, &[kept, scratch], end, output);
    }
    hpack::status(answer.status.as_u16(), scratch);
    answer.each_field(now, |name, value| hpack::field_raw(name, value, scratch));
    also(scratch);
    connection.send_headers(stream, &[scratch], end, output);
}

/// What the heads of all hits on an object have in common.
fn lasting(answer: &Answer) -> Bytes {
    let mut block = Vec::with_capacity(512);
    hpack::status(answer.status.as_u16(), &mut block);
    answer.each_lasting_field(|name, value| hpack::field(name, value, &mut block));
    block.into()
}
