//! An origin of a configuration as a table.

use std::net::IpAddr;

use aws::{Error, Map, Value};
use door::Site;
use toml::Table;

use super::Policies;
use crate::access_control;
use crate::error::invalid;
use crate::inside::{self, Place};
use crate::policy::Kind;
use crate::read::{maps, number, text};
use crate::refuse::not_done;

pub(super) fn table(origin: &Map, policies: &Policies, site: &Site) -> Result<Table, Error> {
    let domain = text(origin, "DomainName");
    let place = inside::place(domain, site);
    let custom = origin.get("CustomOriginConfig").and_then(Value::as_map);
    if custom.is_some() && origin.get("S3OriginConfig").is_some() {
        return Err(Error::new(
            "InvalidOrigin",
            "An origin has an S3OriginConfig or a CustomOriginConfig, not both.",
        ));
    }
    if origin.get("S3OriginConfig").is_some() && !inside::is_s3(domain) {
        return Err(Error::new(
            "InvalidOrigin",
            format!("{domain} is no bucket's name, such as media.s3.us-west-2.amazonaws.com."),
        ));
    }
    let path = text(origin, "OriginPath").to_owned();
    let (target, path) = match &place {
        Place::Inside(folder) => ("origin".to_owned(), format!("{folder}{path}")),
        Place::Outside => (outside(domain, custom)?, path),
    };
    signature(origin, policies, &place)?;
    let mut one = door::table([("id", text(origin, "Id").to_owned()), ("target", target), ("path", path)]);
    let headers: Vec<_> = maps(origin, "CustomHeaders")
        .map(|header| {
            door::table([("name", text(header, "HeaderName")), ("value", text(header, "HeaderValue"))])
        })
        .collect();
    if !headers.is_empty() {
        one.insert("headers".into(), headers.into());
    }
    let mut seconds = |name: &str, value: Option<i64>| {
        if let Some(value) = value {
            one.insert(name.into(), value.into());
        }
    };
    seconds("connect_timeout", number(origin, "ConnectionTimeout"));
    seconds("attempts", number(origin, "ConnectionAttempts"));
    if let Some(custom) = custom {
        seconds("read_timeout", number(custom, "OriginReadTimeout"));
        seconds("keep_alive", number(custom, "OriginKeepaliveTimeout"));
    }
    seconds("read_timeout", number(origin, "S3OriginConfig.OriginReadTimeout"));
    Ok(one)
}

/// The URL of an origin elsewhere.
fn outside(domain: &str, custom: Option<&Map>) -> Result<String, Error> {
    let custom =
        custom.ok_or_else(|| Error::new("InvalidOrigin", "An origin elsewhere has a CustomOriginConfig."))?;
    let (scheme, port) = match text(custom, "OriginProtocolPolicy") {
        "http-only" => ("http", number(custom, "HTTPPort")),
        "https-only" => ("https", number(custom, "HTTPSPort")),
        other => {
            return Err(not_done(&format!("OriginProtocolPolicy {other} (http-only and https-only are)")));
        }
    };
    let name = domain.to_ascii_lowercase();
    let is_address = name.parse::<IpAddr>().is_ok() || name.starts_with('[');
    // Viewers would reach through the edge what only this machine may.
    if is_address || name.ends_with(".localhost") {
        return Err(Error::new(
            "InvalidOrigin",
            format!(
                "The specified origin server `{domain}` is not valid: an origin elsewhere has a name, and is not this machine."
            ),
        ));
    }
    let port = port.filter(|port| (1..=65_535).contains(port));
    let port = port.ok_or_else(|| invalid("HTTPPort and HTTPSPort are 1 to 65535"))?;
    let url = format!("{scheme}://{domain}:{port}");
    match url.parse::<spec::OriginUrl>() {
        Ok(found) if found.host == domain => Ok(url),
        _ => Err(Error::new(
            "InvalidOrigin",
            format!(
                "The specified origin server `{domain}` is not valid: a host name without port and path is wanted."
            ),
        )),
    }
}

/// Requests to an origin elsewhere are never signed; this machine's own needs no signature.
fn signature(origin: &Map, policies: &Policies, place: &Place) -> Result<(), Error> {
    let id = text(origin, "OriginAccessControlId");
    if id.is_empty() {
        return Ok(());
    }
    let control = policies.find(Kind::AccessControl, id).map_err(|_| {
        Error::new("InvalidOriginAccessControl", format!("The origin access control {id} does not exist."))
    })?;
    if *place == Place::Outside && access_control::signs(&control) {
        return Err(not_done(&format!(
            "OriginAccessControlId {id}: signing of requests to an origin that is not this machine's (SigningBehavior never is)"
        )));
    }
    Ok(())
}
