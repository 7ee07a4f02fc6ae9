//! What a distribution's configuration says where its maker said nothing, so that answers tell all, as CloudFront's do.

use aws::{Map, Value};

use crate::inside;
use crate::read::{list, words};

/// The configuration with everything said.
pub(crate) fn complete(mut config: Map) -> Map {
    unsaid(&mut config, "Aliases", list(Vec::new()));
    unsaid(&mut config, "DefaultRootObject", "");
    each(&mut config, "Origins", origin);
    unsaid(&mut config, "OriginGroups", list(Vec::new()));
    if let Some(Value::Map(behaviour)) = config.get_mut("DefaultCacheBehavior") {
        complete_behaviour(behaviour);
    }
    unsaid(&mut config, "CacheBehaviors", list(Vec::new()));
    each(&mut config, "CacheBehaviors", complete_behaviour);
    unsaid(&mut config, "CustomErrorResponses", list(Vec::new()));
    each(&mut config, "CustomErrorResponses", |error| {
        unsaid(error, "ResponsePagePath", "");
        unsaid(error, "ResponseCode", "");
        unsaid(error, "ErrorCachingMinTTL", 10_i64);
    });
    unsaid(&mut config, "Comment", "");
    unsaid(&mut config, "Logging", Map::new());
    inner(&mut config, "Logging", |logging| {
        unsaid(logging, "Enabled", false);
        unsaid(logging, "IncludeCookies", false);
        unsaid(logging, "Bucket", "");
        unsaid(logging, "Prefix", "");
    });
    unsaid(&mut config, "PriceClass", "PriceClass_All");
    unsaid(&mut config, "ViewerCertificate", Map::new().with("CloudFrontDefaultCertificate", true));
    inner(&mut config, "ViewerCertificate", |certificate| {
        unsaid(certificate, "SSLSupportMethod", "vip");
        unsaid(certificate, "MinimumProtocolVersion", "TLSv1");
        unsaid(certificate, "CertificateSource", "cloudfront");
    });
    let anywhere = Map::new().with("RestrictionType", "none").with("Quantity", 0_i64);
    unsaid(&mut config, "Restrictions", Map::new().with("GeoRestriction", anywhere));
    unsaid(&mut config, "WebACLId", "");
    unsaid(&mut config, "HttpVersion", "http2");
    unsaid(&mut config, "IsIPV6Enabled", false);
    unsaid(&mut config, "ContinuousDeploymentPolicyId", "");
    unsaid(&mut config, "Staging", false);
    config
}

fn origin(origin: &mut Map) {
    unsaid(origin, "OriginPath", "");
    unsaid(origin, "CustomHeaders", list(Vec::new()));
    let is_s3 = inside::is_s3(origin.text("DomainName").unwrap_or_default());
    let has_kind = ["S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig"]
        .iter()
        .any(|kind| origin.get(kind).is_some());
    if !has_kind {
        // CloudFront refuses an origin that does not say which it is; here its name tells.
        match is_s3 {
            true => origin.insert("S3OriginConfig", Map::new().with("OriginAccessIdentity", "")),
            false => origin.insert("CustomOriginConfig", Map::new()),
        };
    }
    inner(origin, "CustomOriginConfig", |custom| {
        unsaid(custom, "HTTPPort", 80_i64);
        unsaid(custom, "HTTPSPort", 443_i64);
        unsaid(custom, "OriginProtocolPolicy", "https-only");
        unsaid(custom, "OriginSslProtocols", words(&["TLSv1.2"]));
        unsaid(custom, "OriginReadTimeout", 30_i64);
        unsaid(custom, "OriginKeepaliveTimeout", 5_i64);
    });
    unsaid(origin, "ConnectionAttempts", 3_i64);
    unsaid(origin, "ConnectionTimeout", 10_i64);
    unsaid(origin, "OriginShield", Map::new().with("Enabled", false));
    unsaid(origin, "OriginAccessControlId", "");
}

fn complete_behaviour(behaviour: &mut Map) {
    for trusted in ["TrustedSigners", "TrustedKeyGroups"] {
        unsaid(behaviour, trusted, Map::new().with("Enabled", false).with("Quantity", 0_i64));
    }
    unsaid(behaviour, "AllowedMethods", words(&["HEAD", "GET"]));
    inner(behaviour, "AllowedMethods", |allowed| {
        unsaid(allowed, "CachedMethods", words(&["HEAD", "GET"]));
    });
    unsaid(behaviour, "SmoothStreaming", false);
    unsaid(behaviour, "Compress", false);
    unsaid(behaviour, "LambdaFunctionAssociations", list(Vec::new()));
    unsaid(behaviour, "FunctionAssociations", list(Vec::new()));
    unsaid(behaviour, "FieldLevelEncryptionId", "");
    unsaid(behaviour, "GrpcConfig", Map::new().with("Enabled", false));
    if behaviour.get("ForwardedValues").is_none() {
        return;
    }
    inner(behaviour, "ForwardedValues", |values| {
        unsaid(values, "Headers", list(Vec::new()));
        unsaid(values, "QueryStringCacheKeys", list(Vec::new()));
    });
    unsaid(behaviour, "MinTTL", 0_i64);
    let least = crate::read::number(behaviour, "MinTTL").unwrap_or_default();
    unsaid(behaviour, "DefaultTTL", least.max(86_400));
    let usual = crate::read::number(behaviour, "DefaultTTL").unwrap_or_default();
    unsaid(behaviour, "MaxTTL", usual.max(31_536_000));
}

fn unsaid(map: &mut Map, member: &'static str, value: impl Into<Value>) {
    if map.get(member).is_none() {
        map.insert(member, value);
    }
}

fn inner(map: &mut Map, member: &str, with: impl FnOnce(&mut Map)) {
    if let Some(Value::Map(inner)) = map.get_mut(member) {
        with(inner);
    }
}

fn each(map: &mut Map, member: &str, mut with: impl FnMut(&mut Map)) {
    inner(map, member, |inner| {
        if let Some(Value::List(items)) = inner.get_mut("Items") {
            for item in items {
                if let Value::Map(item) = item {
                    with(item);
                }
            }
        }
    });
}
