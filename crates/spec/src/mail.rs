//! Who takes mail for delivery.

use std::path::PathBuf;

use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::srt::host_and_port;

/// `[control.mail]`: the server by which subscribers to topics get mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `server`: its name or address; an IPv6 address without its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `tls`: how the connection is secured; default `"starttls"`.
    pub tls: MailTls,
    /// `from`: the sender, `Headwater <alarms@example.org>`.
    pub from: String,
    /// `user` and `password_file`, whose first line is the password.
    pub login: Option<(String, PathBuf)>,
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// `"none"`: not at all, for a server on this machine.
    None,
    /// `"starttls"`: by STARTTLS, which has to succeed.
    StartTls,
    /// `"implicit"`: from the first byte.
    Implicit,
}

impl Mail {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let field = fields.need("server", "\"smtp.example.org:587\"")?;
        let (host, port) = host_and_port(field.string()?)
            .ok_or_else(|| field.fault("a host and port is wanted here, such as \"smtp.example.org:587\""))?;
        let tls = match fields.take("tls") {
            None => MailTls::StartTls,
            Some(field) => field.choice(&[
                ("starttls", MailTls::StartTls),
                ("implicit", MailTls::Implicit),
                ("none", MailTls::None),
            ])?,
        };
        let from = sender(&fields.need("from", "\"Headwater <alarms@example.org>\"")?)?;
        let login = match (fields.take("user"), fields.take("password_file")) {
            (None, None) => None,
            (Some(user), Some(file)) => {
                if tls == MailTls::None {
                    return Err(user.fault(
                        "a password is sent by TLS alone: set `tls` to \"starttls\" or \"implicit\"",
                    ));
                }
                Some((user.string()?.to_owned(), file.string()?.into()))
            }
            (Some(one), None) | (None, Some(one)) => {
                return Err(one.fault("`user` and `password_file` belong together"));
            }
        };
        fields.finish()?;
        Ok(Self { host, port, tls, from, login })
    }
}

/// An address with or without a name before it. What a server makes of it is its own affair.
fn sender(field: &Field<'_>) -> Result<String, Fault> {
    let from = field.string()?;
    let address = from.rsplit_once('<').map_or(Some(from), |(_, rest)| rest.strip_suffix('>'));
    let parts = address.and_then(|address| address.rsplit_once('@'));
    match parts {
        Some((name, domain))
            if !name.is_empty()
                && !domain.is_empty()
                && from.len() <= 320
                && !from.contains(char::is_control) =>
        {
            Ok(from.to_owned())
        }
        _ => Err(field.fault("a sender is wanted here, such as \"Headwater <alarms@example.org>\"")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn read(lines: &str) -> Result<Option<Mail>, String> {
        let workflow = crate::Workflow::parse(&format!("[control.mail]\n{lines}\n"));
        workflow.map(|workflow| workflow.control.mail).map_err(|fault| fault.to_string())
    }

    fn refused(lines: &str, fault: Expect) {
        fault.assert_eq(&read(lines).expect_err("refused"));
    }

    #[test]
    fn mail_goes_by_a_server_with_a_sender() {
        let lines = "server = \"smtp.example.org:587\"\nfrom = \"Headwater <alarms@example.org>\"\n";
        let mail = read(lines).expect("valid").expect("set");
        assert_eq!((mail.host.as_str(), mail.port, mail.tls), ("smtp.example.org", 587, MailTls::StartTls));
        assert_eq!(mail.login, None);
        let login = format!("{lines}tls = \"implicit\"\nuser = \"a\"\npassword_file = \"smtp.password\"");
        let mail = read(&login).expect("valid").expect("set");
        assert_eq!(mail.login, Some(("a".to_owned(), "smtp.password".into())));
        refused(
            &login.replace("implicit", "none"),
            expect![[
                r#"line 5: control.mail.user: a password is sent by TLS alone: set `tls` to "starttls" or "implicit""#
            ]],
        );
        refused(
            &format!("{lines}user = \"a\""),
            expect!["line 4: control.mail.user: `user` and `password_file` belong together"],
        );
        refused(
            &lines.replace("alarms@", ""),
            expect![[
                r#"line 3: control.mail.from: a sender is wanted here, such as "Headwater <alarms@example.org>""#
            ]],
        );
        refused(
            "server = \"smtp.example.org\"\nfrom = \"a@b\"",
            expect![[
                r#"line 2: control.mail.server: a host and port is wanted here, such as "smtp.example.org:587""#
            ]],
        );
    }
}
