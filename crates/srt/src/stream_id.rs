//! What a caller says it wants: the stream id (SRT access control guidelines).

/// A stream id, read.
///
/// `main` is a resource by itself. `#!::r=main,m=publish,u=anna` holds comma-separated pairs; keys that are not of
/// interest here are passed over, as the guidelines ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamId<'a> {
    /// `r`: the name of the stream.
    pub resource: &'a str,
    /// `m`: what the caller wants to do with it.
    pub mode: Mode,
    /// `u`: who it says it is.
    pub user: Option<&'a str>,
}

/// What a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To send, or it does not say: the guidelines take that for a request, but encoders that publish leave it out.
    Publish,
    /// To receive.
    Request,
    /// Both.
    Bidirectional,
}

/// Why a stream id cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamIdError {
    /// Longer than a handshake carries.
    #[error("over {} bytes", StreamId::MAX_BYTES)]
    TooLong,
    /// The nested form `#!:{…}`, or none of the guidelines'.
    #[error("only `#!::key=value,…` is read")]
    Form,
    /// A pair without `=`, or without a key.
    #[error("`key=value` pairs are wanted")]
    Pair,
    /// A key that is there twice.
    #[error("a key comes twice")]
    Repeated,
    /// No resource.
    #[error("it names no stream: `r=` is missing")]
    NoResource,
    /// A mode that the guidelines do not know.
    #[error("its mode is unknown")]
    Mode,
    /// Something else than a live stream: `t=file`, `t=auth`.
    #[error("only live streams are carried")]
    Type,
}

impl<'a> StreamId<'a> {
    /// What a handshake carries, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Reads a stream id.
    ///
    /// # Errors
    /// When it is too long, or of the guidelines' syntax and breaks it.
    pub fn parse(text: &'a str) -> Result<Self, StreamIdError> {
        if text.len() > Self::MAX_BYTES {
            return Err(StreamIdError::TooLong);
        }
        let Some(rest) = text.strip_prefix("#!") else {
            return match text {
                "" => Err(StreamIdError::NoResource),
                resource => Ok(Self { resource, mode: Mode::Publish, user: None }),
            };
        };
        let pairs = rest.strip_prefix("::").ok_or(StreamIdError::Form)?;
        let (mut resource, mut mode, mut user, mut kind) = (None, None, None, None);
        for pair in pairs.split(',') {
            let (key, value) = pair.split_once('=').ok_or(StreamIdError::Pair)?;
            let known = match key {
                "" => return Err(StreamIdError::Pair),
                "r" => &mut resource,
                "m" => &mut mode,
                "u" => &mut user,
                "t" => &mut kind,
                _ => continue,
            };
            if known.replace(value).is_some() {
                return Err(StreamIdError::Repeated);
            }
        }
        if kind.is_some_and(|kind| kind != "stream") {
            return Err(StreamIdError::Type);
        }
        let mode = match mode {
            None | Some("publish") => Mode::Publish,
            Some("request") => Mode::Request,
            Some("bidirectional") => Mode::Bidirectional,
            Some(_) => return Err(StreamIdError::Mode),
        };
        let resource = resource.filter(|name| !name.is_empty()).ok_or(StreamIdError::NoResource)?;
        Ok(Self { resource, mode, user })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(&str, Mode, Option<&str>), StreamIdError> {
        StreamId::parse(text).map(|id| (id.resource, id.mode, id.user))
    }

    #[test]
    fn a_plain_name_is_a_resource_to_publish() {
        assert_eq!(read("main"), Ok(("main", Mode::Publish, None)));
        assert_eq!(read("live/main?x=1,2"), Ok(("live/main?x=1,2", Mode::Publish, None)));
        assert_eq!(read("#main"), Ok(("#main", Mode::Publish, None)));
    }

    #[test]
    fn the_guidelines_syntax_is_read_in_any_order_and_other_keys_are_passed_over() {
        assert_eq!(read("#!::r=main,m=publish,u=anna"), Ok(("main", Mode::Publish, Some("anna"))));
        assert_eq!(read("#!::m=request,x_y=1,h=host,s=5,r=a/b"), Ok(("a/b", Mode::Request, None)));
        assert_eq!(read("#!::r=main,t=stream"), Ok(("main", Mode::Publish, None)));
        assert_eq!(read("#!::r=a=b,m=bidirectional"), Ok(("a=b", Mode::Bidirectional, None)));
    }

    #[test]
    fn what_breaks_the_syntax_is_named() {
        for (text, fault) in [
            ("", StreamIdError::NoResource),
            ("#!", StreamIdError::Form),
            ("#!:{r=main}", StreamIdError::Form),
            ("#!::", StreamIdError::Pair),
            ("#!::main", StreamIdError::Pair),
            ("#!::=main", StreamIdError::Pair),
            ("#!::r=a,r=b", StreamIdError::Repeated),
            ("#!::u=anna", StreamIdError::NoResource),
            ("#!::r=,m=publish", StreamIdError::NoResource),
            ("#!::r=a,m=PUBLISH", StreamIdError::Mode),
            ("#!::r=a,t=file", StreamIdError::Type),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
        assert_eq!(read(&"x".repeat(512)).map(|(name, ..)| name.len()), Ok(512));
        assert_eq!(read(&"x".repeat(513)), Err(StreamIdError::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(#!|#!::)?[a-z=,:{}]{0,40}|\\PC*") {
            if let Ok(id) = StreamId::parse(&text) {
                prop_assert!(!id.resource.is_empty() && text.contains(id.resource));
            }
        }
    }
}
