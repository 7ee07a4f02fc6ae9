//! Signatures of calls that changed something, so that nobody who overheard one makes it again.
//!
//! A signature's date has whole seconds. Clients sign each retry anew, but what they send twice within one second, a
//! retry or the same call made again in a loop, is the same to the byte, and AWS takes it. So a signature is good for as
//! long as its client may honestly repeat it, [`RESEND_S`] from when it was first seen, and then never again. Within
//! that time idempotency tokens tell a retry from a second call, as on AWS.
//!
//! Presigned URLs are not kept here: whoever has one may use it until it expires. That is what they are for.

use std::collections::{BTreeMap, HashMap};

use media::Utc;

use super::{Fault, Form, Verified, limits};

/// For how long after it was first seen the same signature is taken as a repetition by its client: the second it is
/// dated with, and what the network may hold it back.
pub const RESEND_S: i64 = 5;

const SECOND: i64 = 1_000_000;

/// Whether a signature was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not before.
    First,
    /// Within [`RESEND_S`].
    Again,
}

/// The signatures that may still be in date, at most as many as its bound says.
///
/// When it is full, the oldest dates are forgotten, and from then on whatever is dated no later is refused: more calls
/// than the bound cost clients whose clocks are slow, not safety.
#[derive(Debug)]
pub struct Replays {
    first_seen: HashMap<[u8; 32], Utc>,
    by_date: BTreeMap<Utc, Vec<[u8; 32]>>,
    bound: usize,
    /// Nothing dated up to here is told from a replay any more.
    floor: Utc,
}

impl Replays {
    /// None yet. It holds at most `bound` signatures (about 120 bytes each).
    ///
    /// Calls dated up to `floor` are refused: at a start the present time keeps out whatever the process before saw,
    /// and with it clients whose clocks are slow, for as many minutes as they are; [`Utc`] zero trusts.
    pub fn new(bound: usize, floor: Utc) -> Self {
        Self { first_seen: HashMap::new(), by_date: BTreeMap::new(), bound, floor }
    }

    /// Lets a verified call that changes something pass, and remembers it; on [`Fault::Replayed`] nothing changed.
    pub fn admit(&mut self, call: &Verified, now: Utc) -> Result<Seen, Fault> {
        if call.form != Form::Header {
            return Ok(Seen::First);
        }
        self.forget_what_is_out_of_date(now);
        if let Some(first) = self.first_seen.get(&call.signature) {
            let since = now.0 - first.0;
            return if since <= RESEND_S * SECOND { Ok(Seen::Again) } else { Err(Fault::Replayed) };
        }
        if call.signed <= self.floor {
            return Err(Fault::Replayed);
        }
        self.first_seen.insert(call.signature, now);
        self.by_date.entry(call.signed).or_default().push(call.signature);
        while self.first_seen.len() > self.bound {
            self.forget_the_oldest();
        }
        Ok(Seen::First)
    }

    /// How many it holds.
    pub fn len(&self) -> usize {
        self.first_seen.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.first_seen.is_empty()
    }

    /// [`Claim::verify`](super::Claim::verify) refuses what is older than the longest skew by itself.
    fn forget_what_is_out_of_date(&mut self, now: Utc) {
        let oldest = now.plus_micros(-(limits::SKEW_S3_S + 1) * SECOND);
        while self.by_date.first_key_value().is_some_and(|(date, _)| *date < oldest) {
            self.forget_the_oldest();
        }
    }

    fn forget_the_oldest(&mut self) {
        let Some((date, signatures)) = self.by_date.pop_first() else { return };
        for signature in signatures {
            self.first_seen.remove(&signature);
        }
        self.floor = self.floor.max(date);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::{Payload, Scope};

    fn call(number: u8, signed_s: i64) -> Verified {
        Verified {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            scope: Scope { day: "19700101".into(), region: "r".into(), service: "s".into() },
            signed: at(signed_s),
            form: Form::Header,
            payload: Payload::Signed,
            signature: [number; 32],
        }
    }

    fn at(seconds: i64) -> Utc {
        Utc(seconds * SECOND)
    }

    #[test]
    fn the_same_call_within_seconds_is_its_clients_and_later_a_replay() {
        let mut replays = Replays::new(10, at(0));
        assert_eq!(replays.admit(&call(1, 100), at(101)), Ok(Seen::First));
        assert_eq!(replays.admit(&call(1, 100), at(101)), Ok(Seen::Again));
        assert_eq!(replays.admit(&call(1, 100), at(101 + RESEND_S)), Ok(Seen::Again));
        assert_eq!(replays.admit(&call(1, 100), at(102 + RESEND_S)), Err(Fault::Replayed));
        assert_eq!(replays.admit(&call(2, 100), at(102 + RESEND_S)), Ok(Seen::First));
        // Being repeated does not make it last.
        assert_eq!(replays.admit(&call(1, 100), at(103 + RESEND_S)), Err(Fault::Replayed));
        assert_eq!(replays.admit(&call(1, 100), at(100 + limits::SKEW_S3_S)), Err(Fault::Replayed));
    }

    #[test]
    fn what_is_out_of_date_is_forgotten_and_still_refused() {
        let mut replays = Replays::new(10, at(0));
        replays.admit(&call(1, 100), at(100)).unwrap();
        let late = at(102 + limits::SKEW_S3_S);
        assert_eq!(replays.admit(&call(2, 900), late), Ok(Seen::First));
        assert_eq!(replays.len(), 1);
        assert_eq!(replays.admit(&call(1, 100), late), Err(Fault::Replayed));
    }

    #[test]
    fn a_full_one_refuses_what_it_had_to_forget() {
        let mut replays = Replays::new(3, at(0));
        for number in 1..=4 {
            assert_eq!(replays.admit(&call(number, 100 + i64::from(number)), at(110)), Ok(Seen::First));
        }
        assert_eq!(replays.len(), 3);
        assert_eq!(replays.admit(&call(1, 101), at(110)), Err(Fault::Replayed));
        assert_eq!(replays.admit(&call(9, 101), at(110)), Err(Fault::Replayed));
        assert_eq!(replays.admit(&call(2, 102), at(110)), Ok(Seen::Again));
    }

    #[test]
    fn what_was_signed_before_the_start_is_refused_where_the_caller_wants() {
        let mut replays = Replays::new(3, at(100));
        assert_eq!(replays.admit(&call(1, 100), at(101)), Err(Fault::Replayed));
        assert_eq!(replays.admit(&call(1, 101), at(101)), Ok(Seen::First));
        assert!(!replays.is_empty());
    }

    #[test]
    fn a_presigned_url_is_for_using() {
        let mut replays = Replays::new(3, at(0));
        let url = Verified { form: Form::Presigned { expires_s: 900 }, ..call(1, 100) };
        for _ in 0..2 {
            assert_eq!(replays.admit(&url, at(500)), Ok(Seen::First));
        }
    }
}
