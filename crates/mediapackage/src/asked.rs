//! What an endpoint asks of the workflow, whichever version of the service it is of.

use door::table;
use toml::{Table, Value};

/// An `[[endpoint]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) path: String,
    /// The workflow channel.
    pub(crate) channel: String,
    /// How long segments should be, in seconds.
    pub(crate) segment_s: Option<u32>,
    pub(crate) identifier: Option<Identifier>,
    /// Networks that may watch; everybody's where there is none.
    pub(crate) allow: Vec<String>,
    pub(crate) manifests: Vec<Manifest>,
}

/// What a CDN has to bring.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identifier {
    pub(crate) header: &'static str,
    /// In hexadecimal digits.
    pub(crate) sha256: Vec<String>,
}

/// An `[[endpoint.manifest]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) window_s: u32,
    pub(crate) delay_s: u32,
    /// What else it sets, as the workflow file names it.
    pub(crate) more: Vec<(&'static str, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hls,
    LowLatencyHls,
    Dash,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Hls => "hls",
            Self::LowLatencyHls => "ll-hls",
            Self::Dash => "dash",
        }
    }

    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Hls | Self::LowLatencyHls => "m3u8",
            Self::Dash => "mpd",
        }
    }
}

impl Manifest {
    /// Most seconds back that a channel of the workflow keeps.
    pub(crate) const LONGEST_S: u32 = 3_600;

    /// Its file's name.
    pub(crate) fn file(&self) -> String {
        format!("{}.{}", self.name, self.kind.ending())
    }

    fn table(&self) -> Table {
        let mut table = table([
            ("name", Value::from(self.name.clone())),
            ("kind", Value::from(self.kind.word())),
            ("window", Value::from(self.window_s)),
            ("delay", Value::from(self.delay_s)),
        ]);
        table.extend(self.more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        table
    }
}

impl Asked {
    /// Whether any of its manifests is of parts; they come as the channel cuts them, so its segments cannot be joined.
    pub(crate) fn has_parts(&self) -> bool {
        self.manifests.iter().any(|manifest| manifest.kind == Kind::LowLatencyHls)
    }

    /// Its table of a workflow file.
    pub(crate) fn table(&self) -> Table {
        let manifests = self.manifests.iter().map(|manifest| Value::Table(manifest.table())).collect();
        let mut table = table([
            ("name", Value::from(self.name.clone())),
            ("channel", Value::from(self.channel.clone())),
            ("path", Value::from(self.path.clone())),
            ("manifest", Value::Array(manifests)),
        ]);
        if let Some(segment_s) = self.segment_s.filter(|_| !self.has_parts()) {
            table.insert("segment".to_owned(), Value::from(segment_s));
        }
        if let Some(Identifier { header, sha256 }) = &self.identifier {
            let sha256 = sha256.iter().cloned().map(Value::from).collect();
            let identifier =
                door::table([("header", Value::from(*header)), ("sha256", Value::Array(sha256))]);
            table.insert("identifier".to_owned(), Value::Table(identifier));
        }
        if !self.allow.is_empty() {
            let allow = self.allow.iter().cloned().map(Value::from).collect();
            table.insert("allow".to_owned(), Value::Array(allow));
        }
        table
    }
}
