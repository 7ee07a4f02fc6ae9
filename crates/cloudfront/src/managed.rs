//! The policies that AWS itself makes, by their well-known ids.
//!
//! Those that ask for what is not done here (all of a viewer's header fields or cookies) are shown, and refused with the
//! distribution that names them. The four that AWS keeps for Amplify's own hosting are not here.
//!
//! Ids and contents: CloudFront's developer guide, "Use managed cache policies", "… origin request policies" and "… response headers
//! policies"; names, comments and encodings as accounts list them.

use aws::{Map, Value};

use crate::policy::Kind;
use crate::read::{list, words};

/// One of them.
pub(crate) fn find(kind: Kind, id: &str) -> Option<Map> {
    all(kind).into_iter().find(|(known, _)| *known == id).map(|(_, config)| config)
}

/// All of a kind, with their ids.
pub(crate) fn all(kind: Kind) -> Vec<(&'static str, Map)> {
    match kind {
        Kind::Cache => cache(),
        Kind::OriginRequest => origin_request(),
        Kind::ResponseHeaders => response_headers(),
        Kind::AccessControl => Vec::new(),
    }
}

fn named(name: &str, comment: &str) -> Map {
    // Two are listed without the prefix that all others have.
    let prefix = if name.starts_with("UseOrigin") { "" } else { "Managed-" };
    Map::new().with("Comment", comment).with("Name", format!("{prefix}{name}"))
}

fn headers(behavior: &str, names: &[&str]) -> Map {
    chosen("HeaderBehavior", behavior, "Headers", names)
}

fn cookies(behavior: &str) -> Map {
    chosen("CookieBehavior", behavior, "Cookies", &[])
}

fn query(behavior: &str, names: &[&str]) -> Map {
    chosen("QueryStringBehavior", behavior, "QueryStrings", names)
}

fn chosen(behavior: &'static str, word: &str, of: &'static str, names: &[&str]) -> Map {
    let chosen = Map::new().with(behavior, word);
    if names.is_empty() { chosen } else { chosen.with(of, words(names)) }
}

fn cache() -> Vec<(&'static str, Map)> {
    let policy = |name, comment, [min, default, max]: [i64; 3], packs: &[&str], key: [Map; 3]| {
        let [headers, cookies, query] = key;
        let parameters = Map::new()
            .with("EnableAcceptEncodingGzip", packs.contains(&"gzip"))
            .with("EnableAcceptEncodingBrotli", packs.contains(&"br"))
            .with("HeadersConfig", headers)
            .with("CookiesConfig", cookies)
            .with("QueryStringsConfig", query);
        named(name, comment)
            .with("DefaultTTL", default)
            .with("MaxTTL", max)
            .with("MinTTL", min)
            .with("ParametersInCacheKeyAndForwardedToOrigin", parameters)
    };
    let nothing = || [headers("none", &[]), cookies("none"), query("none", &[])];
    const YEAR: i64 = 31_536_000;
    const BOTH: &[&str] = &["gzip", "br"];
    let origins_words = ["host", "origin", "x-http-method", "x-http-method-override", "x-method-override"];
    vec![
        (
            "658327ea-f89d-4fab-a63d-7e88639e58f6",
            policy(
                "CachingOptimized",
                "Policy with caching enabled. Supports Gzip and Brotli compression.",
                [1, 86_400, YEAR],
                BOTH,
                nothing(),
            ),
        ),
        (
            "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
            policy(
                "CachingOptimizedForUncompressedObjects",
                "Default policy when compression is disabled",
                [1, 86_400, YEAR],
                &[],
                nothing(),
            ),
        ),
        (
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            policy("CachingDisabled", "Policy with caching disabled", [0, 0, 0], &[], nothing()),
        ),
        (
            "08627262-05a9-4f76-9ded-b50ca2e3a84f",
            policy(
                "Elemental-MediaPackage",
                "Policy for Elemental MediaPackage Origin",
                [0, 86_400, YEAR],
                &["gzip"],
                [
                    headers("whitelist", &["origin"]),
                    cookies("none"),
                    query("whitelist", &["aws.manifestfilter", "end", "m", "start"]),
                ],
            ),
        ),
        (
            "2e54312d-136d-493c-8eb9-b001f22f67d2",
            policy(
                "Amplify",
                "Policy for Amplify Origin",
                [2, 2, 600],
                BOTH,
                [
                    headers("whitelist", &["Authorization", "CloudFront-Viewer-Country", "Host"]),
                    cookies("all"),
                    query("all", &[]),
                ],
            ),
        ),
        (
            "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
            policy(
                "UseOriginCacheControlHeaders",
                "Policy for origins that return Cache-Control headers. Query strings are not included in the cache key.",
                [0, 0, YEAR],
                BOTH,
                [headers("whitelist", &origins_words), cookies("all"), query("none", &[])],
            ),
        ),
        (
            "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
            policy(
                "UseOriginCacheControlHeaders-QueryStrings",
                "Policy for origins that return Cache-Control headers and serve different content based on values present in the query string.",
                [0, 0, YEAR],
                BOTH,
                [headers("whitelist", &origins_words), cookies("all"), query("all", &[])],
            ),
        ),
    ]
}

/// The header fields that CloudFront could add in June 2022.
const CLOUDFRONT_HEADERS_2022_06: [&str; 21] = [
    "CloudFront-Forwarded-Proto",
    "CloudFront-Is-Android-Viewer",
    "CloudFront-Is-Desktop-Viewer",
    "CloudFront-Is-IOS-Viewer",
    "CloudFront-Is-Mobile-Viewer",
    "CloudFront-Is-SmartTV-Viewer",
    "CloudFront-Is-Tablet-Viewer",
    "CloudFront-Viewer-Address",
    "CloudFront-Viewer-ASN",
    "CloudFront-Viewer-City",
    "CloudFront-Viewer-Country",
    "CloudFront-Viewer-Country-Name",
    "CloudFront-Viewer-Country-Region",
    "CloudFront-Viewer-Country-Region-Name",
    "CloudFront-Viewer-Http-Version",
    "CloudFront-Viewer-Latitude",
    "CloudFront-Viewer-Longitude",
    "CloudFront-Viewer-Metro-Code",
    "CloudFront-Viewer-Postal-Code",
    "CloudFront-Viewer-Time-Zone",
    "CloudFront-Viewer-TLS",
];

fn origin_request() -> Vec<(&'static str, Map)> {
    let policy = |name, comment, headers: Map, cookies: Map, query: Map| {
        named(name, comment)
            .with("HeadersConfig", headers)
            .with("CookiesConfig", cookies)
            .with("QueryStringsConfig", query)
    };
    let cors = ["origin", "access-control-request-headers", "access-control-request-method"];
    vec![
        (
            "216adef6-5c7f-47e4-b989-5492eafa07d3",
            policy(
                "AllViewer",
                "Policy to forward all parameters in viewer requests",
                headers("allViewer", &[]),
                cookies("all"),
                query("all", &[]),
            ),
        ),
        (
            "33f36d7e-f396-46d9-90e0-52428a34d9dc",
            policy(
                "AllViewerAndCloudFrontHeaders-2022-06",
                "Policy to forward all parameters in viewer requests and all CloudFront headers",
                headers("allViewerAndWhitelistCloudFront", &CLOUDFRONT_HEADERS_2022_06),
                cookies("all"),
                query("all", &[]),
            ),
        ),
        (
            "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            policy(
                "AllViewerExceptHostHeader",
                "Policy to forward all parameters in viewer requests except for the Host header",
                headers("allExcept", &["host"]),
                cookies("all"),
                query("all", &[]),
            ),
        ),
        (
            "59781a5b-3903-41f3-afcb-af62929ccde1",
            policy(
                "CORS-CustomOrigin",
                "Policy for CORS with a custom origin",
                headers("whitelist", &["origin"]),
                cookies("none"),
                query("none", &[]),
            ),
        ),
        (
            "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
            policy(
                "CORS-S3Origin",
                "Policy for S3 origin with CORS",
                headers("whitelist", &cors),
                cookies("none"),
                query("none", &[]),
            ),
        ),
        (
            "775133bc-15f2-49f9-abea-afb2e0bf67d2",
            policy(
                "Elemental-MediaTailor-PersonalizedManifests",
                "Policy for Elemental MediaTailor with personalized manifests",
                headers("whitelist", &[cors[0], cors[1], cors[2], "user-agent", "x-forwarded-for"]),
                cookies("none"),
                query("all", &[]),
            ),
        ),
        (
            "bf0718e1-ba1e-49d1-88b1-f726733018ae",
            policy(
                "HostHeaderOnly",
                "Policy to forward only the Host header",
                headers("whitelist", &["host"]),
                cookies("none"),
                query("none", &[]),
            ),
        ),
        (
            "acba4595-bd28-49b8-b9fe-13317c0390fa",
            policy(
                "UserAgentRefererHeaders",
                "Policy to forward user-agent and referer headers to origin",
                headers("whitelist", &["user-agent", "referer"]),
                cookies("none"),
                query("none", &[]),
            ),
        ),
    ]
}

fn response_headers() -> Vec<(&'static str, Map)> {
    let simple = Map::new()
        .with("AccessControlAllowOrigins", words(&["*"]))
        .with("AccessControlAllowHeaders", words(&["*"]))
        .with("AccessControlAllowMethods", words(&["GET", "HEAD"]))
        .with("AccessControlAllowCredentials", false)
        .with("OriginOverride", false);
    let preflight = Map::new()
        .with("AccessControlAllowOrigins", words(&["*"]))
        .with("AccessControlAllowHeaders", words(&["*"]))
        .with(
            "AccessControlAllowMethods",
            words(&["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]),
        )
        .with("AccessControlAllowCredentials", false)
        .with("AccessControlExposeHeaders", words(&["*"]))
        .with("OriginOverride", false);
    let overrides = |overrides: bool| Map::new().with("Override", overrides);
    let security = Map::new()
        .with("XSSProtection", overrides(false).with("Protection", true).with("ModeBlock", true))
        .with("FrameOptions", overrides(false).with("FrameOption", "SAMEORIGIN"))
        .with("ReferrerPolicy", overrides(false).with("ReferrerPolicy", "strict-origin-when-cross-origin"))
        .with("ContentTypeOptions", overrides(true))
        .with("StrictTransportSecurity", overrides(false).with("AccessControlMaxAgeSec", 31_536_000_i64));
    let policy = |name, comment, parts: [Option<(&'static str, &Map)>; 2]| {
        let none = Map::new().with("Quantity", 0_i64);
        let mut config = named(name, comment);
        for (member, part) in parts.into_iter().flatten() {
            config.insert(member, Value::Map(part.clone()));
        }
        config
            .with("CustomHeadersConfig", list(Vec::new()))
            .with("RemoveHeadersConfig", none)
            .with("ServerTimingHeadersConfig", Map::new().with("Enabled", false))
    };
    let (simple, preflight) = (Some(("CorsConfig", &simple)), Some(("CorsConfig", &preflight)));
    let security = Some(("SecurityHeadersConfig", &security));
    vec![
        (
            "60669652-455b-4ae9-85a4-c4c02393f86c",
            policy("SimpleCORS", "Allows all origins for simple CORS requests", [simple, None]),
        ),
        (
            "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
            policy(
                "CORS-With-Preflight",
                "Allows all origins for CORS requests, including preflight requests",
                [preflight, None],
            ),
        ),
        (
            "67f7725c-6f97-4210-82d7-5512b31e9d03",
            policy(
                "SecurityHeadersPolicy",
                "Adds a set of security headers to every response",
                [None, security],
            ),
        ),
        (
            "e61eb60c-9c35-4d20-a928-2b84e02af89c",
            policy(
                "CORS-and-SecurityHeadersPolicy",
                "Allows all origins for simple CORS requests and adds security headers",
                [simple, security],
            ),
        ),
        (
            "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
            policy(
                "CORS-with-preflight-and-SecurityHeadersPolicy",
                "Allows all origins for CORS requests, including preflight requests, and adds security headers",
                [preflight, security],
            ),
        ),
    ]
}
