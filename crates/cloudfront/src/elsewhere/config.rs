//! A distribution of the workflow file as a configuration.
//!
//! It has no policies of CloudFront's, so what is in a key is told as forwarded values, as before there were policies. What these cannot
//! say is left out: parameters of a query by exception, header fields of answers, and what reaches an origin beside the key.

use aws::{Map, Value};
use door::Site;
use spec::distribution::{
    Behaviour, DistributionOrigin, ErrorResponse, Methods, OriginGroup, OriginTarget, Query, Source, Ttl,
    ViewerProtocol,
};
use spec::{Distribution, Scheme};

use crate::complete::complete;
use crate::read::{list, words};

/// Ports of HTTP and HTTPS where an origin has no other.
const PORTS: (u16, u16) = (80, 443);

/// The configuration.
pub(super) fn of(distribution: &Distribution, site: &Site) -> Map {
    let origin = |origin: &DistributionOrigin| Value::from(self::origin(origin, site));
    let group = |one: &OriginGroup| Value::from(self::group(one, distribution));
    let (default, others) = distribution.behaviours.split_last().expect("one is there for all paths");
    let config = Map::new()
        .with("CallerReference", distribution.name.as_str())
        .with("Aliases", texts(&distribution.hosts))
        .with("Comment", format!("[[distribution]] {} of the workflow file", distribution.name))
        .with("DefaultRootObject", distribution.default_root.clone().unwrap_or_default())
        .with("Enabled", distribution.enabled)
        .with("Origins", list(distribution.origins.iter().map(origin).collect()))
        .with("OriginGroups", list(distribution.groups.iter().map(group).collect()))
        .with("DefaultCacheBehavior", behaviour(default, distribution))
        .with("CacheBehaviors", list(others.iter().map(|one| behaviour(one, distribution).into()).collect()));
    // What nobody says of keys, lifetimes, errors and patience is not what CloudFront takes for said.
    let mut config = complete(config);
    if let Some(Value::Map(told)) = config.get_mut("DefaultCacheBehavior") {
        keys(told, default);
    }
    for (told, one) in items(&mut config, "CacheBehaviors").zip(others) {
        keys(told, one);
    }
    for (told, one) in items(&mut config, "Origins").zip(&distribution.origins) {
        if let Some(Value::Map(custom)) = told.get_mut("CustomOriginConfig")
            && one.read_ms.is_none()
        {
            custom.remove("OriginReadTimeout");
        }
    }
    let errors = distribution.errors.iter().map(|one| error(one).into()).collect();
    config.insert("CustomErrorResponses", list(errors));
    config
}

fn origin(origin: &DistributionOrigin, site: &Site) -> Map {
    let (host, prefix, scheme, port) = match &origin.target {
        OriginTarget::Own => (site.host.as_str(), "", Scheme::Http, site.origin.port()),
        OriginTarget::Url(url) => (url.host.as_str(), url.prefix.as_str(), url.scheme, url.port),
    };
    let (http, https, policy) = match scheme {
        Scheme::Http => (port, PORTS.1, "http-only"),
        Scheme::Https => (PORTS.0, port, "https-only"),
    };
    let mut custom = Map::new()
        .with("HTTPPort", http)
        .with("HTTPSPort", https)
        .with("OriginKeepaliveTimeout", seconds(origin.keep_alive_ms))
        .with("OriginProtocolPolicy", policy);
    // Values are often secrets, and told nowhere.
    let header = |name: &str| Map::new().with("HeaderName", name).with("HeaderValue", "").into();
    let headers = origin.headers.iter().map(|field| header(&field.name)).collect();
    let mut one = Map::new()
        .with("Id", origin.id.as_str())
        .with("DomainName", host)
        .with("OriginPath", format!("{prefix}{}", origin.path))
        .with("CustomHeaders", list(headers))
        .with("ConnectionAttempts", i32::from(origin.attempts))
        .with("ConnectionTimeout", seconds(origin.connect_ms.unwrap_or(1_000)));
    if let Some(ms) = origin.read_ms {
        custom.insert("OriginReadTimeout", seconds(ms));
    }
    one.insert("CustomOriginConfig", custom);
    one
}

fn group(group: &OriginGroup, distribution: &Distribution) -> Map {
    let member = |at: &usize| Map::new().with("OriginId", distribution.origins[*at].id.as_str()).into();
    let statuses = group.failover_on.iter().map(|status| Value::from(*status)).collect();
    Map::new()
        .with("Id", group.id.as_str())
        .with("FailoverCriteria", Map::new().with("StatusCodes", list(statuses)))
        .with("Members", list(group.origins.iter().map(member).collect()))
}

fn behaviour(behaviour: &Behaviour, distribution: &Distribution) -> Map {
    let source = match behaviour.source {
        Source::Origin(at) => &distribution.origins[at].id,
        Source::Group(at) => &distribution.groups[at].id,
    };
    let methods = match behaviour.methods {
        Methods::Read => words(&["HEAD", "GET"]),
        Methods::ReadAndOptions => words(&["HEAD", "GET", "OPTIONS"]),
    };
    let protocol = match behaviour.viewer_protocol {
        ViewerProtocol::AllowAll => "allow-all",
        ViewerProtocol::HttpsOnly => "https-only",
        ViewerProtocol::RedirectToHttps => "redirect-to-https",
    };
    let mut one = Map::new();
    if let Some(path) = &behaviour.path {
        one.insert("PathPattern", path.to_string());
    }
    one.with("TargetOriginId", source.as_str())
        .with("ViewerProtocolPolicy", protocol)
        .with("AllowedMethods", methods)
        .with("Compress", behaviour.compress)
}

/// What is in a key, and how long answers are kept.
fn keys(told: &mut Map, behaviour: &Behaviour) {
    let cookies = match behaviour.cookies.as_slice() {
        [] => Map::new().with("Forward", "none"),
        names => Map::new().with("Forward", "whitelist").with("WhitelistedNames", texts(names)),
    };
    let query = match &behaviour.query {
        Query::None => Some((false, &[][..])),
        Query::Only(names) => Some((true, names.as_slice())),
        Query::All => Some((true, &[][..])),
        Query::Except(_) => None,
    };
    if let Some((is_query, names)) = query {
        let values = Map::new()
            .with("QueryString", is_query)
            .with("Cookies", cookies)
            .with("Headers", texts(&behaviour.headers))
            .with("QueryStringCacheKeys", texts(names));
        told.insert("ForwardedValues", values);
    }
    if let Some(Ttl { min_ms, default_ms, max_ms }) = behaviour.ttl {
        for (member, ms) in [("MinTTL", min_ms), ("DefaultTTL", default_ms), ("MaxTTL", max_ms)] {
            told.insert(member, ms / 1_000);
        }
    }
}

fn error(error: &ErrorResponse) -> Map {
    let mut one = Map::new().with("ErrorCode", error.status);
    if let Some(page) = &error.page {
        one.insert("ResponsePagePath", page.path.as_str());
        one.insert("ResponseCode", page.status.to_string());
    }
    if let Some(ms) = error.ttl_ms {
        one.insert("ErrorCachingMinTTL", ms / 1_000);
    }
    one
}

/// The structures of a list.
fn items<'m>(config: &'m mut Map, member: &str) -> impl Iterator<Item = &'m mut Map> {
    let list = match config.get_mut(member) {
        Some(Value::Map(list)) => list.get_mut("Items"),
        _ => None,
    };
    let items = match list {
        Some(Value::List(items)) => items.as_mut_slice(),
        _ => &mut [],
    };
    items.iter_mut().filter_map(|item| match item {
        Value::Map(item) => Some(item),
        _ => None,
    })
}

fn texts(texts: &[String]) -> Map {
    list(texts.iter().map(|text| Value::from(text.as_str())).collect())
}

fn seconds(ms: u32) -> u32 {
    ms / 1_000
}

#[cfg(test)]
mod tests {
    use door::Made;

    use super::*;
    use crate::mapping::{self, Policies, reached_as};

    /// The distribution `cdn` of a file, which goes on so.
    fn cdn(more: &str) -> Distribution {
        let text = format!(
            "[listen]\ncontrol = \"127.0.0.1:8400\"\n[[distribution]]\nname = \"cdn\"\nhosts = [\"cdn.example.org\"]\n{more}"
        );
        let other = Made::of_file(&text).expect(more).distributions.remove(0);
        Distribution::clone(&other.spec)
    }

    #[test]
    fn a_described_distribution_would_make_the_same_one() {
        let own = "[[distribution.origin]]\nid = \"own\"\ntarget = \"origin\"\npath = \"/out/v1\"\n";
        let far = "[[distribution.origin]]\nid = \"far\"\ntarget = \"https://origin.example.org:8443\"\nread_timeout = 20\nattempts = 2\n";
        let kept = "ttl = { min = 1, default = 60, max = 600 }\n";
        for more in [
            format!("{own}[[distribution.behaviour]]\norigin = \"own\"\n{kept}"),
            format!(
                "default_root = \"index.html\"\nenabled = false\n{own}{far}[[distribution.group]]\nid = \"both\"\norigins = [\"own\", \"far\"]\nfailover_on = [500, 502]\n\
                 [[distribution.behaviour]]\npath = \"/live/*\"\norigin = \"both\"\nquery = [\"a\"]\nforward_query = \"all\"\nheaders = [\"accept-language\"]\ncookies = [\"c\"]\ncompress = true\n{kept}\
                 [[distribution.behaviour]]\norigin = \"far\"\nquery = \"all\"\nmethods = [\"GET\", \"HEAD\"]\n{kept}\
                 [[distribution.error]]\nstatus = 404\nttl = 5\npage = \"/missing.html\"\nanswer = 200\n"
            ),
        ] {
            let wanted = cdn(&more);
            let site = reached_as("media.example");
            let table = mapping::distribution("CDN", &of(&wanted, &site), &Policies::default(), &site);
            let mut file = toml::Table::new();
            file.insert("listen".into(), door::table([("control", "127.0.0.1:8400")]).into());
            file.insert("distribution".into(), vec![table.expect("mapped")].into());
            let mut made = spec::Workflow::parse(&file.to_string()).expect("valid").distributions.remove(0);
            // CloudFront gives its own a name and a mount.
            made.hosts.retain(|host| !host.ends_with(crate::DOMAIN));
            made.mount = wanted.mount;
            for (made, wanted) in made.origins.iter_mut().zip(&wanted.origins) {
                made.connect_ms = made.connect_ms.filter(|_| wanted.connect_ms.is_some());
            }
            assert_eq!(made, wanted, "{more}");
        }
    }

    #[test]
    fn what_has_no_word_and_what_is_secret_is_not_told() {
        let wanted = cdn(
            "[[distribution.origin]]\nid = \"own\"\ntarget = \"origin\"\nheaders = [{ name = \"x-cdn\", value = \"s3cret\" }]\n\
             [[distribution.behaviour]]\norigin = \"own\"\nquery = { except = [\"t\"] }\n[[distribution.error]]\nstatus = 503\n",
        );
        let told = of(&wanted, &reached_as("media.example"));
        let text = format!("{told:?}");
        assert!(text.contains("x-cdn") && !text.contains("s3cret"), "{text}");
        for member in ["ForwardedValues", "MinTTL", "ErrorCachingMinTTL", "OriginReadTimeout"] {
            assert!(!text.contains(member), "{member}: {text}");
        }
    }
}
