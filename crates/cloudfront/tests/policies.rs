//! Policies of the four kinds, and what distributions make of them.

mod common;

use aws::{Map, Value};
use common::{Api, config, inner, list, map, text, with_behaviour, words};

fn cache(name: &str) -> Map {
    let parameters = map([
        ("EnableAcceptEncodingGzip", true.into()),
        (
            "HeadersConfig",
            map([
                ("HeaderBehavior", "whitelist".into()),
                ("Headers", words(&["Origin", "Access-Control-Request-Method"])),
            ])
            .into(),
        ),
        ("CookiesConfig", map([("CookieBehavior", "none".into())]).into()),
        (
            "QueryStringsConfig",
            map([("QueryStringBehavior", "allExcept".into()), ("QueryStrings", words(&["session"]))]).into(),
        ),
    ]);
    map([
        ("Name", name.into()),
        ("MinTTL", 1_i64.into()),
        ("MaxTTL", 60_i64.into()),
        ("DefaultTTL", 30_i64.into()),
        ("ParametersInCacheKeyAndForwardedToOrigin", parameters.into()),
    ])
}

fn request(name: &str) -> Map {
    map([
        ("Name", name.into()),
        (
            "HeadersConfig",
            map([("HeaderBehavior", "whitelist".into()), ("Headers", words(&["User-Agent"]))]).into(),
        ),
        ("CookiesConfig", map([("CookieBehavior", "none".into())]).into()),
        ("QueryStringsConfig", map([("QueryStringBehavior", "all".into())]).into()),
    ])
}

fn response(name: &str) -> Map {
    let header = map([("Header", "X-Robots".into()), ("Value", "none".into()), ("Override", true.into())]);
    map([("Name", name.into()), ("CustomHeadersConfig", list([header.into()]))])
}

fn control(name: &str) -> Map {
    map([
        ("Name", name.into()),
        ("SigningProtocol", "sigv4".into()),
        ("SigningBehavior", "always".into()),
        ("OriginAccessControlOriginType", "s3".into()),
    ])
}

type Make = fn(&str) -> Map;

const KINDS: [(&str, &str, Make); 4] = [
    ("CachePolicy", "CachePolicies", cache),
    ("OriginRequestPolicy", "OriginRequestPolicies", request),
    ("ResponseHeadersPolicy", "ResponseHeadersPolicies", response),
    ("OriginAccessControl", "OriginAccessControls", control),
];

#[tokio::test]
async fn each_kind_is_made_shown_changed_listed_and_deleted() {
    let api = Api::new().await;
    for (kind, plural, make) in KINDS {
        let member: &'static str = Box::leak(format!("{kind}Config").into_boxed_str());
        let op = |verb: &str, rest: &str| format!("{verb}{kind}{rest}");
        let input = |config: Map| map([(member, config.into())]);
        let made = api.call(&op("Create", ""), input(make("one"))).await.unwrap();
        let (id, first) = (text(&made, &format!("{kind}.Id")), text(&made, "ETag"));
        let (name, _) = api.refused(&op("Create", ""), input(make("one"))).await;
        assert_eq!(name, format!("{kind}AlreadyExists"));
        let of = |id: &str| map([("Id", id.into())]);
        let shown = api.call(&op("Get", ""), of(&id)).await.unwrap();
        assert_eq!(text(&shown, &format!("{kind}.{kind}Config.Name")), "one");
        let shown = api.call(&op("Get", "Config"), of(&id)).await.unwrap();
        assert_eq!(text(&shown, "ETag"), first);
        let update = |tag: &str| of(&id).with("IfMatch", tag).with(member, make("two"));
        let changed = api.call(&op("Update", ""), update(&first)).await.unwrap();
        assert_eq!(api.refused(&op("Update", ""), update(&first)).await.0, "PreconditionFailed");
        assert_eq!(api.refused(&op("Delete", ""), of(&id)).await.0, "InvalidIfMatchVersion");
        // The name it had is free, and leads to another.
        let other = api.call(&op("Create", ""), input(make("one"))).await.unwrap();
        assert_ne!(text(&other, &format!("{kind}.Id")), id);
        let listed = api.call(&format!("List{plural}"), map([])).await.unwrap();
        let shown = format!("{:?}", inner(&listed, &format!("{kind}List.Items")));
        assert!(shown.contains(&id) && shown.contains("two"), "{shown}");
        api.call(&op("Delete", ""), of(&id).with("IfMatch", text(&changed, "ETag"))).await.unwrap();
        assert_eq!(api.refused(&op("Get", ""), of(&id)).await.0, format!("NoSuch{kind}"));
    }
}

#[tokio::test]
async fn a_distribution_follows_its_policy_and_holds_it() {
    let api = Api::new().await;
    let made = api.call("CreateCachePolicy", map([("CachePolicyConfig", cache("p").into())])).await.unwrap();
    let id = text(&made, "CachePolicy.Id");
    let wanted = with_behaviour("a", "CachePolicyId", id.as_str());
    api.call("CreateDistribution", map([("DistributionConfig", wanted.into())])).await.unwrap();
    let ttl = async || api.wanted().await[0].behaviours[0].ttl.unwrap().max_ms;
    assert_eq!(ttl().await, 60_000);
    let keyed = api.wanted().await[0].behaviours[0].headers.clone();
    assert_eq!(keyed, ["origin", "access-control-request-method"]);
    let update = map([
        ("Id", id.as_str().into()),
        ("IfMatch", text(&made, "ETag").into()),
        ("CachePolicyConfig", cache("p").with("MaxTTL", 90_i64).into()),
    ]);
    let changed = api.call("UpdateCachePolicy", update).await.unwrap();
    assert_eq!(ttl().await, 90_000);
    let delete = map([("Id", id.into()), ("IfMatch", text(&changed, "ETag").into())]);
    assert_eq!(api.refused("DeleteCachePolicy", delete).await.0, "CachePolicyInUse");
}

#[tokio::test]
async fn awss_own_policies_are_there_and_stay() {
    let api = Api::new().await;
    let of = |id: &str| map([("Id", id.into())]);
    let optimized = api.call("GetCachePolicy", of("658327ea-f89d-4fab-a63d-7e88639e58f6")).await.unwrap();
    assert_eq!(text(&optimized, "CachePolicy.CachePolicyConfig.Name"), "Managed-CachingOptimized");
    let listed = api.call("ListCachePolicies", map([("Type", "managed".into())])).await.unwrap();
    assert_eq!(*inner(&listed, "CachePolicyList.Quantity"), Value::from(7_i64));
    let asked = api.call("ListOriginRequestPolicies", map([("Type", "managed".into())])).await.unwrap();
    assert_eq!(*inner(&asked, "OriginRequestPolicyList.Quantity"), Value::from(8_i64));
    let answered = api.call("ListResponseHeadersPolicies", map([("Type", "managed".into())])).await.unwrap();
    assert_eq!(*inner(&answered, "ResponseHeadersPolicyList.Quantity"), Value::from(5_i64));
    let tag = text(&optimized, "ETag");
    let delete = of("658327ea-f89d-4fab-a63d-7e88639e58f6").with("IfMatch", tag);
    assert_eq!(api.refused("DeleteCachePolicy", delete.clone()).await.0, "IllegalDelete");
    let update = delete.with("CachePolicyConfig", cache("x"));
    assert_eq!(api.refused("UpdateCachePolicy", update).await.0, "IllegalUpdate");
}

#[tokio::test]
async fn what_awss_policy_for_media_package_holds_is_what_accounts_list() {
    let api = Api::new().await;
    let id = map([("Id", "08627262-05a9-4f76-9ded-b50ca2e3a84f".into())]);
    let found = api.call("GetCachePolicy", id).await.unwrap();
    let config = "CachePolicy.CachePolicyConfig";
    assert_eq!(text(&found, &format!("{config}.Name")), "Managed-Elemental-MediaPackage");
    let key = format!("{config}.ParametersInCacheKeyAndForwardedToOrigin");
    let packs = ["Gzip", "Brotli"].map(|name| inner(&found, &format!("{key}.EnableAcceptEncoding{name}")));
    assert_eq!(packs, [&Value::from(true), &Value::from(false)]);
    let items = inner(&found, &format!("{key}.QueryStringsConfig.QueryStrings.Items")).as_list().unwrap();
    assert_eq!(items, ["aws.manifestfilter", "end", "m", "start"].map(Value::from));
}

#[tokio::test]
async fn a_policy_that_could_not_be_carried_out_is_not_kept() {
    let api = Api::new().await;
    let cookies = |behavior: &str| map([("CookieBehavior", behavior.into())]);
    let Value::Map(mut parameters) = inner(&cache("p"), "ParametersInCacheKeyAndForwardedToOrigin").clone()
    else {
        panic!()
    };
    parameters.insert("CookiesConfig", cookies("all"));
    let all_cookies = cache("p").with("ParametersInCacheKeyAndForwardedToOrigin", parameters);
    let (error, message) =
        api.refused("CreateCachePolicy", map([("CachePolicyConfig", all_cookies.into())])).await;
    assert!(error == "InvalidArgument" && message.contains("CookieBehavior all"), "{message}");
    let backwards = cache("p").with("MinTTL", 100_i64);
    assert_eq!(
        api.refused("CreateCachePolicy", map([("CachePolicyConfig", backwards.into())])).await.0,
        "InvalidTTLOrder"
    );
    let viewer = request("p").with("HeadersConfig", map([("HeaderBehavior", "allViewer".into())]));
    let (_, message) =
        api.refused("CreateOriginRequestPolicy", map([("OriginRequestPolicyConfig", viewer.into())])).await;
    assert!(message.contains("allViewer"), "{message}");
    let timing = response("p")
        .with("ServerTimingHeadersConfig", map([("Enabled", true.into()), ("SamplingRate", 1.0.into())]));
    let (_, message) = api
        .refused("CreateResponseHeadersPolicy", map([("ResponseHeadersPolicyConfig", timing.into())]))
        .await;
    assert!(message.contains("ServerTimingHeadersConfig"), "{message}");
}

#[tokio::test]
async fn an_access_control_is_fine_inside_and_refused_where_it_would_have_to_sign() {
    let api = Api::new().await;
    let made = api
        .call("CreateOriginAccessControl", map([("OriginAccessControlConfig", control("c").into())]))
        .await
        .unwrap();
    let id = text(&made, "OriginAccessControl.Id");
    let origin = |domain: &str| {
        let one = map([
            ("Id", "main".into()),
            ("DomainName", domain.into()),
            ("OriginAccessControlId", id.as_str().into()),
        ]);
        map([("DistributionConfig", config(domain).with("Origins", list([one.into()])).into())])
    };
    api.call("CreateDistribution", origin("media.s3.us-west-2.amazonaws.com")).await.unwrap();
    let (error, message) = api.refused("CreateDistribution", origin("origin.example.org")).await;
    assert!(error == "InvalidArgument" && message.contains("signing"), "{message}");
    let delete = map([("Id", id.as_str().into()), ("IfMatch", text(&made, "ETag").into())]);
    assert_eq!(api.refused("DeleteOriginAccessControl", delete).await.0, "OriginAccessControlInUse");
}
