//! Whom to ask, and as whom.

use std::path::PathBuf;

use identity::Secret;

use crate::{BaseUrl, Error};

/// The variable with the access key, for an API that `--endpoint` names.
pub const ACCESS_KEY: &str = "HEADWATER_ACCESS_KEY";
/// The variable with its secret.
pub const SECRET_KEY: &str = "HEADWATER_SECRET_KEY";

/// Whom to ask, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where the API is.
    pub url: BaseUrl,
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
    /// A file of certificate authorities besides the system's.
    pub authorities: Option<PathBuf>,
    /// Where URL and key are from, for what is said when nobody answers or the key is refused.
    pub whose: Whose,
}

/// Where URL and key are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The data folder of a `headwater up` on this machine.
    Folder(PathBuf),
    /// The command line and the environment.
    Caller,
}

/// Access key and secret as the environment has them.
pub fn keys_of_environment() -> Result<(String, Secret), Error> {
    let set = |name| std::env::var(name).ok().filter(|text| !text.is_empty()).ok_or(Error::NoKey(name));
    Ok((set(ACCESS_KEY)?, Secret::new(set(SECRET_KEY)?)))
}
