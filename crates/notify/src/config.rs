//! What the operator sets.

use identity::Secret;
use reach::Reach;

/// What the operator sets.
#[derive(Clone, Debug)]
pub struct Config {
    /// This installation's account: twelve digits.
    pub account: String,
    /// Where clients and subscribers come to the API, without a slash at its end: `https://api.example.org`. Links in messages,
    /// the signing certificate's address and queues' URLs begin with it.
    pub url: String,
    /// Which addresses webhooks may be at.
    pub reach: Reach,
    /// Who takes mail; without one, subscriptions by email are refused.
    pub smtp: Option<Smtp>,
}

/// The server that takes mail for delivery.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port: 25, 465 or 587 mostly.
    pub port: u16,
    /// How the connection is secured.
    pub tls: MailTls,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// The sender: `Headwater <alarms@example.org>`.
    pub from: String,
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// Not at all: for a server on this machine.
    None,
    /// By STARTTLS, which has to succeed.
    StartTls,
    /// From the first byte.
    Implicit,
}
