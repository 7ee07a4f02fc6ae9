//! The packets of SRT, as far as a caller makes them (draft-sharabayko-srt-01 §3).

/// Extension types of a handshake.
const HANDSHAKE_REQUEST: u16 = 1;
pub(super) const KEY_REQUEST: u16 = 3;
const STREAM_ID: u16 = 5;

/// Control packet types.
pub(super) const HANDSHAKE: u16 = 0;
pub(super) const KEEP_ALIVE: u16 = 1;
pub(super) const SHUTDOWN: u16 = 5;

/// A handshake's fields, but for the address.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    pub(super) version: u32,
    pub(super) encryption: u16,
    pub(super) extension_flags: u16,
    pub(super) sequence: u32,
    pub(super) mtu: u32,
    pub(super) window: u32,
    pub(super) kind: u32,
    pub(super) id: u32,
    pub(super) cookie: u32,
    /// Type, and contents in whole words.
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
}

impl Handshake {
    /// A caller's first.
    pub(super) const fn induction(id: u32) -> Self {
        Self {
            version: 4,
            encryption: 0,
            extension_flags: 2,
            sequence: 1_000,
            mtu: 1_500,
            window: 8_192,
            kind: 1,
            id,
            cookie: 0,
            extensions: Vec::new(),
        }
    }

    /// A caller's second: with the cookie it was given, and the stream it wants.
    pub(super) fn conclusion(id: u32, cookie: u32, stream: &[u8]) -> Self {
        // Version 1.5.0; time stamps both ways, late packets dropped, losses told again, retransmissions marked; 120 ms.
        let request = [0, 1, 5, 0, 0, 0, 0, 0xBF, 0, 120, 0, 120];
        let mut extensions = vec![(HANDSHAKE_REQUEST, request.to_vec())];
        let mut extension_flags = 1;
        if !stream.is_empty() {
            extensions.push((STREAM_ID, words(stream)));
            extension_flags |= 4;
        }
        Self { version: 5, extension_flags, kind: u32::MAX, cookie, extensions, ..Self::induction(id) }
    }

    /// The packet; it goes to no connection yet.
    pub(super) fn packet(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&self.version.to_be_bytes());
        body.extend_from_slice(&self.encryption.to_be_bytes());
        body.extend_from_slice(&self.extension_flags.to_be_bytes());
        for word in [self.sequence, self.mtu, self.window, self.kind, self.id, self.cookie] {
            body.extend_from_slice(&word.to_be_bytes());
        }
        // The address, in words of the sender's order.
        body.extend_from_slice(&[1, 0, 0, 127]);
        body.extend_from_slice(&[0; 12]);
        for (kind, contents) in &self.extensions {
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&((contents.len() / 4) as u16).to_be_bytes());
            body.extend_from_slice(contents);
        }
        control(HANDSHAKE, 0, 0, 0, 0, &body)
    }
}

/// A handshake's answer: the version, the kind, the answerer's number and its cookie.
pub(super) fn answer(packet: &[u8]) -> Option<(u32, u32, u32, u32)> {
    let word = |at: usize| Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?));
    (word(0)? == 1 << 31).then_some(())?;
    Some((word(16)?, word(36)?, word(40)?, word(44)?))
}

/// Text in words whose bytes go backwards, the last one filled up.
fn words(text: &[u8]) -> Vec<u8> {
    text.chunks(4)
        .flat_map(|word| {
            let mut turned = [0; 4];
            turned[..word.len()].copy_from_slice(word);
            turned.reverse();
            turned
        })
        .collect()
}

/// A control packet.
pub(super) fn control(
    kind: u16,
    subtype: u16,
    information: u32,
    timestamp: u32,
    to: u32,
    body: &[u8],
) -> Vec<u8> {
    let mut packet = (0x8000 | kind).to_be_bytes().to_vec();
    packet.extend_from_slice(&subtype.to_be_bytes());
    for word in [information, timestamp, to] {
        packet.extend_from_slice(&word.to_be_bytes());
    }
    packet.extend_from_slice(body);
    packet
}

/// A data packet: `message` has the flags in its upper bits.
pub(super) fn data(sequence: u32, message: u32, timestamp: u32, to: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(16 + payload.len());
    for word in [sequence, message, timestamp, to] {
        packet.extend_from_slice(&word.to_be_bytes());
    }
    packet.extend_from_slice(payload);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_id_goes_out_in_words_turned_round() {
        let packet = Handshake::conclusion(7, 9, b"stream").packet();
        assert_eq!(&packet[packet.len() - 8..], b"erts\0\0ma");
        assert_eq!(answer(&packet), Some((5, u32::MAX, 7, 9)));
    }
}
