//! A resource as far as a plan looks at it.

use std::collections::BTreeMap;
use std::fmt;

/// What it is. In this order each kind needs only kinds before it: what is made goes forward, what is removed backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Where notifications go.
    Topic,
    /// Where pictures and sound come from.
    Input,
    /// Where an origin takes segments.
    OriginChannel,
    /// An encoder's work: takes inputs, pushes to an origin channel.
    Channel,
    /// How an origin channel is offered to players.
    Endpoint,
    /// How viewers reach endpoints.
    Distribution,
    /// A condition that is watched; tells a topic.
    Alarm,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Topic => "topic",
            Self::Input => "input",
            Self::OriginChannel => "origin channel",
            Self::Channel => "channel",
            Self::Endpoint => "endpoint",
            Self::Distribution => "distribution",
            Self::Alarm => "alarm",
        })
    }
}

/// Whose door made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The workflow file: it may change and remove it.
    File,
    /// Any API: the file leaves it alone.
    Api,
}

/// One resource. Kind and name say which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its name, unique among its kind.
    pub name: String,
    /// Whose door made it.
    pub owner: Owner,
    /// Its fields, each as text that is the same where the field is the same. Printed plans show their names only, for values may
    /// be secret.
    pub fields: BTreeMap<String, String>,
    /// What people are told of one that is made: never a secret. Two that differ in it alone are the same.
    pub about: String,
}
