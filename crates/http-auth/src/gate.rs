//! Who is let in.

use std::time::Duration;

use crate::authorization::{Authorization, Malformed};
use crate::digest::Algorithm;
use crate::login::Login;
use crate::nonce::{Nonces, Use};

/// Guards one place.
#[derive(Debug)]
pub struct Gate {
    realm: &'static str,
    login: Login,
    nonces: Nonces,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its target, as it is in the request line.
    pub target: &'a str,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It says nothing of who asks.
    #[error("no user and password were given")]
    Missing,
    /// What it says cannot be read.
    #[error("its `Authorization` cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// Another name or password, or a digest of another request.
    #[error("the user or the password is wrong")]
    Wrong,
    /// Right, but by an old nonce.
    #[error("its nonce is too old")]
    Old,
    /// Right, but it came before.
    #[error("its nonce was used so before")]
    Replayed,
}

/// What a challenge says of the answer before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// It was right but for its nonce: the client can make another without asking its user.
    Yes,
    /// Anything else.
    No,
}

impl Refusal {
    /// What the next challenge says of it.
    pub const fn stale(self) -> Stale {
        match self {
            Self::Old | Self::Replayed => Stale::Yes,
            Self::Missing | Self::Malformed(_) | Self::Wrong => Stale::No,
        }
    }

    /// A word for it, of a closed set.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "no_login",
            Self::Malformed(_) => "malformed_login",
            Self::Wrong => "wrong_login",
            Self::Old => "old_nonce",
            Self::Replayed => "replayed_nonce",
        }
    }
}

impl Gate {
    /// A gate that this login opens; `key` signs its nonces. The realm has neither quotes nor backslashes.
    pub const fn new(realm: &'static str, login: Login, key: [u8; 32]) -> Self {
        Self { realm, login, nonces: Nonces::new(key) }
    }

    /// Another login opens it from now on. Nonces that were given out stay good.
    pub fn set_login(&mut self, login: Login) {
        self.login = login;
    }

    /// What `WWW-Authenticate` says, in this order, a header line each.
    pub fn challenges(&mut self, stale: Stale, now: Duration) -> Vec<String> {
        let (realm, nonce) = (self.realm, self.nonces.give(now));
        let stale = if stale == Stale::Yes { ", stale=true" } else { "" };
        let digest = |algorithm: Algorithm| {
            let name = algorithm.name();
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}")
        };
        let digests = Algorithm::OFFERED.into_iter().map(digest);
        digests.chain([format!("Basic realm=\"{realm}\", charset=\"UTF-8\"")]).collect()
    }

    /// Whether a request with this `Authorization` is let in; `now` counts from any moment that stays the same.
    ///
    /// # Errors
    /// Where it is not; a right answer whose nonce is not good says so.
    pub fn admit(&mut self, asked: Asked<'_>, value: Option<&[u8]>, now: Duration) -> Result<(), Refusal> {
        let digest = match Authorization::parse(value.ok_or(Refusal::Missing)?)? {
            Authorization::Basic(basic) if self.login.is(&basic.user, &basic.password) => return Ok(()),
            Authorization::Basic(_) => return Err(Refusal::Wrong),
            Authorization::Digest(digest) => digest,
        };
        let is_right = digest.realm == self.realm
            && is_target(&digest.uri, asked.target)
            && digest.is_of(&self.login, asked.method);
        if !is_right {
            return Err(Refusal::Wrong);
        }
        match self.nonces.spend(&digest.nonce, digest.count(), now) {
            Use::New => Ok(()),
            Use::Again => Err(Refusal::Replayed),
            Use::Stale => Err(Refusal::Old),
        }
    }
}

/// Whether a digest's `uri` is the request's target; either may name the server too.
fn is_target(uri: &str, target: &str) -> bool {
    path(uri) == path(target)
}

fn path(target: &str) -> &str {
    let after = ["http://", "https://"].into_iter().find_map(|scheme| target.strip_prefix(scheme));
    after.map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LIFE, Password};

    const NOW: Duration = Duration::from_secs(10_000);
    const PUT: Asked<'_> = Asked { method: "PUT", target: "/in/main/1.ts" };

    fn login(password: &str) -> Login {
        Login { user: "encoder".to_owned(), password: Password(password.to_owned()) }
    }

    fn gate() -> Gate {
        Gate::new("headwater", login("correct horse"), [7; 32])
    }

    /// A client's answer to a challenge.
    fn answer(challenge: &str, asked: Asked<'_>, login: &Login, count: u32) -> String {
        let quoted = |name: &str| {
            let (_, rest) = challenge.split_once(&format!("{name}=\"")).expect("it is there");
            rest.split('"').next().expect("it ends").to_owned()
        };
        let algorithm = match challenge.contains("SHA-256") {
            true => Algorithm::Sha256,
            false => Algorithm::Md5,
        };
        let text = |response: &str| {
            format!(
                "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", cnonce=\"c\", nc={count:08x}, qop=auth, \
                 algorithm={}, response=\"{response}\"",
                login.user,
                quoted("realm"),
                quoted("nonce"),
                asked.target,
                algorithm.name()
            )
        };
        let Ok(Authorization::Digest(digest)) = Authorization::parse(text("").as_bytes()) else {
            panic!("a digest")
        };
        text(&digest.response_for(login, asked.method))
    }

    fn admit(gate: &mut Gate, asked: Asked<'_>, text: &str, now: Duration) -> Result<(), Refusal> {
        gate.admit(asked, Some(text.as_bytes()), now)
    }

    #[test]
    fn either_algorithm_opens_the_gate_and_no_answer_does_twice() {
        let mut gate = gate();
        let challenges = gate.challenges(Stale::No, NOW);
        let kinds: Vec<_> = challenges.iter().map(|challenge| challenge.split(' ').next()).collect();
        assert_eq!(kinds, [Some("Digest"), Some("Digest"), Some("Basic")]);
        for (challenge, count) in challenges.iter().zip([1, 2]) {
            let text = answer(challenge, PUT, &login("correct horse"), count);
            assert_eq!(admit(&mut gate, PUT, &text, NOW), Ok(()));
            assert_eq!(admit(&mut gate, PUT, &text, NOW), Err(Refusal::Replayed));
        }
        assert_eq!(gate.admit(PUT, None, NOW), Err(Refusal::Missing));
    }

    #[test]
    fn an_answer_is_good_for_its_request_and_for_its_time() {
        let mut gate = gate();
        let challenge = gate.challenges(Stale::No, NOW).remove(0);
        let text = answer(&challenge, PUT, &login("correct horse"), 1);
        let other = Asked { target: "/in/main/2.ts", ..PUT };
        assert_eq!(admit(&mut gate, other, &text, NOW), Err(Refusal::Wrong));
        assert_eq!(admit(&mut gate, Asked { method: "DELETE", ..PUT }, &text, NOW), Err(Refusal::Wrong));
        let whole = Asked { target: "http://h:8310/in/main/1.ts", ..PUT };
        let late = NOW + LIFE + Duration::from_secs(1);
        assert_eq!(admit(&mut gate, whole, &text, late), Err(Refusal::Old));
        assert_eq!(Refusal::Old.stale(), Stale::Yes);
        let anew = gate.challenges(Stale::Yes, late).remove(0);
        assert!(anew.ends_with("stale=true"), "{anew}");
        let text = answer(&anew, PUT, &login("correct horse"), 1);
        assert_eq!(admit(&mut gate, whole, &text, late), Ok(()));
    }

    #[test]
    fn another_password_holds_from_the_moment_it_is_set() {
        let mut gate = gate();
        let basic = "Basic ZW5jb2Rlcjpjb3JyZWN0IGhvcnNl";
        assert_eq!(admit(&mut gate, PUT, basic, NOW), Ok(()));
        let challenge = gate.challenges(Stale::No, NOW).remove(1);
        gate.set_login(login("battery staple"));
        assert_eq!(admit(&mut gate, PUT, basic, NOW), Err(Refusal::Wrong));
        let text = answer(&challenge, PUT, &login("correct horse"), 1);
        assert_eq!(admit(&mut gate, PUT, &text, NOW), Err(Refusal::Wrong));
        let text = answer(&challenge, PUT, &login("battery staple"), 1);
        assert_eq!(admit(&mut gate, PUT, &text, NOW), Ok(()));
    }
}
