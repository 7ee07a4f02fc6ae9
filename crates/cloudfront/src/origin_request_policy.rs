//! Origin request policies: what an origin is told besides what is in the key.

use aws::{Error, Map};
use toml::Table;

use crate::cache_policy::query;
use crate::read::{text, texts};
use crate::refuse::not_done;

/// The part of a behaviour's table that it says.
pub(crate) fn read(config: &Map) -> Result<Table, Error> {
    let mut behaviour = Table::new();
    match text(config, "HeadersConfig.HeaderBehavior") {
        "none" => {}
        "whitelist" => {
            behaviour.insert("forward_headers".into(), texts(config, "HeadersConfig.Headers").into());
        }
        other => return Err(not_done(&format!("HeaderBehavior {other} in an origin request policy"))),
    }
    match text(config, "CookiesConfig.CookieBehavior") {
        "none" => {}
        "whitelist" => {
            behaviour.insert("forward_cookies".into(), texts(config, "CookiesConfig.Cookies").into());
        }
        other => return Err(not_done(&format!("CookieBehavior {other} in an origin request policy"))),
    }
    let names = texts(config, "QueryStringsConfig.QueryStrings");
    let parameters = query(text(config, "QueryStringsConfig.QueryStringBehavior"), names)?;
    behaviour.insert("forward_query".into(), parameters);
    crate::mapping::try_behaviour(behaviour.clone())?;
    Ok(behaviour)
}
