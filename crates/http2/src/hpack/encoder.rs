//! Fields as a header block that needs no table but the static one (RFC 7541 §6.1, §6.2.2).

use super::{huffman, integer};

/// Says that the dynamic table is empty from here on (§6.3): the first byte of a block after the peer has asked for a
/// smaller table.
pub const EMPTY_TABLE: u8 = 0x20;

/// Appends `:status`, which comes first in a response.
pub fn status(status: u16, block: &mut Vec<u8>) {
    let index = match status {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        other => {
            integer::write(0, 4, 8, block);
            block.push(3);
            block.extend_from_slice(&[
                b'0' + (other / 100 % 10) as u8,
                b'0' + (other / 10 % 10) as u8,
                b'0' + (other % 10) as u8,
            ]);
            return;
        }
    };
    block.push(0x80 | index);
}

/// Appends a field as a literal that goes into no table; `name` is in lower case.
pub fn field(name: &[u8], value: &[u8], block: &mut Vec<u8>) {
    name_of(name, block);
    text(value, block);
}

/// The same without Huffman coding: for what changes with every answer.
pub fn field_raw(name: &[u8], value: &[u8], block: &mut Vec<u8>) {
    name_of(name, block);
    integer::write(0, 7, value.len(), block);
    block.extend_from_slice(value);
}

fn name_of(name: &[u8], block: &mut Vec<u8>) {
    match static_name(name) {
        Some(index) => integer::write(0, 4, index, block),
        None => {
            block.push(0);
            text(name, block);
        }
    }
}

fn text(text: &[u8], block: &mut Vec<u8>) {
    let coded = huffman::coded_len(text);
    if coded < text.len() {
        integer::write(0x80, 7, coded, block);
        huffman::encode(text, block);
    } else {
        integer::write(0, 7, text.len(), block);
        block.extend_from_slice(text);
    }
}

/// The first static entry of this name, of those that stand in responses.
fn static_name(name: &[u8]) -> Option<usize> {
    Some(match name {
        b"accept-ranges" => 18,
        b"access-control-allow-origin" => 20,
        b"age" => 21,
        b"allow" => 22,
        b"cache-control" => 24,
        b"content-disposition" => 25,
        b"content-encoding" => 26,
        b"content-language" => 27,
        b"content-length" => 28,
        b"content-location" => 29,
        b"content-range" => 30,
        b"content-type" => 31,
        b"date" => 33,
        b"etag" => 34,
        b"expires" => 36,
        b"last-modified" => 44,
        b"link" => 45,
        b"location" => 46,
        b"retry-after" => 53,
        b"server" => 54,
        b"set-cookie" => 55,
        b"strict-transport-security" => 56,
        b"vary" => 59,
        b"via" => 60,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::STATIC;
    use super::*;

    #[test]
    fn names_are_found_where_the_table_has_them() {
        let mut found = 0;
        for (at, (name, _)) in STATIC.iter().enumerate() {
            if let Some(index) = static_name(name) {
                assert_eq!(index, at + 1, "{}", String::from_utf8_lossy(name));
                found += 1;
            }
        }
        assert_eq!(found, 24);
    }
}
