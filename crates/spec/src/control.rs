//! How the control role keeps what it is told, and how it is reached.

use crate::fault::Fault;
use crate::fields::Fields;
use crate::mail::Mail;

/// `[control]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// `store`: a SQLite file, or a `postgres://` URL; default `control/headwater.db` in the data folder.
    pub store: Option<String>,
    /// `host`: the name by which clients reach this machine, which answers of the APIs hold; default `localhost`.
    pub host: String,
    /// `allow_private`: whether URLs that come by API may lead into this machine's own networks; default false.
    pub allow_private: bool,
    /// `[control.mail]`: who takes mail for delivery; without it, subscriptions by mail are refused.
    pub mail: Option<Mail>,
}

impl Default for Control {
    fn default() -> Self {
        Self { store: None, host: "localhost".to_owned(), allow_private: false, mail: None }
    }
}

impl Control {
    /// Longest host name (RFC 1035 §2.3.4).
    const MAX_HOST: usize = 253;

    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut control = Self::default();
        if let Some(field) = fields.take("store") {
            let store = field.string()?;
            if store.is_empty() {
                return Err(field.fault(
                    "a store is a file, such as \"/var/lib/headwater.db\", or \"postgres://user:password@host/database\"",
                ));
            }
            control.store = Some(store.to_owned());
        }
        if let Some(field) = fields.take("host") {
            let host = field.string()?;
            let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-');
            if host.is_empty() || host.len() > Self::MAX_HOST || !host.chars().all(fits) {
                return Err(field.fault(
                    "a host name or IPv4 address without a port is wanted here, such as \"live.example\"",
                ));
            }
            control.host = host.to_ascii_lowercase();
        }
        control.allow_private = fields.flag("allow_private")?;
        if let Some(field) = fields.take("mail") {
            control.mail = Some(Mail::read(field.table()?)?);
        }
        fields.finish()?;
        Ok(control)
    }
}
