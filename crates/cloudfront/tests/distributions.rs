//! Distributions as clients make, see, change and delete them.

mod common;

use aws::{Map, Value};
use cloudfront::Viewers;
use common::{Api, behaviour, config, inner, list, map, text, with_behaviour, words};
use spec::distribution::{Methods, OriginTarget, Query, Source, ViewerProtocol};

fn create(config: Map) -> Map {
    map([("DistributionConfig", config.into())])
}

fn of(id: &str) -> Map {
    map([("Id", id.into())])
}

/// What boto3 sends for the seed article's call.
const SEED: &str = r#"<DistributionConfig xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><CallerReference>my-live-stream-1795232862</CallerReference><Origins><Quantity>1</Quantity><Items><Origin><Id>MediaPackageOrigin</Id><DomainName>abcdef12345678.mediapackage.us-west-2.amazonaws.com</DomainName><OriginPath>/out/v1/abcdef12345678</OriginPath><CustomHeaders><Quantity>0</Quantity></CustomHeaders></Origin></Items></Origins><DefaultCacheBehavior><TargetOriginId>MediaPackageOrigin</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy><AllowedMethods><Quantity>2</Quantity><Items><Method>GET</Method><Method>HEAD</Method></Items><CachedMethods><Quantity>2</Quantity><Items><Method>GET</Method><Method>HEAD</Method></Items></CachedMethods></AllowedMethods><ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies><Headers><Quantity>0</Quantity></Headers></ForwardedValues><MinTTL>0</MinTTL></DefaultCacheBehavior><Comment>CloudFront distribution for live video</Comment><Enabled>true</Enabled></DistributionConfig>"#;

#[tokio::test]
async fn the_seeds_call_makes_a_distribution_of_this_machines_origin() {
    let api = Api::new().await;
    let answer = api.wire("POST", "/2020-05-31/distribution", SEED).await;
    let body = String::from_utf8(answer.body().to_vec()).unwrap();
    assert_eq!(answer.status(), 201, "{body}");
    assert!(answer.headers().contains_key("etag") && answer.headers().contains_key("location"));
    let id = body.split("<Id>").nth(1).unwrap().split('<').next().unwrap();
    assert!(id.len() == 14 && id.starts_with('E'), "{id}");
    let host = format!("{}.cloudfront.localhost", id.to_lowercase());
    assert!(body.contains(&format!("<DomainName>{host}</DomainName>")), "{body}");

    let [one] = &api.wanted().await[..] else { panic!("one") };
    assert_eq!(one.hosts, [host]);
    assert!(one.mount && one.enabled);
    assert_eq!(one.origins[0].target, OriginTarget::Own);
    assert_eq!(one.origins[0].path, "/out/v1/abcdef12345678");
    assert_eq!(one.behaviours[0].methods, Methods::Read);
    let ttl = one.behaviours[0].ttl.unwrap();
    assert_eq!((ttl.min_ms, ttl.default_ms, ttl.max_ms), (0, 86_400_000, 31_536_000_000));

    let shown = api.wire("GET", &format!("/2020-05-31/distribution/{id}"), "").await;
    let body = String::from_utf8(shown.body().to_vec()).unwrap();
    assert!(body.contains("<Status>Deployed</Status>"), "waiters look once a minute: {body}");
}

#[tokio::test]
async fn a_call_that_comes_twice_makes_one_and_another_with_its_reference_is_refused() {
    let api = Api::new().await;
    let first = api.call("CreateDistribution", create(config("a"))).await.unwrap();
    let again = api.call("CreateDistribution", create(config("a"))).await.unwrap();
    assert_eq!(inner(&first, "Distribution.Id"), inner(&again, "Distribution.Id"));
    let other = config("a").with("Comment", "other");
    assert_eq!(api.refused("CreateDistribution", create(other)).await.0, "DistributionAlreadyExists");
    let second = api.call("CreateDistribution", create(config("b"))).await.unwrap();
    assert_ne!(inner(&first, "Distribution.Id"), inner(&second, "Distribution.Id"));
    assert_eq!(api.wanted().await.len(), 2);
}

#[tokio::test]
async fn a_version_is_named_to_change_or_delete_and_only_the_last_counts() {
    let api = Api::new().await;
    let made = api.call("CreateDistribution", create(config("a"))).await.unwrap();
    let (id, first) = (text(&made, "Distribution.Id"), text(&made, "ETag"));
    let shown = api.call("GetDistributionConfig", of(&id)).await.unwrap();
    assert_eq!(text(&shown, "ETag"), first);
    let Value::Map(mut wanted) = inner(&shown, "DistributionConfig").clone() else { panic!("a structure") };
    wanted.insert("Comment", "changed");
    let update = |tag: Option<&str>, wanted: &Map| {
        let input = of(&id).with("DistributionConfig", wanted.clone());
        tag.map_or(input.clone(), |tag| input.with("IfMatch", tag))
    };
    assert_eq!(api.refused("UpdateDistribution", update(None, &wanted)).await.0, "InvalidIfMatchVersion");
    assert_eq!(
        api.refused("UpdateDistribution", update(Some("E123"), &wanted)).await.0,
        "InvalidIfMatchVersion"
    );
    let changed = api.call("UpdateDistribution", update(Some(&first), &wanted)).await.unwrap();
    let second = text(&changed, "ETag");
    assert_ne!(first, second);
    assert_eq!(text(&changed, "Distribution.DistributionConfig.Comment"), "changed");
    assert_eq!(
        api.refused("UpdateDistribution", update(Some(&first), &wanted)).await.0,
        "PreconditionFailed"
    );

    let delete = |tag: &str| of(&id).with("IfMatch", tag);
    assert_eq!(api.refused("DeleteDistribution", delete(&second)).await.0, "DistributionNotDisabled");
    assert_eq!(api.refused("DeleteDistribution", delete(&first)).await.0, "PreconditionFailed");
    wanted.insert("Enabled", false);
    let disabled = api.call("UpdateDistribution", update(Some(&second), &wanted)).await.unwrap();
    assert!(!api.wanted().await[0].enabled);
    api.call("DeleteDistribution", delete(&text(&disabled, "ETag"))).await.unwrap();
    assert_eq!(api.refused("GetDistribution", of(&id)).await.0, "NoSuchDistribution");
    assert!(api.wanted().await.is_empty());
    // The reference is free again.
    let anew = api.call("CreateDistribution", create(config("a"))).await.unwrap();
    assert_ne!(text(&anew, "ETag"), first, "a tag of the one before is none of this one's");
}

#[tokio::test]
async fn a_reference_stays_and_what_is_not_there_is_told() {
    let api = Api::new().await;
    let made = api.call("CreateDistribution", create(config("a"))).await.unwrap();
    let input = of(&text(&made, "Distribution.Id"))
        .with("IfMatch", text(&made, "ETag"))
        .with("DistributionConfig", config("b"));
    assert_eq!(api.refused("UpdateDistribution", input).await.0, "IllegalUpdate");
    for operation in ["GetDistribution", "GetDistributionConfig", "DeleteDistribution"] {
        assert_eq!(api.refused(operation, of("E0NOBODY")).await.0, "NoSuchDistribution");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let api = Api::new().await;
    for at in 0..5 {
        api.call("CreateDistribution", create(config(&format!("r{at}")))).await.unwrap();
    }
    let (mut seen, mut marker) = (Vec::new(), String::new());
    loop {
        let input = map([("MaxItems", "2".into()), ("Marker", marker.as_str().into())]);
        let answer = api.call("ListDistributions", input).await.unwrap();
        let page = inner(&answer, "DistributionList").as_map().unwrap();
        let items = page.get("Items").and_then(Value::as_list).unwrap_or(&[]);
        seen.extend(items.iter().map(|one| text(one.as_map().unwrap(), "Id")));
        match page.text("NextMarker") {
            Some(next) => marker = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn every_setting_that_is_done_arrives_at_the_edge() {
    let api = Api::with(Viewers::HttpAndHttps).await;
    let origin = |id: &str, domain: &str| map([("Id", id.into()), ("DomainName", domain.into())]);
    let secret = map([("HeaderName", "X-Secret".into()), ("HeaderValue", "s3cret".into())]);
    let group = map([
        ("Id", "either".into()),
        ("FailoverCriteria", map([("StatusCodes", list([404_i64.into(), 503_i64.into()]))]).into()),
        ("Members", list(["bucket", "packager"].map(|id| Value::from(map([("OriginId", id.into())]))))),
    ]);
    let lists = map([
        ("PathPattern", "*.m3u8".into()),
        ("TargetOriginId", "either".into()),
        ("ViewerProtocolPolicy", "redirect-to-https".into()),
        ("AllowedMethods", words(&["GET", "HEAD", "OPTIONS"])),
        ("Compress", true.into()),
        ("CachePolicyId", "08627262-05a9-4f76-9ded-b50ca2e3a84f".into()),
        ("OriginRequestPolicyId", "acba4595-bd28-49b8-b9fe-13317c0390fa".into()),
        ("ResponseHeadersPolicyId", "eaab4381-ed33-4a86-88ca-d9558dc6cd63".into()),
    ]);
    let error = map([
        ("ErrorCode", 404_i64.into()),
        ("ErrorCachingMinTTL", 1_i64.into()),
        ("ResponsePagePath", "/404.html".into()),
        ("ResponseCode", "200".into()),
    ]);
    let whole = config("a")
        .with("Aliases", words(&["CDN.example.org"]))
        .with("DefaultRootObject", "index.html")
        .with(
            "Origins",
            list([
                config("a")
                    .get("Origins")
                    .unwrap()
                    .as_map()
                    .unwrap()
                    .get("Items")
                    .unwrap()
                    .as_list()
                    .unwrap()[0]
                    .clone(),
                origin("bucket", "media.s3.us-west-2.amazonaws.com").into(),
                origin("packager", "x.egress.y.mediapackagev2.us-west-2.amazonaws.com")
                    .with("CustomHeaders", list([secret.into()]))
                    .into(),
            ]),
        )
        .with("OriginGroups", list([group.into()]))
        .with("CacheBehaviors", list([lists.into()]))
        .with("CustomErrorResponses", list([error.into()]));
    api.call("CreateDistribution", create(whole)).await.unwrap();
    let [one] = &api.wanted().await[..] else { panic!("one") };
    assert_eq!(one.hosts[1], "cdn.example.org");
    assert_eq!(one.default_root.as_deref(), Some("index.html"));
    assert_eq!(one.origins[0].target, OriginTarget::Url("http://origin.example.org".parse().unwrap()));
    assert_eq!((one.origins[0].attempts, one.origins[0].connect_ms), (3, Some(10_000)));
    assert_eq!((&one.origins[1].target, one.origins[1].path.as_str()), (&OriginTarget::Own, "/media"));
    assert_eq!(one.origins[2].headers[0].name, "x-secret");
    assert_eq!((one.groups[0].origins, &one.groups[0].failover_on), ([1, 2], &vec![404, 503]));
    let [lists, rest] = &one.behaviours[..] else { panic!("two") };
    assert_eq!(lists.path.as_ref().unwrap().to_string(), "/*.m3u8");
    assert_eq!((lists.source, lists.methods), (Source::Group(0), Methods::ReadAndOptions));
    assert_eq!(lists.viewer_protocol, ViewerProtocol::RedirectToHttps);
    assert_eq!(lists.headers, ["origin"]);
    assert_eq!(lists.forward_headers, ["user-agent", "referer"]);
    assert!(lists.compress && lists.query.takes("aws.manifestfilter"));
    let response = lists.response.as_ref().unwrap();
    assert_eq!(response.cors.as_ref().unwrap().origins, ["*"]);
    assert!(response.set.iter().any(|set| set.name == "strict-transport-security"));
    assert_eq!((rest.source, &rest.query), (Source::Origin(0), &Query::None));
    assert_eq!(rest.ttl.unwrap().min_ms, 1_000);
    let page = one.errors[0].page.as_ref().unwrap();
    assert_eq!((one.errors[0].ttl_ms, page.path.as_str(), page.status), (Some(1_000), "/404.html", 200));
}

#[tokio::test]
async fn what_is_valid_and_not_done_is_refused_by_name() {
    let api = Api::new().await;
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:f:1";
    let lambda = map([("LambdaFunctionARN", arn.into()), ("EventType", "viewer-request".into())]);
    let on = |quantity: i64| map([("Enabled", true.into()), ("Quantity", quantity.into())]);
    let geo = map([(
        "GeoRestriction",
        Map::from_iter([
            ("RestrictionType", Value::from("blacklist")),
            ("Quantity", 1_i64.into()),
            ("Items", vec![Value::from("DE")].into()),
        ])
        .into(),
    )]);
    let legacy = |cookies: &str, headers: Value| {
        let values = map([
            ("QueryString", false.into()),
            ("Cookies", map([("Forward", cookies.into())]).into()),
            ("Headers", headers),
        ]);
        let mut behaviour = behaviour();
        behaviour.remove("CachePolicyId");
        config("a").with("DefaultCacheBehavior", behaviour.with("ForwardedValues", values))
    };
    let cases: Vec<(Map, &str)> = vec![
        (
            with_behaviour("a", "LambdaFunctionAssociations", list([lambda.into()])),
            "LambdaFunctionAssociations",
        ),
        (with_behaviour("a", "TrustedKeyGroups", on(0)), "TrustedKeyGroups"),
        (with_behaviour("a", "TrustedSigners", on(0)), "TrustedSigners"),
        (with_behaviour("a", "FieldLevelEncryptionId", "x"), "FieldLevelEncryptionId"),
        (with_behaviour("a", "RealtimeLogConfigArn", "arn:x"), "RealtimeLogConfigArn"),
        (with_behaviour("a", "SmoothStreaming", true), "SmoothStreaming"),
        (with_behaviour("a", "AllowedMethods", words(&["GET", "HEAD", "POST"])), "AllowedMethods POST"),
        (with_behaviour("a", "ViewerProtocolPolicy", "https-only"), "viewers_tls"),
        (with_behaviour("a", "CachePolicyId", "83da9c7e-98b4-4e11-a168-04f0df8e2c65"), "CookieBehavior all"),
        (with_behaviour("a", "OriginRequestPolicyId", "216adef6-5c7f-47e4-b989-5492eafa07d3"), "allViewer"),
        (config("a").with("WebACLId", "arn:aws:wafv2:x"), "WebACLId"),
        (config("a").with("Restrictions", geo), "GeoRestriction"),
        (config("a").with("Staging", true), "Staging"),
        (config("a").with("HttpVersion", "http1.1"), "http1.1"),
        (
            config("a").with("ViewerCertificate", map([("ACMCertificateArn", "arn:aws:acm:x".into())])),
            "ACMCertificateArn",
        ),
        (config("a").with("Logging", map([("Enabled", true.into())])), "Logging"),
        (legacy("all", words(&[])), "Cookies.Forward all"),
        (legacy("none", words(&["*"])), "Headers *"),
        (legacy("none", words(&["Host"])), "host"),
        (legacy("none", words(&["CloudFront-Viewer-Country"])), "CloudFront-Viewer-Country"),
    ];
    for (config, name) in cases {
        let (error, message) = api.refused("CreateDistribution", create(config)).await;
        assert_eq!(error, "InvalidArgument", "{name}: {message}");
        assert!(message.contains(name), "{name}: {message}");
    }
    assert!(api.wanted().await.is_empty(), "nothing is stored");
}

#[tokio::test]
async fn mistakes_have_cloudfronts_own_names() {
    let api = Api::new().await;
    let origin = |member: &'static str, value: Value| {
        let one =
            map([("Id", "main".into()), ("DomainName", "origin.example.org".into())]).with(member, value);
        config("a").with("Origins", list([one.into()]))
    };
    let odd = map([("Quantity", 2_i64.into()), ("Items", vec![Value::from("a.example")].into())]);
    let both = behaviour().with("MinTTL", 0_i64);
    let control = "E2QWRUHAPOMQZL";
    for (config, name) in [
        (config("a").with("Aliases", odd), "InconsistentQuantities"),
        (config("a").with("DefaultCacheBehavior", both), "InvalidArgument"),
        (with_behaviour("a", "CachePolicyId", "00000000-0000-0000-0000-000000000000"), "NoSuchCachePolicy"),
        (with_behaviour("a", "ResponseHeadersPolicyId", "nobody"), "NoSuchResponseHeadersPolicy"),
        (with_behaviour("a", "TargetOriginId", "nobody"), "NoSuchOrigin"),
        (origin("DomainName", "origin.example.org:8080".into()), "InvalidOrigin"),
        (origin("DomainName", "a b".into()), "InvalidOrigin"),
        (origin("DomainName", "169.254.169.254".into()), "InvalidOrigin"),
        (origin("DomainName", "e0.cloudfront.LocalHost".into()), "InvalidOrigin"),
        (origin("OriginPath", "no-slash".into()), "InvalidArgument"),
        (origin("S3OriginConfig", map([("OriginAccessIdentity", "".into())]).into()), "InvalidOrigin"),
        (origin("OriginAccessControlId", control.into()), "InvalidOriginAccessControl"),
        (
            config("a").with("CustomErrorResponses", list([map([("ErrorCode", 418_i64.into())]).into()])),
            "InvalidErrorCode",
        ),
        (config(""), "InvalidArgument"),
    ] {
        let found = api.refused("CreateDistribution", create(config)).await;
        assert_eq!(found.0, name, "{found:?}");
    }
    api.call("CreateDistribution", create(config("x").with("Aliases", words(&["a.example"])))).await.unwrap();
    let (taken, _) =
        api.refused("CreateDistribution", create(config("y").with("Aliases", words(&["A.example"])))).await;
    assert_eq!(taken, "CNAMEAlreadyExists");
}

#[tokio::test]
async fn tags_are_set_shown_and_taken_away() {
    let api = Api::new().await;
    let tag = |key: &str, value: &str| Value::from(map([("Key", key.into()), ("Value", value.into())]));
    let tags = |tags: Vec<Value>| Value::from(map([("Items", tags.into())]));
    let both = map([("DistributionConfig", config("a").into()), ("Tags", tags(vec![tag("team", "live")]))]);
    let made = api
        .call("CreateDistributionWithTags", map([("DistributionConfigWithTags", both.into())]))
        .await
        .unwrap();
    let arn = text(&made, "Distribution.ARN");
    assert_eq!(
        arn,
        format!("arn:aws:cloudfront::{}:distribution/{}", common::ACCOUNT, text(&made, "Distribution.Id"))
    );
    let more = map([("Resource", arn.as_str().into()), ("Tags", tags(vec![tag("a", "1"), tag("b", "2")]))]);
    api.call("TagResource", more).await.unwrap();
    let less = map([
        ("Resource", arn.as_str().into()),
        ("TagKeys", map([("Items", vec![Value::from("a")].into())]).into()),
    ]);
    api.call("UntagResource", less).await.unwrap();
    let shown = api.call("ListTagsForResource", map([("Resource", arn.as_str().into())])).await.unwrap();
    assert_eq!(*inner(&shown, "Tags.Items"), Value::from(vec![tag("b", "2"), tag("team", "live")]));
    let nobody = map([("Resource", format!("{arn}X").into())]);
    assert_eq!(api.refused("ListTagsForResource", nobody).await.0, "NoSuchResource");
    let theirs = map([("Resource", arn.into()), ("Tags", tags(vec![tag("aws:x", "1")]))]);
    assert_eq!(api.refused("TagResource", theirs).await.0, "InvalidTagging");
}
