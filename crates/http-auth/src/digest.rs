//! Digest's answer to a challenge.

use std::fmt;

use md5::Md5;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::authorization::Malformed;
use crate::login::Login;
use crate::params::Params;

/// What digests are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5: all that many encoders know.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// In the order in which they are offered. Clients that take the first have the better one; those that take the last one they
    /// read, and know MD5 alone (ffmpeg), have theirs.
    pub(crate) const OFFERED: [Self; 2] = [Self::Sha256, Self::Md5];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &[&[u8]]) -> String {
        use md5::Digest as _;
        use sha2::Digest as _;
        let text = text.join(&b':');
        match self {
            Self::Md5 => hex(&Md5::digest(&text)),
            Self::Sha256 => hex(&Sha256::digest(&text)),
        }
    }
}

/// `Digest …`, with protection `auth`. `Debug` shows no answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    /// The user's name.
    pub user: String,
    /// What the name and the password are good for.
    pub realm: String,
    /// The challenge's number.
    pub nonce: String,
    /// The request's target, as the client has it.
    pub uri: String,
    /// The client's own number.
    pub cnonce: String,
    /// How often the client has used the nonce, as it writes that: eight hexadecimal digits.
    pub count: String,
    /// What the digest is made with.
    pub algorithm: Algorithm,
    /// The digest, in hexadecimal digits.
    pub response: String,
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest")
            .field("realm", &self.realm)
            .field("uri", &self.uri)
            .field("count", &self.count)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Digest {
    pub(crate) fn read(mut params: Params) -> Result<Self, Malformed> {
        let mut need = |name| params.take(name).ok_or(Malformed::Missing(name));
        let (user, realm, nonce, uri) = (need("username")?, need("realm")?, need("nonce")?, need("uri")?);
        let (response, qop, cnonce, count) = (need("response")?, need("qop")?, need("cnonce")?, need("nc")?);
        if qop != "auth" {
            return Err(Malformed::NotOffered("qop"));
        }
        let algorithm = match params.take("algorithm") {
            None => Algorithm::Md5,
            Some(name) => Algorithm::OFFERED
                .into_iter()
                .find(|known| known.name().eq_ignore_ascii_case(&name))
                .ok_or(Malformed::NotOffered("algorithm"))?,
        };
        if params.take("userhash").is_some_and(|flag| flag.eq_ignore_ascii_case("true")) {
            return Err(Malformed::NotOffered("userhash"));
        }
        if count.len() != 8 || !count.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Malformed::Count);
        }
        Ok(Self { user, realm, nonce, uri, cnonce, count, algorithm, response })
    }

    /// How often the client has used the nonce.
    pub fn count(&self) -> u32 {
        u32::from_str_radix(&self.count, 16).expect("read() saw eight hexadecimal digits")
    }

    /// Whether it is what this login makes for a request of this method (RFC 7616 §3.4.1).
    pub(crate) fn is_of(&self, login: &Login, method: &str) -> bool {
        let (response, given) = (self.response_for(login, method), self.response.to_ascii_lowercase());
        (login.user.as_bytes().ct_eq(self.user.as_bytes()) & response.as_bytes().ct_eq(given.as_bytes()))
            .into()
    }

    /// The digest that it should have.
    pub(crate) fn response_for(&self, login: &Login, method: &str) -> String {
        let hash = |text: &[&[u8]]| self.algorithm.hash(text);
        let secret = hash(&[login.user.as_bytes(), self.realm.as_bytes(), login.password.0.as_bytes()]);
        let asked = hash(&[method.as_bytes(), self.uri.as_bytes()]);
        let numbers = [self.nonce.as_bytes(), self.count.as_bytes(), self.cnonce.as_bytes(), b"auth"];
        let [nonce, count, cnonce, qop] = numbers;
        hash(&[secret.as_bytes(), nonce, count, cnonce, qop, asked.as_bytes()])
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authorization, Password};

    /// RFC 7616 §3.9.1, the answers with MD5 and SHA-256.
    fn example(algorithm: &str, response: &str) -> Digest {
        let text = format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        match Authorization::parse(text.as_bytes()) {
            Ok(Authorization::Digest(digest)) => digest,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_examples_of_the_rfc_are_right_for_their_password_alone() {
        let login = |user: &str, password: &str| Login {
            user: user.to_owned(),
            password: Password(password.to_owned()),
        };
        let right = login("Mufasa", "Circle of Life");
        for digest in [
            example("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            example("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            example("sha-256", "753927FA0E85D155564E2E272A28D1802CA10DAF4496794697CF8DB5856CB6C1"),
        ] {
            assert_eq!(digest.count(), 1);
            assert!(digest.is_of(&right, "GET"));
            assert!(!digest.is_of(&right, "PUT"));
            assert!(!digest.is_of(&login("Mufasa", "Circle of life"), "GET"));
            assert!(!digest.is_of(&login("mufasa", "Circle of Life"), "GET"));
            assert!(!format!("{digest:?}").contains(&digest.response));
        }
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        let with = |more: &str| {
            let text = format!(
                "Digest username=a, realm=r, nonce=n, uri=\"/\", response=0, cnonce=c, nc=00000001, {more}"
            );
            Authorization::parse(text.as_bytes()).expect_err(more)
        };
        assert_eq!(with("x=y"), Malformed::Missing("qop"));
        assert_eq!(with("qop=auth-int"), Malformed::NotOffered("qop"));
        assert_eq!(with("qop=auth, algorithm=MD5-sess"), Malformed::NotOffered("algorithm"));
        assert_eq!(with("qop=auth, userhash=true"), Malformed::NotOffered("userhash"));
        let short = b"Digest username=a, realm=r, nonce=n, uri=\"/\", response=0, cnonce=c, nc=1, qop=auth";
        assert_eq!(Authorization::parse(short), Err(Malformed::Count));
    }
}
