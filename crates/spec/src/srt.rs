//! SRT inputs.

use std::fmt;
use std::time::Duration;

use crate::admission::Admission;
use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::select::Select;

/// Latencies an SRT input may have, in seconds.
const LATENCY: std::ops::RangeInclusive<f64> = 0.02..=8.0;

/// A publisher that calls the SRT listener: `{ srt = "main", passphrase = "…", latency = 0.12 }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtListen {
    /// `srt`: the stream it names, alone or as `r=` in the syntax of the SRT access control guidelines.
    pub stream_id: String,
    /// Under what terms.
    pub terms: SrtTerms,
    /// What of it is wanted.
    pub select: Select,
    /// Who is let in.
    pub admission: Admission,
}

/// A stream that is fetched by SRT: `{ srt_call = "encoder.example.org:9000", streamid = "…", … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtCall {
    /// `srt_call`: name or address of the other side, and its UDP port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// `streamid`: what it is asked for, as it wants to hear it; empty where it is not set.
    pub stream_id: String,
    /// Under what terms.
    pub terms: SrtTerms,
    /// `allow_private`: the other side may lie in private networks or on this machine, default false.
    pub allow_private: bool,
    /// What of it is wanted.
    pub select: Select,
}

/// What both kinds of SRT input are made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtTerms {
    /// `passphrase`: 10 to 79 bytes; in the clear where it is not set.
    pub passphrase: Option<Passphrase>,
    /// `latency`: how long packets are held back so that lost ones can be sent again, in milliseconds, 20 to 8,000,
    /// default 120. Where the other side wants more, that holds.
    pub latency_ms: u32,
}

/// An SRT passphrase. It is a secret: neither `Debug` nor any log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(pub String);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl SrtTerms {
    /// The latency as a span.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.into())
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let passphrase = match fields.take("passphrase") {
            None => None,
            Some(field) => match field.string()? {
                text if (10..=79).contains(&text.len()) && !text.contains('\0') => {
                    Some(Passphrase(text.to_owned()))
                }
                text => {
                    let length = text.len();
                    return Err(field.fault(format!("a passphrase has 10 to 79 bytes, this has {length}")));
                }
            },
        };
        let latency_ms = match fields.take("latency") {
            None => 120,
            Some(field) => (field.number(LATENCY, "seconds")? * 1e3).round() as u32,
        };
        Ok(Self { passphrase, latency_ms })
    }
}

/// What the operator may be told: whether there is a passphrase, never which.
impl fmt::Display for SrtTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrecy = if self.passphrase.is_some() { "encrypted" } else { "in the clear" };
        write!(f, "{secrecy}, latency {} s", f64::from(self.latency_ms) / 1e3)
    }
}

impl SrtListen {
    /// Reads the input whose `srt` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let stream_id = stream_id(field)?;
        if stream_id.is_empty() || stream_id.starts_with("#!") {
            return Err(field.fault(
                "the name of a stream is wanted here, such as \"main\": publishers send it as their stream id, or as `r=` \
                 in one that begins with #!::",
            ));
        }
        Ok(Self {
            stream_id,
            terms: SrtTerms::read(fields)?,
            select: Select::read(fields)?,
            admission: Admission::read(fields)?,
        })
    }
}

impl SrtCall {
    /// Reads the input whose `srt_call` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let (host, port) = host_and_port(field.string()?).ok_or_else(|| {
            field.fault("a host and port is wanted here, such as \"encoder.example.org:9000\" or \"[2001:db8::1]:9000\"")
        })?;
        let stream_id = match fields.take("streamid") {
            None => String::new(),
            Some(field) => stream_id(&field)?,
        };
        let allow_private = fields.flag("allow_private")?;
        let (terms, select) = (SrtTerms::read(fields)?, Select::read(fields)?);
        Ok(Self { host, port, stream_id, terms, allow_private, select })
    }
}

/// Text that a handshake carries.
fn stream_id(field: &Field<'_>) -> Result<String, Fault> {
    match field.string()? {
        text if text.len() <= 512 && !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(field.fault("a stream id has at most 512 bytes, none of them control characters")),
    }
}

/// `host:port`, the host a name, an IPv4 address, or an IPv6 address in brackets, which are left out.
pub(crate) fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        None => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            let is_name = (1..=253).contains(&host.len()) && host.bytes().all(plain);
            is_name.then(|| host.to_owned())?
        }
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::Input;
    use crate::channel::read_input as read;

    fn refused(input: &str, fault: Expect) {
        fault.assert_eq(&read(input).expect_err("refused"));
    }

    #[test]
    fn a_listener_input_has_a_stream_id_and_terms() {
        let terms = SrtTerms { passphrase: None, latency_ms: 120 };
        let plain = SrtListen {
            stream_id: "main".to_owned(),
            terms,
            select: Select::default(),
            admission: Admission::default(),
        };
        assert_eq!(read("{ srt = \"main\" }"), Ok(Input::Srt(plain)));
        let input = read("{ srt = \"main\", passphrase = \"correct horse\", latency = 0.5 }").expect("valid");
        assert_eq!(input.to_string(), "SRT publisher of main, encrypted, latency 0.5 s");
        assert!(!format!("{input:?}").contains("horse"));
    }

    #[test]
    fn a_caller_input_says_where_and_what() {
        let input =
            read("{ srt_call = \"[::1]:9000\", streamid = \"#!::r=x,m=request\", allow_private = true }");
        let Ok(Input::SrtCall(call)) = input else { panic!("{input:?}") };
        assert_eq!((call.host.as_str(), call.port, call.allow_private), ("::1", 9000, true));
        assert_eq!(call.stream_id, "#!::r=x,m=request");
        let input = read("{ srt_call = \"encoder.example.org:9000\" }").expect("valid");
        assert_eq!(input.to_string(), "SRT from encoder.example.org:9000, in the clear, latency 0.12 s");
    }

    #[test]
    fn what_libsrt_would_refuse_is_refused_at_the_door() {
        refused(
            "{ srt = \"main\", passphrase = \"too short\" }",
            expect!["line 3: channel[0].input.passphrase: a passphrase has 10 to 79 bytes, this has 9"],
        );
        refused(
            "{ srt = \"main\", latency = 9 }",
            expect!["line 3: channel[0].input.latency: 9 is out of bounds: 0.02 to 8 seconds"],
        );
        refused(
            "{ srt = \"#!::r=main\" }",
            expect![[
                r#"line 3: channel[0].input.srt: the name of a stream is wanted here, such as "main": publishers send it as their stream id, or as `r=` in one that begins with #!::"#
            ]],
        );
        for host in ["encoder", "encoder:0", "::1:9000", "[::1]", "a b:9000", ":9000", "a:99999"] {
            let fault = read(&format!("{{ srt_call = \"{host}\" }}")).expect_err(host);
            assert!(fault.contains("a host and port is wanted here"), "{host}: {fault}");
        }
        refused(
            "{ rtmp = \"live/a\", passphrase = \"correct horse\" }",
            expect![
                "line 3: channel[0].input.passphrase: no such field; there are: rtmp, rtmp_call, file, files, srt, srt_call, udp, rtp, hls, hls_push, from, second"
            ],
        );
        refused(
            "{ srt = \"main\", srt_call = \"a:1\" }",
            expect![
                "line 3: channel[0].input.srt_call: an input is one thing: `rtmp`, `rtmp_call`, `srt`, `srt_call`, `udp`, `rtp`, `hls`, `hls_push`, `file` or `files`"
            ],
        );
        refused(
            "{ srt = \"main\" }\n[[channel]]\nname = \"b\"\ninput = { srt = \"main\", latency = 1 }",
            expect!["line 4: channel[1]: another input has this SRT stream id; each publisher needs its own"],
        );
    }
}
