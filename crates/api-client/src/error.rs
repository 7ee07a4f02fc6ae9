//! Why a command was not done.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::BaseUrl;
use crate::refusal::Refusal;
use crate::target::{ACCESS_KEY, SECRET_KEY, Whose};

/// Why a command was not done; each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key that the environment should have.
    #[error(
        "{0} is not set: --endpoint needs {ACCESS_KEY} and {SECRET_KEY}, a key of that machine (`headwater aws-env` there \
         prints its root's)"
    )]
    NoKey(&'static str),
    /// Nobody is there.
    #[error("nobody answers at {url}: {}", advice(whose))]
    Unreachable {
        /// Where.
        url: BaseUrl,
        /// Where that is from.
        whose: Whose,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody is there who does not say what was asked.
    #[error(
        "{url} was asked and did not answer within {patience:?}; whether it was done, `headwater status` and lists tell"
    )]
    Silent {
        /// Who.
        url: BaseUrl,
        /// How long.
        patience: Duration,
    },
    /// The connection or its HTTP broke.
    #[error("speak with {url}")]
    Connection {
        /// With whom.
        url: BaseUrl,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The answer is no answer of this API.
    #[error("{url} is no Headwater API, or another version of it: {what}")]
    Foreign {
        /// Who.
        url: BaseUrl,
        /// What it said.
        what: String,
    },
    /// TLS cannot be set up.
    #[error("certificate authorities: {0}")]
    Authorities(String),
    /// The request cannot be signed.
    #[error("the access key cannot sign a request: {0}")]
    Unsignable(String),
    /// The API will not.
    #[error("{asked}: {refusal}{}", key_advice(refusal.status, whose))]
    Refused {
        /// What was asked: `stop channel main`.
        asked: String,
        /// What it says.
        refusal: Box<Refusal>,
        /// Whose key was shown.
        whose: Whose,
    },
    /// A list that does not end.
    #[error("the list has more than {0} entries; ask for one kind of them with `resource ls --kind`")]
    Endless(usize),
    /// A file of channels cannot be read.
    #[error("`{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It can, and holds no channels.
    #[error("`{}`: {what}", path.display())]
    NoChannels {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// What it says cannot be shown.
    #[error("write the answer")]
    Output(#[source] io::Error),
}

fn advice(whose: &Whose) -> String {
    match whose {
        Whose::Folder(folder) => format!(
            "is `headwater up` with the data folder `{}` running? If another one is meant, give its folder with --data",
            folder.display()
        ),
        Whose::Caller => {
            "is it the address of [listen] control on that machine, or of what is put in front of it?"
                .to_owned()
        }
    }
}

fn key_advice(status: u16, whose: &Whose) -> String {
    match (status, whose) {
        (401, Whose::Caller) => {
            format!("\ncheck {ACCESS_KEY} and {SECRET_KEY}, and the clock of this machine")
        }
        _ => String::new(),
    }
}
