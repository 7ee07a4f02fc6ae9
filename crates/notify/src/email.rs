//! Parcels to addresses, by the operator's mail server.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::config::{MailTls, Smtp};
use crate::webhook::Fault;

/// How long each step of a delivery may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends mails.
pub(crate) struct Mailer {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// Settings that no mail can be sent with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailFault {
    #[error("the sender `{0}` is no address")]
    Sender(String),
    #[error("the mail server's settings: {0}")]
    Server(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// A mailer by these settings. Connects only when there is something to send.
    pub(crate) fn new(smtp: &Smtp) -> Result<Self, MailFault> {
        let from = smtp.from.parse().map_err(|_| MailFault::Sender(smtp.from.clone()))?;
        let tls = match smtp.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(TlsParameters::new(smtp.host.clone())?),
            MailTls::Implicit => Tls::Wrapper(TlsParameters::new(smtp.host.clone())?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some((user, password)) = &smtp.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self { from, transport: builder.build() })
    }

    /// Sends one mail.
    pub(crate) async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), Fault> {
        let to = address(to).ok_or_else(|| Fault::MailRefused(format!("`{to}` is no address")))?;
        let mail = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|fault| Fault::MailRefused(fault.to_string()))?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_permanent() => Err(Fault::MailRefused(fault.to_string())),
            Err(fault) => Err(Fault::Mail(fault.to_string())),
        }
    }
}

/// An address without a name, as subscriptions have it.
pub(crate) fn address(text: &str) -> Option<Mailbox> {
    let address: lettre::Address = text.parse().ok()?;
    (text.len() <= 320).then(|| Mailbox::new(None, address))
}
