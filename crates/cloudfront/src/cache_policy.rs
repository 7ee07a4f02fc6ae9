//! Cache policies: what is in a key, and how long things stay.

use aws::{Error, Map, Value};
use door::table;
use toml::Table;

use crate::error::invalid;
use crate::read::{at, flag, number, text, texts};
use crate::refuse::not_done;

/// With CloudFront's lifetimes where none are said.
pub(crate) fn complete(mut config: Map) -> Map {
    let least = number(&config, "MinTTL").unwrap_or_default();
    if number(&config, "DefaultTTL").is_none() {
        config.insert("DefaultTTL", least.max(86_400));
    }
    let usual = number(&config, "DefaultTTL").unwrap_or_default();
    if number(&config, "MaxTTL").is_none() {
        config.insert("MaxTTL", usual.max(31_536_000));
    }
    config
}

/// Refuses what nothing here would carry out, and lifetimes that cannot be.
pub(crate) fn check(config: &Map) -> Result<(), Error> {
    ttl(config).map(drop)?;
    if at(config, PARAMETERS).is_some() {
        let mut behaviour = Table::new();
        add(config, &mut behaviour)?;
        crate::mapping::try_behaviour(behaviour)?;
    }
    Ok(())
}

const PARAMETERS: &str = "ParametersInCacheKeyAndForwardedToOrigin";

/// Adds what the policy says to a behaviour's table.
pub(crate) fn add(config: &Map, behaviour: &mut Table) -> Result<(), Error> {
    behaviour.insert("ttl".into(), ttl(config)?.into());
    let Some(Value::Map(parameters)) = at(config, PARAMETERS) else { return Ok(()) };
    if text(parameters, "HeadersConfig.HeaderBehavior") == "whitelist" {
        behaviour.insert("headers".into(), texts(parameters, "HeadersConfig.Headers").into());
    }
    match text(parameters, "CookiesConfig.CookieBehavior") {
        "whitelist" => {
            behaviour.insert("cookies".into(), texts(parameters, "CookiesConfig.Cookies").into());
        }
        "none" => {}
        other => return Err(not_done(&format!("CookieBehavior {other} in a cache policy"))),
    }
    let names = texts(parameters, "QueryStringsConfig.QueryStrings");
    let behavior = text(parameters, "QueryStringsConfig.QueryStringBehavior");
    behaviour.insert("query".into(), query(behavior, names)?);
    Ok(())
}

/// Whether text may be packed with gzip for viewers.
pub(crate) fn packs(config: &Map) -> bool {
    flag(config, &format!("{PARAMETERS}.EnableAcceptEncodingGzip"))
}

/// Parameters of a query as the workflow file says them.
pub(crate) fn query(behavior: &str, names: Vec<String>) -> Result<toml::Value, Error> {
    Ok(match behavior {
        "none" => "none".into(),
        "all" => "all".into(),
        "whitelist" => names.into(),
        "allExcept" => table([("except", names)]).into(),
        other => return Err(invalid(format!("there is no behavior `{other}` for query strings"))),
    })
}

/// Lifetimes as the workflow file says them.
pub(crate) fn ttl(config: &Map) -> Result<Table, Error> {
    let seconds = |member, unsaid| number(config, member).unwrap_or(unsaid);
    let (min, default, max) =
        (seconds("MinTTL", 0), seconds("DefaultTTL", 86_400), seconds("MaxTTL", 31_536_000));
    if min < 0 {
        return Err(invalid("MinTTL is 0 or more"));
    }
    if !(min <= default && default <= max) {
        return Err(Error::new(
            "InvalidTTLOrder",
            "The MinTTL is at most the DefaultTTL, and that at most the MaxTTL.",
        ));
    }
    if max > 3_153_600_000 {
        return Err(invalid("MaxTTL is at most 3153600000 seconds"));
    }
    Ok(table([("min", min), ("default", default), ("max", max)]))
}
