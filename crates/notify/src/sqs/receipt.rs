//! Receipt handles: which message of which queue, taken how often.

use aws::Error;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::random;

/// What a handle says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The message's number.
    pub(super) number: i64,
    /// How often it had been taken then.
    pub(super) taken: i64,
}

impl Receipt {
    /// The handle, for a message of `queue`.
    pub(super) fn handle(self, queue: &str) -> String {
        let mark = &random::digest(queue)[..16];
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}:{mark}", self.number, self.taken))
    }

    /// Reads a handle of `queue`.
    pub(super) fn read(handle: &str, queue: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
                .with_code("ReceiptHandleIsInvalid")
        };
        if handle.len() > 128 {
            return Err(wrong());
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(handle).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let mut parts = text.split(':');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let read = number().zip(number());
        match (read, parts.next(), parts.next()) {
            (Some((number, taken)), Some(mark), None) if mark == &random::digest(queue)[..16] => {
                Ok(Self { number, taken })
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_by_its_queue_alone() {
        let receipt = Receipt { number: 77, taken: 3 };
        let handle = receipt.handle("q");
        assert_eq!(Receipt::read(&handle, "q"), Ok(receipt));
        assert!(Receipt::read(&handle, "r").is_err());
        for wrong in ["", "a", "!!", &handle[..8], &"a".repeat(200)] {
            assert!(Receipt::read(wrong, "q").is_err(), "{wrong}");
        }
    }
}
