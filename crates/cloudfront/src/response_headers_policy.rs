//! Response headers policies: what is done to answers' header fields.

use aws::{Error, Map, Value};
use toml::Table;

use crate::error::invalid;
use crate::read::{at, flag, maps, number, text, texts};
use crate::refuse::not_done;

/// The `response` of a behaviour's table that it says.
pub(crate) fn table(config: &Map) -> Result<Table, Error> {
    if flag(config, "ServerTimingHeadersConfig.Enabled") {
        return Err(not_done("ServerTimingHeadersConfig"));
    }
    let mut response = Table::new();
    let removed: Vec<_> =
        maps(config, "RemoveHeadersConfig").map(|header| text(header, "Header").to_owned()).collect();
    if !removed.is_empty() {
        response.insert("remove".into(), removed.into());
    }
    if let Some(Value::Map(wanted)) = config.get("CorsConfig") {
        response.insert("cors".into(), cors(wanted).into());
    }
    let mut set = match config.get("SecurityHeadersConfig") {
        Some(Value::Map(security)) => security_headers(security),
        _ => Vec::new(),
    };
    for header in maps(config, "CustomHeadersConfig") {
        set.push(field(text(header, "Header"), text(header, "Value").to_owned(), flag(header, "Override")));
    }
    if !set.is_empty() {
        response.insert("set".into(), set.into());
    }
    if response.is_empty() {
        return Err(invalid("A response headers policy sets or removes at least one header."));
    }
    crate::mapping::try_behaviour(table_of("response", response.clone()))?;
    Ok(response)
}

fn cors(wanted: &Map) -> Table {
    let mut methods = texts(wanted, "AccessControlAllowMethods");
    if methods.iter().any(|method| method == "ALL") {
        methods = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"].map(str::to_owned).into();
    }
    let mut cors = table_of("origins", texts(wanted, "AccessControlAllowOrigins"));
    cors.insert("methods".into(), methods.into());
    cors.insert("headers".into(), texts(wanted, "AccessControlAllowHeaders").into());
    cors.insert("expose".into(), texts(wanted, "AccessControlExposeHeaders").into());
    cors.insert("credentials".into(), flag(wanted, "AccessControlAllowCredentials").into());
    cors.insert("override".into(), flag(wanted, "OriginOverride").into());
    if let Some(seconds) = number(wanted, "AccessControlMaxAgeSec") {
        cors.insert("max_age".into(), seconds.into());
    }
    cors
}

fn security_headers(security: &Map) -> Vec<Table> {
    let mut set = Vec::new();
    let part = |name| at(security, name).and_then(Value::as_map);
    if let Some(hsts) = part("StrictTransportSecurity") {
        let mut value = format!("max-age={}", number(hsts, "AccessControlMaxAgeSec").unwrap_or_default());
        if flag(hsts, "IncludeSubdomains") {
            value.push_str("; includeSubDomains");
        }
        if flag(hsts, "Preload") {
            value.push_str("; preload");
        }
        set.push(field("strict-transport-security", value, flag(hsts, "Override")));
    }
    if let Some(options) = part("ContentTypeOptions") {
        set.push(field("x-content-type-options", "nosniff".to_owned(), flag(options, "Override")));
    }
    if let Some(frame) = part("FrameOptions") {
        set.push(field("x-frame-options", text(frame, "FrameOption").to_owned(), flag(frame, "Override")));
    }
    if let Some(referrer) = part("ReferrerPolicy") {
        set.push(field(
            "referrer-policy",
            text(referrer, "ReferrerPolicy").to_owned(),
            flag(referrer, "Override"),
        ));
    }
    if let Some(content) = part("ContentSecurityPolicy") {
        let value = text(content, "ContentSecurityPolicy").to_owned();
        set.push(field("content-security-policy", value, flag(content, "Override")));
    }
    if let Some(xss) = part("XSSProtection") {
        let mut value = if flag(xss, "Protection") { "1" } else { "0" }.to_owned();
        if flag(xss, "ModeBlock") {
            value.push_str("; mode=block");
        } else if !text(xss, "ReportUri").is_empty() {
            value.push_str(&format!("; report={}", text(xss, "ReportUri")));
        }
        set.push(field("x-xss-protection", value, flag(xss, "Override")));
    }
    set
}

fn field(name: &str, value: String, overrides: bool) -> Table {
    let mut field = door::table([("name", name.to_owned()), ("value", value)]);
    field.insert("override".into(), overrides.into());
    field
}

fn table_of(name: &'static str, value: impl Into<toml::Value>) -> Table {
    door::table([(name, value)])
}
