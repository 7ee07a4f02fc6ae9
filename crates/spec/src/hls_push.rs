//! HLS inputs that are pushed.

use std::fmt;

use http_auth::{Login, Password};
use playlist::Choice;

use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::hls;
use crate::network::{self, Network};

/// A stream that an encoder pushes by HTTP: `{ hls_push = "main", user = "encoder", password = "…", … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsPush {
    /// Where it is pushed.
    pub primary: PushPlace,
    /// `standby`: where a second encoder pushes the same, which is read while nothing comes to the first.
    pub standby: Option<PushPlace>,
    /// `from`: addresses and networks of encoders, 1 to 16; anybody's where it is not set.
    pub from: Vec<Network>,
    /// Which of its streams: `max_height`, `max_bandwidth` and `language`.
    pub choice: Choice,
}

/// A place for one encoder's files: `/in/PATH/` at `[listen] hls_push`.
#[derive(Clone, PartialEq, Eq)]
pub struct PushPlace {
    /// `hls_push`: 1 to 8 elements, 1,024 bytes. Without a login it is a secret: `Debug` does not show it then, nor does `Display`.
    pub path: String,
    /// `user` and `password`; without them whoever knows the path may push.
    pub login: Option<Login>,
}

impl HlsPush {
    /// Reads the input whose `hls_push` is `field`; the other settings are in `fields`.
    pub(crate) fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let primary = PushPlace::read(field, fields)?;
        let standby = match fields.take("standby") {
            None => None,
            Some(field) => {
                let mut fields = field.clone().table()?;
                let path = fields.need("hls_push", "\"main-2\"")?;
                let standby = PushPlace::read(&path, &mut fields)?;
                fields.finish()?;
                if standby.is_within(&primary) || primary.is_within(&standby) {
                    return Err(
                        field.fault("it needs a path of its own, neither above nor below the first one's")
                    );
                }
                Some(standby)
            }
        };
        let from = match fields.take("from") {
            None => Vec::new(),
            Some(field) => network::read_senders(field, |_| Ok(()))?,
        };
        Ok(Self { primary, standby, from, choice: hls::choice(fields)? })
    }

    /// The first, and the second where there is one.
    pub fn places(&self) -> impl Iterator<Item = &PushPlace> {
        [Some(&self.primary), self.standby.as_ref()].into_iter().flatten()
    }

    /// Whether a file could be for either.
    pub(crate) fn shares_place_with(&self, other: &Self) -> bool {
        let clash =
            |one: &PushPlace| other.places().any(|other| one.is_within(other) || other.is_within(one));
        self.places().any(clash)
    }
}

impl PushPlace {
    const MAX_BYTES: usize = 1_024;
    const MAX_ELEMENTS: usize = 8;
    /// Lengths of a password, in bytes.
    const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
    const MAX_USER: usize = 128;

    fn read(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let path = field.string()?;
        let fits = |element: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            !element.is_empty() && element.bytes().any(|byte| byte != b'.') && element.bytes().all(plain)
        };
        if path.len() > Self::MAX_BYTES
            || path.split('/').count() > Self::MAX_ELEMENTS
            || !path.split('/').all(fits)
        {
            return Err(field.fault(format!(
                "a path of 1 to {} elements of A-Z a-z 0-9 - _ . ~ is wanted here, such as \"main\" or \"news/main\"",
                Self::MAX_ELEMENTS
            )));
        }
        let login = match (fields.take("user"), fields.take("password")) {
            (None, None) => None,
            (Some(field), None) => return Err(field.fault("a user has a `password`")),
            (None, Some(field)) => return Err(field.fault("a password has a `user`")),
            (Some(user), Some(password)) => {
                Some(Login { user: read_user(&user)?, password: read_password(&password)? })
            }
        };
        Ok(Self { path: path.to_owned(), login })
    }

    /// Whether its files lie where the other's do.
    fn is_within(&self, other: &Self) -> bool {
        let rest = self.path.strip_prefix(other.path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path, where it is not all that a publisher has to know.
    pub fn shown(&self) -> &str {
        if self.login.is_some() { &self.path } else { "(path)" }
    }
}

/// Longest name of a pushed file, below its place, in bytes, and most elements.
const MAX_NAME_BYTES: usize = 512;
const MAX_NAME_ELEMENTS: usize = 8;

/// The name of a file that is pushed to the place of this path, by the path of its URL; `None` where that is no file's.
pub fn pushed_file<'t>(path: &str, target: &'t str) -> Option<&'t str> {
    let name = target.strip_prefix("/in/")?.strip_prefix(path)?.strip_prefix('/')?;
    let fits = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.split('/').count() <= MAX_NAME_ELEMENTS
        && name.split('/').all(|element| !element.is_empty());
    fits.then_some(name)
}

fn read_user(field: &Field<'_>) -> Result<String, Fault> {
    let user = field.string()?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b":\"\\".contains(&byte);
    if !(1..=PushPlace::MAX_USER).contains(&user.len()) || !user.bytes().all(plain) {
        return Err(field.fault(format!(
            "a user has 1 to {} visible ASCII characters, none of : \" \\",
            PushPlace::MAX_USER
        )));
    }
    Ok(user.to_owned())
}

fn read_password(field: &Field<'_>) -> Result<Password, Fault> {
    let password = field.string()?;
    if !PushPlace::PASSWORD.contains(&password.len()) || !password.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(field.fault(format!(
            "a password has {} to {} visible ASCII characters",
            PushPlace::PASSWORD.start(),
            PushPlace::PASSWORD.end()
        )));
    }
    Ok(Password(password.to_owned()))
}

impl fmt::Debug for PushPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushPlace").field("path", &self.shown()).field("login", &self.login).finish()
    }
}

/// What the operator may be told: neither passwords nor paths that nothing else guards.
impl fmt::Display for HlsPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HLS pushed to /in/{}/", self.primary.shown())?;
        if let Some(standby) = &self.standby {
            write!(f, ", or /in/{}/", standby.shown())?;
        }
        if !self.from.is_empty() {
            write!(f, " from {}", network::joined(&self.from))?;
        }
        hls::show_choice(&self.choice, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;
    use crate::channel::read_input;

    fn read(input: &str) -> Result<HlsPush, String> {
        match read_input(input)? {
            Input::HlsPush(push) => Ok(push),
            other => Err(other.to_string()),
        }
    }

    #[test]
    fn a_pushed_input_has_places_with_logins_that_nobody_is_shown() {
        let push = read(
            "{ hls_push = \"news/main\", user = \"anna\", password = \"correct-horse\", max_height = 720, from = \"10.0.0.0/8\", \
             standby = { hls_push = \"s3cret-path\" } }",
        )
        .expect("valid");
        assert_eq!(
            push.to_string(),
            "HLS pushed to /in/news/main/, or /in/(path)/ from 10.0.0.0/8, at most 720 lines"
        );
        assert_eq!(push.places().count(), 2);
        let shown = format!("{push:?}");
        assert!(!shown.contains("horse") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn what_no_encoder_could_use_is_refused() {
        let refused = |input: &str| read(input).expect_err(input);
        for path in ["", "/", "a/", "a//b", "..", "a/../b", "a b", "a?b", "1/2/3/4/5/6/7/8/9", "é"] {
            let fault = refused(&format!("{{ hls_push = \"{path}\" }}"));
            assert!(fault.contains("a path of 1 to 8 elements"), "{path}: {fault}");
        }
        let half = refused("{ hls_push = \"a\", user = \"x\" }");
        assert_eq!(half, "line 3: channel[0].input.user: a user has a `password`");
        assert!(refused("{ hls_push = \"a\", password = \"12345678\" }").contains("a password has a `user`"));
        let user = refused("{ hls_push = \"a\", user = \"x:y\", password = \"12345678\" }");
        assert!(user.contains("none of :"), "{user}");
        let short = refused("{ hls_push = \"a\", user = \"x\", password = \"1234567\" }");
        assert!(short.contains("a password has 8 to 128"), "{short}");
        for (path, standby) in [("a", "a"), ("a", "a/b"), ("a/b", "a")] {
            let fault =
                refused(&format!("{{ hls_push = \"{path}\", standby = {{ hls_push = \"{standby}\" }} }}"));
            assert!(fault.contains("channel[0].input.standby: it needs a path of its own"), "{fault}");
        }
        read("{ hls_push = \"a\", standby = { hls_push = \"ab\" } }").expect("beside, not below");
    }

    #[test]
    fn two_inputs_have_no_place_in_common() {
        let twice = read("{ hls_push = \"a/b\" }\n[[channel]]\nname = \"b\"\ninput = { hls_push = \"a\" }");
        assert_eq!(
            twice.expect_err("refused"),
            "line 4: channel[1]: another input takes files at this path, above or below it; each encoder needs its own"
        );
    }

    #[test]
    fn a_file_s_name_is_what_lies_below_its_place() {
        for (target, name) in [
            ("/in/news/main/index.m3u8", Some("index.m3u8")),
            ("/in/news/main/720/1.ts", Some("720/1.ts")),
            ("/in/news/main/", None),
            ("/in/news/main", None),
            ("/in/news/mainly/1.ts", None),
            ("/in/news/main//1.ts", None),
            ("/in/news/main/1/2/3/4/5/6/7/8/9.ts", None),
            ("/out/news/main/1.ts", None),
        ] {
            assert_eq!(pushed_file("news/main", target), name, "{target}");
        }
        assert_eq!(pushed_file("a", &format!("/in/a/{}", "x".repeat(MAX_NAME_BYTES + 1))), None);
    }
}
