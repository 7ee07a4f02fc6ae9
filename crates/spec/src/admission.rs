//! Who may publish at a door that all publishers share, and what becomes of a second one.

use std::fmt;
use std::net::IpAddr;

use crate::fault::Fault;
use crate::fields::Fields;
use crate::network::{self, Network};

/// Whom an input that is pushed by RTMP or SRT lets in: who knows its name, comes from the right place, and comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// `from`: addresses and networks of publishers, 1 to 16; anybody's where it is not set.
    pub from: Vec<Network>,
    /// `second`: what becomes of a publisher at whose door another is on air.
    pub second: Second,
}

/// `second`: what becomes of a publisher at whose door another is on air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Second {
    /// `"refuse"`: it is refused, unless the one on air has been silent for three seconds.
    #[default]
    IsRefused,
    /// `"replace"`: it takes the other's place.
    Replaces,
}

impl Admission {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let from = match fields.take("from") {
            None => Vec::new(),
            Some(field) => network::read_senders(field, |_| Ok(()))?,
        };
        let second = match fields.take("second") {
            None => Second::default(),
            Some(field) => field.choice(&[("refuse", Second::IsRefused), ("replace", Second::Replaces)])?,
        };
        Ok(Self { from, second })
    }

    /// Whether who calls from `address` may publish.
    pub fn lets_in(&self, address: IpAddr) -> bool {
        self.from.is_empty() || self.from.iter().any(|network| network.contains(address))
    }
}

/// What the operator is told of it, behind the input: nothing, or ` from 192.0.2.0/24`.
impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from.is_empty() {
            true => Ok(()),
            false => write!(f, " from {}", network::joined(&self.from)),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Input;
    use crate::channel::read_input as read;

    #[test]
    fn publishers_may_be_bound_to_where_they_come_from() {
        let Ok(Input::Rtmp(input)) = read("{ rtmp = \"live/main\", from = [\"10.0.0.0/8\", \"::1\"] }")
        else {
            panic!("valid")
        };
        let lets_in = |address: &str| input.admission.lets_in(address.parse().expect(address));
        assert!(lets_in("10.2.3.4") && lets_in("::ffff:10.2.3.4") && lets_in("::1"));
        assert!(!lets_in("192.0.2.1") && !lets_in("::2"));
        assert!(Admission::default().lets_in(IpAddr::from([192, 0, 2, 1])));
        let input = read("{ srt = \"main\", from = \"10.0.0.9\" }").expect("valid");
        expect!["SRT publisher of main from 10.0.0.9, in the clear, latency 0.12 s"]
            .assert_eq(&input.to_string());
        expect![
            "line 3: channel[0].input.from: 1 to 16 senders can be named; without `from` anybody may send"
        ]
        .assert_eq(&read("{ rtmp = \"live/main\", from = [] }").expect_err("none"));
    }
}
