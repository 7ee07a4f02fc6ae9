//! `[[endpoint]]`: other manifests of a channel, under a path of their own.

use std::collections::BTreeSet;

use media::ChannelName;

use crate::channel::{Channel, Input};
use crate::fault::Fault;
use crate::fields::{Field, Fields};
use crate::manifest::Manifest;
use crate::network::{self, Network};

/// A packaging endpoint. The channel's segments are kept once; an endpoint shows them in manifests of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `name`: no other has it.
    pub name: String,
    /// `channel`: whose media it shows.
    pub channel: ChannelName,
    /// `path`: what its URLs begin with, `out/v1/0123`; no other's begins with it, and no channel has its first element's name.
    pub path: String,
    /// `segment`, in seconds: how long its segments are, a whole multiple of the channel's up to 30, in milliseconds. Only where
    /// that is longer, or the channel's are made elsewhere.
    pub segment_ms: Option<u32>,
    /// `identifier`: what requests must bring, where not everybody may ask.
    pub identifier: Option<Identifier>,
    /// `allow`: addresses and networks of viewers, 1 to 64; everybody's where it is empty. An edge looks at it.
    pub allow: Vec<Network>,
    /// `[[endpoint.manifest]]`: 1 to 16; no two with the same name and kind of file.
    pub manifests: Vec<Manifest>,
}

/// A header field whose value only a CDN knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// `header`: the field's name, in lower case.
    pub header: String,
    /// `secrets` and `sha256`: the values that are taken, 1 to 16.
    pub values: Vec<IdentifierValue>,
}

/// A value that is taken.
#[derive(Clone, PartialEq, Eq)]
pub enum IdentifierValue {
    /// The value itself.
    Secret(String),
    /// Its SHA-256.
    Sha256([u8; 32]),
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identifier").field("header", &self.header).finish_non_exhaustive()
    }
}

/// First elements of paths that are something else.
const TAKEN: [&str; 5] = ["_", "ingest", "in", "health", "channels.json"];
/// Elements of a path, of at most [`MAX_ELEMENT`] bytes each.
const MAX_ELEMENTS: usize = 8;
const MAX_ELEMENT: usize = 256;
/// Longest path, in bytes.
const MAX_PATH: usize = 1_000;
/// Longest name, in bytes.
const MAX_NAME: usize = 1_000;
/// Most manifests of one endpoint.
const MAX_MANIFESTS: usize = 16;
/// Most values of an identifier: those in use and some that come or go.
const MAX_VALUES: usize = 16;
/// Shortest secret, in bytes.
const MIN_SECRET: usize = 8;

impl Endpoint {
    /// Endpoints in one file.
    pub const MAX: usize = 4_000;

    /// Reads them all; `channels` are those of the file.
    pub(crate) fn read_all(field: Field<'_>, channels: &[Channel]) -> Result<Vec<Self>, Fault> {
        let count = field.fault(format!("a file holds at most {} endpoints", Self::MAX));
        let entries = field.list()?;
        if entries.len() > Self::MAX {
            return Err(count);
        }
        let (mut endpoints, mut names, mut paths) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for entry in entries {
            let same_name = entry.fault("another endpoint has this name");
            let path_field = entry.fault("another endpoint's path is this one, or goes on from it or to it");
            let endpoint = Self::read(entry.table()?, channels)?;
            if !names.insert(endpoint.name.clone()) {
                return Err(same_name);
            }
            if overlaps(&paths, &endpoint.path) {
                return Err(path_field);
            }
            paths.insert(endpoint.path.clone());
            endpoints.push(endpoint);
        }
        Ok(endpoints)
    }

    fn read(mut fields: Fields<'_>, channels: &[Channel]) -> Result<Self, Fault> {
        let field = fields.need("name", "\"main-hls\"")?;
        let name = field.string()?.to_owned();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
            return Err(field.fault(format!("a name is 1 to {MAX_NAME} of A-Z a-z 0-9 - _ . / :")));
        }
        let field = fields.need("channel", "\"main\"")?;
        let named = field.string()?;
        let Some(channel) = channels.iter().find(|channel| channel.name.as_str() == named) else {
            return Err(field.fault(format!("no [[channel]] has the name \"{named}\"")));
        };
        let path = path(&fields.need("path", "\"out/v1/main\"")?, channels)?;
        let segment_ms = match fields.take("segment") {
            None => None,
            Some(field) => segment(&field, channel)?,
        };
        let identifier = match fields.take("identifier") {
            None => None,
            Some(field) => Some(Identifier::read(field.table()?)?),
        };
        let allow = match fields.take("allow") {
            None => Vec::new(),
            Some(field) => network::read_viewers(field)?,
        };
        let list = fields.need("manifest", "[{ name = \"index\", kind = \"hls\" }]")?;
        let count = list.fault(format!(
            "1 to {MAX_MANIFESTS} manifests, such as [[endpoint.manifest]] with name = \"index\" and kind = \"hls\""
        ));
        let mut manifests: Vec<Manifest> = Vec::new();
        for entry in list.list()? {
            let same = entry.fault("another manifest of this endpoint has this name and kind of file");
            let manifest = Manifest::read(entry.table()?, channel, segment_ms)?;
            if manifests.iter().any(|other| other.shares_a_file_with(&manifest)) {
                return Err(same);
            }
            manifests.push(manifest);
        }
        if manifests.is_empty() || manifests.len() > MAX_MANIFESTS {
            return Err(count);
        }
        fields.refuse_unimplemented(&["startover", "encryption", "drm", "ad_markers"])?;
        fields.finish()?;
        Ok(Self { name, channel: channel.name.clone(), path, segment_ms, identifier, allow, manifests })
    }
}

fn overlaps(paths: &BTreeSet<String>, path: &str) -> bool {
    let begins = |at: usize| paths.contains(&path[..at]);
    let below = format!("{path}/");
    path.match_indices('/').any(|(at, _)| begins(at))
        || paths.contains(path)
        || paths.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
}

fn path(field: &Field<'_>, channels: &[Channel]) -> Result<String, Fault> {
    let path = field.string()?;
    let mut elements = path.split('/');
    let first = elements.clone().next().unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_element = |element: &str| {
        (1..=MAX_ELEMENT).contains(&element.len()) && !element.starts_with('.') && element.bytes().all(fits)
    };
    if path.len() > MAX_PATH || elements.clone().count() > MAX_ELEMENTS || !elements.all(is_element) {
        return Err(field.fault(format!(
            "a path is 1 to {MAX_ELEMENTS} elements of A-Z a-z 0-9 - _ . with slashes between, such as \"out/v1/main\""
        )));
    }
    if TAKEN.contains(&first) || channels.iter().any(|channel| channel.name.as_str() == first) {
        return Err(field.fault(format!("what begins with /{first}/ is something else already")));
    }
    Ok(path.to_owned())
}

fn segment(field: &Field<'_>, channel: &Channel) -> Result<Option<u32>, Fault> {
    let wanted_ms = (field.number(1.0..=30.0, "seconds")? * 1e3).round() as u32;
    let channel_ms = channel.grid.duration_ms();
    if !wanted_ms.is_multiple_of(channel_ms) {
        return Err(field.fault(format!(
            "segments are joined, not cut: this is a whole multiple of the channel's {} s",
            f64::from(channel_ms) / 1e3
        )));
    }
    // A channel that is made elsewhere may come in shorter segments than it was said to.
    Ok(Some(wanted_ms).filter(|ms| *ms != channel_ms || channel.input == Input::Cmaf))
}

impl Identifier {
    fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let field = fields.need("header", "\"X-CDN-Identifier\"")?;
        let header = field.string()?.to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=128).contains(&header.len()) || !header.bytes().all(fits) {
            return Err(
                field.fault("a header field's name is wanted here, such as \"X-MediaPackage-CDNIdentifier\"")
            );
        }
        let mut values = Vec::new();
        for (name, read) in
            [("secrets", IdentifierValue::secret as fn(&Field<'_>) -> _), ("sha256", IdentifierValue::sha256)]
        {
            if let Some(field) = fields.take(name) {
                for entry in field.list()? {
                    values.push(read(&entry)?);
                }
            }
        }
        if values.is_empty() || values.len() > MAX_VALUES {
            return Err(fields.fault(format!(
                "1 to {MAX_VALUES} values in all that are taken: `secrets`, or `sha256` of them in hexadecimal digits"
            )));
        }
        fields.finish()?;
        Ok(Self { header, values })
    }
}

impl IdentifierValue {
    fn secret(field: &Field<'_>) -> Result<Self, Fault> {
        let text = field.string()?;
        if !(MIN_SECRET..=256).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(field.fault(format!("a secret is {MIN_SECRET} to 256 visible ASCII characters")));
        }
        Ok(Self::Secret(text.to_owned()))
    }

    fn sha256(field: &Field<'_>) -> Result<Self, Fault> {
        let text = field.string()?;
        let wrong = || field.fault("a SHA-256 is 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut digest = [0; 32];
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self::Sha256(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Workflow;
    use expect_test::{Expect, expect};

    fn read(endpoints: &str) -> Result<Vec<Endpoint>, String> {
        let text = format!("[[channel]]\nname = \"main\"\ninput = \"cmaf\"\n{endpoints}");
        Workflow::parse(&text).map(|workflow| workflow.endpoints).map_err(|fault| fault.to_string())
    }

    fn one(more: &str) -> Result<Vec<Endpoint>, String> {
        read(&format!(
            "[[endpoint]]\nname = \"a\"\nchannel = \"main\"\npath = \"out/v1/a\"\n{more}\n\
             [[endpoint.manifest]]\nname = \"index\"\nkind = \"hls\"\n"
        ))
    }

    fn refused(read: Result<Vec<Endpoint>, String>, fault: Expect) {
        fault.assert_eq(&read.expect_err("refused"));
    }

    #[test]
    fn a_file_without_endpoints_has_none() {
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn an_endpoint_is_a_path_and_manifests_of_a_channel() {
        let endpoints = one("segment = 6").expect("valid");
        let [endpoint] = endpoints.as_slice() else { panic!("one") };
        assert_eq!(endpoint.segment_ms, Some(6_000));
        assert_eq!(endpoint.manifests.len(), 1);
        assert_eq!(endpoint.identifier, None);
        refused(
            one("segment = 5"),
            expect![
                "line 8: endpoint[0].segment: segments are joined, not cut: this is a whole multiple of the channel's 2 s"
            ],
        );
        let allowed = one("allow = [\"10.0.0.0/8\"]").expect("valid");
        assert_eq!(allowed[0].allow, ["10.0.0.0/8".parse().expect("a network")]);
        refused(
            one("allow = []"),
            expect![
                "line 8: endpoint[0].allow: 1 to 64 networks can be named; without `allow` everybody may watch"
            ],
        );
        refused(
            one("startover = 60"),
            expect!["line 8: endpoint[0].startover: not implemented yet; remove it"],
        );
    }

    #[test]
    fn a_path_is_one_endpoints_only() {
        let path = |path: &str| {
            format!(
                "[[endpoint]]\nname = \"{path}\"\nchannel = \"main\"\npath = \"{path}\"\nmanifest = [{{ name = \"index\", kind = \"dash\" }}]\n"
            )
        };
        let both = |one: &str, other: &str| read(&format!("{}{}", path(one), path(other)));
        assert!(both("out/v1/a", "out/v1/ab").is_ok());
        for (one, other) in [("out/v1/a", "out/v1/a/b"), ("out/v1/a/b", "out/v1/a"), ("out", "out/v1/a/b")] {
            let fault = both(one, other).expect_err("refused");
            assert!(fault.contains("endpoint[1]: another endpoint's path"), "{fault}");
        }
        assert!(both("a", "a").expect_err("refused").contains("another endpoint has this name"));
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "a b", "1/2/3/4/5/6/7/8/9"] {
            assert!(read(&path(bad)).is_err(), "{bad}");
        }
        for taken in ["main/x", "ingest/x", "_", "in/x"] {
            let fault = read(&path(taken)).expect_err("refused");
            assert!(fault.contains("something else already") || taken == "_", "{fault}");
        }
    }

    #[test]
    fn an_identifier_is_a_header_and_secrets_that_nobody_is_shown() {
        let digest = "00".repeat(31) + "ff";
        let given = format!(
            "identifier = {{ header = \"X-CDN\", secrets = [\"s3cret-of-a-cdn\"], sha256 = [\"{digest}\"] }}"
        );
        let endpoints = one(&given).expect("valid");
        let identifier = endpoints[0].identifier.clone().expect("there is one");
        assert_eq!((identifier.header.as_str(), identifier.values.len()), ("x-cdn", 2));
        assert!(!format!("{endpoints:?}").contains("s3cret"));
        refused(
            one("identifier = { header = \"X-CDN\" }"),
            expect![
                "line 8: endpoint[0].identifier: 1 to 16 values in all that are taken: `secrets`, or `sha256` of them in hexadecimal digits"
            ],
        );
        refused(
            one("identifier = { header = \"X-CDN\", secrets = [\"short\"] }"),
            expect![
                "line 8: endpoint[0].identifier.secrets[0]: a secret is 8 to 256 visible ASCII characters"
            ],
        );
        refused(
            one("identifier = { header = \"X-CDN\", sha256 = [\"zz\"] }"),
            expect!["line 8: endpoint[0].identifier.sha256[0]: a SHA-256 is 64 hexadecimal digits"],
        );
    }
}
