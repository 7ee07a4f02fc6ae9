//! `[[edge.access]]`: which paths take a viewer's token, and whose tokens are believed.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::origin_url::{OriginUrl, Scheme};

/// One access table. It has keys, or an issuer who publishes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// `paths`: 1 to 64 paths that take a token, each one path, or with `*` at its end all that begins so.
    pub paths: Vec<String>,
    /// `keys`: at most 16; each id once.
    pub keys: Vec<AccessKey>,
    /// `jwks`: where an issuer publishes its public keys (RFC 7517), by https unless it is this machine.
    pub jwks: Option<OriginUrl>,
    /// `jwks_keep`: how long keys are believed that the issuer has not confirmed, in milliseconds, 1 s to a week, default
    /// an hour.
    pub jwks_keep_ms: u64,
}

/// A key in a file, read again when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// `id`: what tokens call it (`kid`), 1 to 256 visible ASCII characters.
    pub id: String,
    /// Where it is.
    pub file: KeyFile,
}

/// What a key's file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// `file`: a public key in PEM: RSA from 2048 bits, ECDSA P-256 or Ed25519.
    Public(PathBuf),
    /// `secret_file`: at least 32 bytes that whoever makes tokens knows too (HMAC-SHA256).
    Secret(PathBuf),
}

impl KeyFile {
    /// The file.
    pub fn path(&self) -> &PathBuf {
        match self {
            KeyFile::Public(path) | KeyFile::Secret(path) => path,
        }
    }

    /// The file, to be changed.
    pub fn path_mut(&mut self) -> &mut PathBuf {
        match self {
            KeyFile::Public(path) | KeyFile::Secret(path) => path,
        }
    }
}

impl Access {
    /// Tables in one file.
    pub const MAX_TABLES: usize = 64;
    /// Paths of one table.
    pub const MAX_PATHS: usize = 64;
    /// Keys of one table: those in use and some that come or go.
    pub const MAX_KEYS: usize = 16;
    /// The query parameter that carries a token, so that it can be part of no key.
    pub const QUERY: &str = "token";

    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut access = Self { paths: Vec::new(), keys: Vec::new(), jwks: None, jwks_keep_ms: 3_600_000 };
        let list = fields.need("paths", "[\"/main/*\"]")?;
        let count = list.fault(format!("a list of 1 to {} paths, such as [\"/main/*\"]", Self::MAX_PATHS));
        for entry in list.list()? {
            access.paths.push(path(&entry)?);
        }
        if access.paths.is_empty() || access.paths.len() > Self::MAX_PATHS {
            return Err(count);
        }
        if let Some(field) = fields.take("keys") {
            let count = field.fault(format!("a list of at most {} keys, each id once", Self::MAX_KEYS));
            for entry in field.list()? {
                let key = AccessKey::read(entry.table()?)?;
                if access.keys.iter().any(|other| other.id == key.id) || access.keys.len() == Self::MAX_KEYS {
                    return Err(count);
                }
                access.keys.push(key);
            }
        }
        if let Some(field) = fields.take("jwks") {
            access.jwks = Some(jwks(&field)?);
        }
        if let Some(field) = fields.take("jwks_keep") {
            access.jwks_keep_ms = (field.number(1.0..=604_800.0, "seconds")? * 1e3).round() as u64;
        }
        if access.keys.is_empty() && access.jwks.is_none() {
            return Err(fields.fault(
                "nobody's tokens would be believed: set `keys`, such as [{ id = \"k1\", file = \"viewers.pub.pem\" }] \
                 (`headwater token --new-key viewers` makes one), or `jwks`",
            ));
        }
        fields.finish()?;
        Ok(access)
    }
}

impl AccessKey {
    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let id = fields.need("id", "\"k1\"")?;
        let name = id.string()?.to_owned();
        if name.is_empty() || name.len() > 256 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(id.fault("an id is 1 to 256 visible ASCII characters, such as \"k1\""));
        }
        let file = match (fields.take("file"), fields.take("secret_file")) {
            (Some(file), None) => KeyFile::Public(file.string()?.into()),
            (None, Some(file)) => KeyFile::Secret(file.string()?.into()),
            _ => {
                return Err(fields.fault(
                    "a key is one file: `file` with a public key in PEM, or `secret_file` with at least 32 bytes",
                ));
            }
        };
        fields.finish()?;
        Ok(Self { id: name, file })
    }
}

fn path(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?;
    let plain = text.strip_suffix('*').unwrap_or(text);
    if !text.starts_with('/') || plain.contains(['*', '?']) {
        return Err(field.fault(
            "a path is wanted here as viewers ask for it, such as \"/main/index.m3u8\", or with `*` at its end for all \
             that begins so, such as \"/main/*\"",
        ));
    }
    Ok(text.to_owned())
}

fn jwks(field: &Field<'_>) -> Result<OriginUrl, Fault> {
    let url: OriginUrl = field.parsed().map_err(|_| {
        field.fault("a URL is wanted here without query and credentials, such as \"https://issuer.example/keys.json\"")
    })?;
    let is_here = url.host == "localhost" || url.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if url.scheme == Scheme::Http && !is_here {
        return Err(field.fault("keys come by https:// only: whoever is on the way could put in his own"));
    }
    if url.prefix.is_empty() || field.string()?.ends_with('/') {
        return Err(field.fault("the URL names a document, such as \"https://issuer.example/keys.json\""));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Workflow;
    use expect_test::{Expect, expect};

    fn read(table: &str) -> Result<Vec<Access>, Fault> {
        let text = format!("[edge]\norigins = [\"http://a\"]\n[[edge.access]]\n{table}\n");
        Workflow::parse(&text).map(|workflow| workflow.edge.access)
    }

    fn refused(table: &str, fault: Expect) {
        fault.assert_eq(&read(table).expect_err("refused").to_string());
    }

    #[test]
    fn a_table_has_paths_and_somebody_to_believe() {
        let table = "paths = [\"/main/*\", \"/a\"]\nkeys = [{ id = \"k1\", file = \"a.pem\" }, { id = \"k2\", secret_file = \"b\" }]\n\
            jwks = \"https://issuer.example/keys.json\"\njwks_keep = 1.5";
        let key = |id: &str, file| AccessKey { id: id.to_owned(), file };
        let access = Access {
            paths: vec!["/main/*".to_owned(), "/a".to_owned()],
            keys: vec![key("k1", KeyFile::Public("a.pem".into())), key("k2", KeyFile::Secret("b".into()))],
            jwks: Some("https://issuer.example/keys.json".parse().expect("valid")),
            jwks_keep_ms: 1_500,
        };
        assert_eq!(read(table), Ok(vec![access]));
        let here = read("paths = [\"/*\"]\njwks = \"http://127.0.0.1:9000/keys.json\"").expect("valid");
        assert_eq!(here[0].jwks_keep_ms, 3_600_000);
    }

    #[test]
    fn a_fault_says_what_would_be_right() {
        refused(
            "paths = [\"/main/*\"]",
            expect![[
                r#"line 3: edge.access[0]: nobody's tokens would be believed: set `keys`, such as [{ id = "k1", file = "viewers.pub.pem" }] (`headwater token --new-key viewers` makes one), or `jwks`"#
            ]],
        );
        refused(
            "paths = [\"main/*\"]\nkeys = []",
            expect![[
                r#"line 4: edge.access[0].paths[0]: a path is wanted here as viewers ask for it, such as "/main/index.m3u8", or with `*` at its end for all that begins so, such as "/main/*""#
            ]],
        );
        refused(
            "paths = []\nkeys = []",
            expect![[r#"line 4: edge.access[0].paths: a list of 1 to 64 paths, such as ["/main/*"]"#]],
        );
        refused(
            "paths = [\"/a\"]\nkeys = [{ id = \"k1\" }]",
            expect![
                "line 5: edge.access[0].keys[0]: a key is one file: `file` with a public key in PEM, or `secret_file` with at least 32 bytes"
            ],
        );
        refused(
            "paths = [\"/a\"]\nkeys = [{ id = \"k 1\", file = \"a\" }]",
            expect![[
                r#"line 5: edge.access[0].keys[0].id: an id is 1 to 256 visible ASCII characters, such as "k1""#
            ]],
        );
        refused(
            "paths = [\"/a\"]\nkeys = [{ id = \"k\", file = \"a\" }, { id = \"k\", file = \"b\" }]",
            expect!["line 5: edge.access[0].keys: a list of at most 16 keys, each id once"],
        );
        refused(
            "paths = [\"/a\"]\njwks = \"http://issuer.example/keys.json\"",
            expect![
                "line 5: edge.access[0].jwks: keys come by https:// only: whoever is on the way could put in his own"
            ],
        );
        refused(
            "paths = [\"/a\"]\njwks = \"https://issuer.example\"",
            expect![[
                r#"line 5: edge.access[0].jwks: the URL names a document, such as "https://issuer.example/keys.json""#
            ]],
        );
        refused(
            "paths = [\"/a\"]\njwks = \"https://issuer.example/k?a=b\"",
            expect![[
                r#"line 5: edge.access[0].jwks: a URL is wanted here without query and credentials, such as "https://issuer.example/keys.json""#
            ]],
        );
        let text =
            "[edge]\nkey_query = [\"token\"]\n[[edge.access]]\npaths = [\"/a\"]\njwks = \"https://a/b\"\n";
        expect!["line 3: edge.access: viewers' tokens come as the query parameter `token`: take it out of `key_query`"].assert_eq(&Workflow::parse(text).expect_err("refused").to_string());
    }
}
