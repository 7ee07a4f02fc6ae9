//! Settings that are valid and not done here, refused by name.

use aws::{Error, Map, Value};

use crate::error::invalid;
use crate::read::{at, flag, maps, text, texts};

/// Says no to the first setting of a completed configuration that nothing here would carry out.
pub(crate) fn check(config: &Map) -> Result<(), Error> {
    unset(config, "", &WHOLE)?;
    match text(config, "Restrictions.GeoRestriction.RestrictionType") {
        "none" => {}
        _ => return Err(not_done("Restrictions.GeoRestriction")),
    }
    if text(config, "HttpVersion") == "http1.1" {
        return Err(invalid(
            "HttpVersion http1.1 is not implemented: viewers choose among the protocols that this edge speaks; use http2 or http2and3",
        ));
    }
    for (place, origin) in maps(config, "Origins").enumerate() {
        let path = format!("Origins.{}", place + 1);
        unset(origin, &path, &ORIGIN)?;
        if let Some(custom) = at(origin, "CustomOriginConfig").and_then(Value::as_map) {
            unset(custom, &format!("{path}.CustomOriginConfig"), &CUSTOM_ORIGIN)?;
            if text(custom, "OriginHttpVersion") == "http2" {
                return Err(not_done(&format!("{path}.CustomOriginConfig.OriginHttpVersion http2")));
            }
            if text(custom, "IpAddressType") == "ipv6" {
                return Err(not_done(&format!("{path}.CustomOriginConfig.IpAddressType ipv6")));
            }
            if !texts(custom, "OriginSslProtocols").iter().any(|protocol| protocol == "TLSv1.2") {
                return Err(not_done(&format!(
                    "{path}.CustomOriginConfig.OriginSslProtocols without TLSv1.2"
                )));
            }
        }
    }
    for (place, group) in maps(config, "OriginGroups").enumerate() {
        if text(group, "SelectionCriteria") == "media-quality-based" {
            return Err(not_done(&format!(
                "OriginGroups.{}.SelectionCriteria media-quality-based",
                place + 1
            )));
        }
    }
    let default = at(config, "DefaultCacheBehavior").and_then(Value::as_map);
    if let Some(default) = default {
        behaviour(default, "DefaultCacheBehavior")?;
    }
    for (place, other) in maps(config, "CacheBehaviors").enumerate() {
        behaviour(other, &format!("CacheBehaviors.{}", place + 1))?;
    }
    Ok(())
}

fn behaviour(behaviour: &Map, path: &str) -> Result<(), Error> {
    unset(behaviour, path, &BEHAVIOUR)?;
    let methods = texts(behaviour, "AllowedMethods");
    if let Some(method) = methods.iter().find(|method| !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS"))
    {
        return Err(not_done(&format!("{path}.AllowedMethods {method}")));
    }
    for needed in ["GET", "HEAD"] {
        if !methods.iter().any(|method| method == needed) {
            return Err(invalid(format!("{path}.AllowedMethods: GET and HEAD are always among them")));
        }
    }
    Ok(())
}

/// What a member may say without asking for anything.
#[derive(Clone, Copy)]
enum Idle {
    /// Only nothing.
    Missing,
    /// Nothing, or an empty text.
    Empty,
    /// Nothing, or false in this member of it; empty: in itself.
    Off(&'static str),
    /// Nothing, or no items.
    NoItems,
    /// Nothing, or this.
    Word(&'static str),
}

const WHOLE: [(&str, Idle); 13] = [
    ("Logging", Idle::Off("Enabled")),
    ("WebACLId", Idle::Empty),
    ("ViewerCertificate.ACMCertificateArn", Idle::Empty),
    ("ViewerCertificate.IAMCertificateId", Idle::Empty),
    ("ViewerCertificate.Certificate", Idle::Empty),
    ("ContinuousDeploymentPolicyId", Idle::Empty),
    ("Staging", Idle::Off("")),
    ("AnycastIpListId", Idle::Empty),
    ("TenantConfig", Idle::Missing),
    ("ConnectionMode", Idle::Word("direct")),
    ("ViewerMtlsConfig", Idle::Missing),
    ("ConnectionFunctionAssociation", Idle::Missing),
    ("CacheTagConfig", Idle::Missing),
];

const ORIGIN: [(&str, Idle); 4] = [
    ("S3OriginConfig.OriginAccessIdentity", Idle::Empty),
    ("VpcOriginConfig", Idle::Missing),
    ("OriginShield", Idle::Off("Enabled")),
    ("ResponseCompletionTimeout", Idle::Missing),
];

const CUSTOM_ORIGIN: [(&str, Idle); 1] = [("OriginMtlsConfig", Idle::Missing)];

const BEHAVIOUR: [(&str, Idle); 8] = [
    ("TrustedSigners", Idle::Off("Enabled")),
    ("TrustedKeyGroups", Idle::Off("Enabled")),
    ("SmoothStreaming", Idle::Off("")),
    ("LambdaFunctionAssociations", Idle::NoItems),
    ("FunctionAssociations", Idle::NoItems),
    ("FieldLevelEncryptionId", Idle::Empty),
    ("RealtimeLogConfigArn", Idle::Empty),
    ("GrpcConfig", Idle::Off("Enabled")),
];

fn unset(map: &Map, path: &str, members: &[(&str, Idle)]) -> Result<(), Error> {
    for (member, idle) in members {
        let is_idle = match (at(map, member), idle) {
            (None, _) => true,
            (Some(_), Idle::Missing) => false,
            (Some(value), Idle::Empty) => value.as_str() == Some(""),
            (Some(Value::Map(inner)), Idle::Off(flags)) => !flag(inner, flags),
            (Some(value), Idle::Off(_)) => *value == Value::Boolean(false),
            (Some(Value::Map(inner)), Idle::NoItems) => {
                inner.get("Items").and_then(Value::as_list).is_none_or(<[Value]>::is_empty)
            }
            (Some(_), Idle::NoItems) => false,
            (Some(value), Idle::Word(word)) => value.as_str() == Some(*word),
        };
        if !is_idle {
            return Err(not_done(&if path.is_empty() {
                (*member).to_owned()
            } else {
                format!("{path}.{member}")
            }));
        }
    }
    Ok(())
}

/// The refusal of a setting.
pub(crate) fn not_done(what: &str) -> Error {
    invalid(format!("{what} is not implemented here; leave it out"))
}
