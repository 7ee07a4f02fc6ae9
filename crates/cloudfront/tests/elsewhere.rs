//! Distributions of the workflow file, as CloudFront's clients see them.

mod common;

use aws::Map;
use common::{ACCOUNT, Api, config, inner, list, map, text, words};

const FILE: &str = "[[channel]]\nname = \"news\"\ninput = \"test\"\n\
    [[distribution]]\nname = \"cdn\"\nhosts = [\"*.example.org\", \"cdn.example.org\"]\n\
    [[distribution.origin]]\nid = \"own\"\ntarget = \"origin\"\n\
    [[distribution]]\nname = \"mounted\"\nmount = true\n[[distribution.origin]]\nid = \"own\"\ntarget = \"origin\"\n";

async fn listed(api: &Api) -> Vec<Map> {
    let answer = api.call("ListDistributions", Map::new()).await.unwrap();
    let items = inner(&answer, "DistributionList.Items").as_list().unwrap();
    items.iter().map(|one| one.as_map().unwrap().clone()).collect()
}

/// The id of the file's distribution that is reached at `domain`.
async fn found(api: &Api, domain: &str) -> String {
    let all = listed(api).await;
    let one = all.iter().find(|one| text(one, "DomainName") == domain);
    text(one.unwrap_or_else(|| panic!("{all:?}")), "Id")
}

#[tokio::test]
async fn the_files_distributions_are_listed_beside_cloudfronts_own_and_described() {
    let api = Api::beside(FILE).await;
    api.call("CreateDistribution", map([("DistributionConfig", config("a").into())])).await.unwrap();
    assert_eq!(listed(&api).await.len(), 3);
    let mut all = Vec::new();
    let mut marker = String::new();
    loop {
        let asked = map([("MaxItems", "1".into()), ("Marker", marker.as_str().into())]);
        let page = api.call("ListDistributions", asked).await.unwrap();
        all.push(text(inner(&page, "DistributionList.Items").as_list().unwrap()[0].as_map().unwrap(), "Id"));
        match inner(&page, "DistributionList").as_map().unwrap().text("NextMarker") {
            Some(next) => marker = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<_> = listed(&api).await.iter().map(|one| text(one, "Id")).collect();
    assert_eq!(all, expected);

    found(&api, "media.example:8080/d/mounted").await;
    let id = found(&api, "cdn.example.org").await;
    assert!(id.len() == 14 && id.starts_with('E'), "{id}");
    let shown = api.call("GetDistribution", map([("Id", id.as_str().into())])).await.unwrap();
    assert_eq!(text(&shown, "Distribution.ARN"), format!("arn:aws:cloudfront::{ACCOUNT}:distribution/{id}"));
    let aliases = inner(&shown, "Distribution.DistributionConfig.Aliases");
    assert_eq!(*aliases, words(&["*.example.org", "cdn.example.org"]));
    let alone = api.call("GetDistributionConfig", map([("Id", id.as_str().into())])).await.unwrap();
    assert_eq!(
        (inner(&alone, "DistributionConfig"), inner(&alone, "ETag")),
        (inner(&shown, "Distribution.DistributionConfig"), inner(&shown, "ETag"))
    );
    assert!(api.wanted().await.iter().all(|one| one.name != "cdn"), "the file asks for it, not CloudFront");
}

#[tokio::test]
async fn it_is_purged_by_its_name_and_every_change_is_refused() {
    let api = Api::beside(FILE).await;
    let id = found(&api, "cdn.example.org").await;
    let batch = map([("Paths", words(&["/live/*"])), ("CallerReference", "r".into())]);
    let asked = map([("DistributionId", id.as_str().into()), ("InvalidationBatch", batch.into())]);
    let made = api.call("CreateInvalidation", asked).await.unwrap();
    assert_eq!(*api.purges.asked.lock().unwrap(), [("cdn".to_owned(), "/live/*".to_owned())]);
    let own = text(&made, "Invalidation.Id");
    let asked = map([("DistributionId", id.as_str().into()), ("Id", own.as_str().into())]);
    assert_eq!(text(&api.call("GetInvalidation", asked).await.unwrap(), "Invalidation.Status"), "Completed");
    let kept = api.call("ListInvalidations", map([("DistributionId", id.as_str().into())])).await.unwrap();
    assert_eq!(inner(&kept, "InvalidationList.Quantity"), &1_u64.into());

    let shown = api.call("GetDistributionConfig", map([("Id", id.as_str().into())])).await.unwrap();
    let wanted = inner(&shown, "DistributionConfig").clone();
    let arn = format!("arn:aws:cloudfront::{ACCOUNT}:distribution/{id}");
    let named = || map([("Id", id.as_str().into()), ("IfMatch", inner(&shown, "ETag").clone())]);
    let tag = map([("Key", "a".into()), ("Value", "b".into())]);
    let tags = map([("Items", vec![tag.into()].into())]);
    let keys = map([("Items", vec!["a".into()].into())]);
    for (operation, input) in [
        ("UpdateDistribution", named().with("DistributionConfig", wanted)),
        ("DeleteDistribution", named()),
        ("TagResource", map([("Resource", arn.as_str().into()), ("Tags", tags.into())])),
        ("UntagResource", map([("Resource", arn.as_str().into()), ("TagKeys", keys.into())])),
    ] {
        let (error, told) = api.refused(operation, input).await;
        assert_eq!(error, "AccessDenied");
        assert_eq!(
            told,
            "distribution `cdn` is of the workflow file; change it there and run `headwater apply`"
        );
    }
    let told = api.call("ListTagsForResource", map([("Resource", arn.as_str().into())])).await.unwrap();
    let owner = map([("Key", "headwater:owner".into()), ("Value", "file".into())]);
    assert_eq!(inner(&told, "Tags.Items"), &vec![owner.into()].into());
    let taken = config("b").with("Aliases", list(["CDN.example.org".into()]));
    let taken = map([("DistributionConfig", taken.into())]);
    assert_eq!(api.refused("CreateDistribution", taken).await.0, "CNAMEAlreadyExists");
}
