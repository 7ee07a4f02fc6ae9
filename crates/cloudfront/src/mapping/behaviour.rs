//! A behaviour of a configuration as a table.

use aws::{Error, Map, Value};
use toml::Table;

use super::Policies;
use crate::error::invalid;
use crate::policy::Kind;
use crate::read::{flag, text, texts};
use crate::refuse::not_done;
use crate::{cache_policy, origin_request_policy, response_headers_policy};

pub(super) fn table(behaviour: &Map, policies: &Policies) -> Result<Table, Error> {
    let mut one = Table::new();
    let pattern = text(behaviour, "PathPattern");
    if !pattern.is_empty() {
        one.insert("path".into(), pattern.into());
    } else if behaviour.get("PathPattern").is_some() {
        return Err(invalid("PathPattern is 1 to 255 characters"));
    }
    one.insert("origin".into(), text(behaviour, "TargetOriginId").into());
    one.insert("viewer_protocol".into(), text(behaviour, "ViewerProtocolPolicy").into());
    one.insert("methods".into(), texts(behaviour, "AllowedMethods").into());
    let (policy, values) =
        (text(behaviour, "CachePolicyId"), behaviour.get("ForwardedValues").and_then(Value::as_map));
    let request_policy = text(behaviour, "OriginRequestPolicyId");
    let packs = match (policy, values) {
        ("", None) => {
            return Err(invalid("The parameter ForwardedValues cannot be null without a CachePolicyId."));
        }
        ("", Some(values)) => {
            if !request_policy.is_empty() {
                return Err(invalid("The parameter OriginRequestPolicyId needs a CachePolicyId beside it."));
            }
            forwarded(values, &mut one)?;
            one.insert("ttl".into(), cache_policy::ttl(behaviour)?.into());
            true
        }
        (_, Some(_)) => {
            return Err(invalid(
                "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior.",
            ));
        }
        (id, None) => {
            for ttl in ["MinTTL", "DefaultTTL", "MaxTTL"] {
                if behaviour.get(ttl).is_some() {
                    return Err(invalid(format!(
                        "The parameter {ttl} cannot be used when a cache policy is associated to the cache behavior."
                    )));
                }
            }
            let config = policies.find(Kind::Cache, id)?;
            cache_policy::add(&config, &mut one)?;
            cache_policy::packs(&config)
        }
    };
    one.insert("compress".into(), (packs && flag(behaviour, "Compress")).into());
    if !request_policy.is_empty() {
        one.extend(origin_request_policy::read(&policies.find(Kind::OriginRequest, request_policy)?)?);
    }
    let response = text(behaviour, "ResponseHeadersPolicyId");
    if !response.is_empty() {
        let config = policies.find(Kind::ResponseHeaders, response)?;
        one.insert("response".into(), response_headers_policy::table(&config)?.into());
    }
    for list in ["headers", "forward_headers"] {
        let made = one.get(list).and_then(toml::Value::as_array).into_iter().flatten();
        if let Some(name) = made
            .filter_map(toml::Value::as_str)
            .find(|name| name.to_ascii_lowercase().starts_with("cloudfront-"))
        {
            return Err(not_done(&format!("the header {name}, which CloudFront makes itself,")));
        }
    }
    Ok(one)
}

/// The settings from before there were policies: what is forwarded is in the key.
fn forwarded(values: &Map, one: &mut Table) -> Result<(), Error> {
    let keys = texts(values, "QueryStringCacheKeys");
    match (flag(values, "QueryString"), keys.is_empty()) {
        (false, true) => {}
        (false, false) => return Err(invalid("QueryStringCacheKeys are for a QueryString of true")),
        (true, true) => {
            one.insert("query".into(), "all".into());
        }
        (true, false) => {
            one.insert("query".into(), keys.into());
            one.insert("forward_query".into(), "all".into());
        }
    }
    let headers = texts(values, "Headers");
    if headers.iter().any(|name| name == "*") {
        return Err(not_done("ForwardedValues.Headers * (all of a viewer's headers)"));
    }
    one.insert("headers".into(), headers.into());
    match text(values, "Cookies.Forward") {
        "none" => {}
        "whitelist" => {
            one.insert("cookies".into(), texts(values, "Cookies.WhitelistedNames").into());
        }
        other => return Err(not_done(&format!("ForwardedValues.Cookies.Forward {other}"))),
    }
    Ok(())
}
