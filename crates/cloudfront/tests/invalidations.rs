//! Invalidations reach the cache, once.

mod common;

use aws::{Map, Value};
use common::{Api, config, inner, map, text, words};

async fn made(api: &Api) -> String {
    let made =
        api.call("CreateDistribution", map([("DistributionConfig", config("a").into())])).await.unwrap();
    text(&made, "Distribution.Id")
}

fn batch(id: &str, reference: &str, paths: &[&str]) -> Map {
    let batch = map([("Paths", words(paths)), ("CallerReference", reference.into())]);
    map([("DistributionId", id.into()), ("InvalidationBatch", batch.into())])
}

#[tokio::test]
async fn what_is_invalidated_is_purged_and_shown() {
    let api = Api::new().await;
    let id = made(&api).await;
    let one = api.call("CreateInvalidation", batch(&id, "r", &["/live/*", "/index.html"])).await.unwrap();
    let name = id.to_lowercase();
    let asked = [(name.clone(), "/live/*".to_owned()), (name, "/index.html".to_owned())];
    assert_eq!(*api.purges.asked.lock().unwrap(), asked);
    let again = api.call("CreateInvalidation", batch(&id, "r", &["/live/*", "/index.html"])).await.unwrap();
    assert_eq!(inner(&one, "Invalidation.Id"), inner(&again, "Invalidation.Id"));
    assert_eq!(api.purges.asked.lock().unwrap().len(), 2, "a call that comes twice is done once");
    assert_eq!(api.refused("CreateInvalidation", batch(&id, "r", &["/other"])).await.0, "InvalidArgument");

    let own = text(&one, "Invalidation.Id");
    let shown = api
        .call("GetInvalidation", map([("DistributionId", id.as_str().into()), ("Id", own.as_str().into())]));
    assert_eq!(text(&shown.await.unwrap(), "Invalidation.Status"), "Completed");
    let nobody = map([("DistributionId", id.as_str().into()), ("Id", "INOBODY".into())]);
    assert_eq!(api.refused("GetInvalidation", nobody).await.0, "NoSuchInvalidation");
    let second = api.call("CreateInvalidation", batch(&id, "s", &["*"])).await.unwrap();
    let list = api.call("ListInvalidations", map([("DistributionId", id.as_str().into())])).await.unwrap();
    let ids: Vec<_> = inner(&list, "InvalidationList.Items")
        .as_list()
        .unwrap()
        .iter()
        .map(|one| text(one.as_map().unwrap(), "Id"))
        .collect();
    assert_eq!(ids, [text(&second, "Invalidation.Id"), own]);
}

#[tokio::test]
async fn paths_that_mean_nothing_are_refused_before_anything_is_purged() {
    let api = Api::new().await;
    let id = made(&api).await;
    for path in ["", "/a*b", "/a/../b", "/a b", "//x"] {
        let (error, message) = api.refused("CreateInvalidation", batch(&id, "r", &["/fine", path])).await;
        assert_eq!(error, "InvalidArgument", "{path}: {message}");
    }
    let many: Vec<_> = (0..3_001).map(|at| format!("/{at}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(api.refused("CreateInvalidation", batch(&id, "r", &many)).await.0, "BatchTooLarge");
    assert!(api.purges.asked.lock().unwrap().is_empty());
    assert_eq!(
        api.refused("CreateInvalidation", batch("ENOBODY", "r", &["/a"])).await.0,
        "NoSuchDistribution"
    );
}

#[tokio::test]
async fn an_edge_that_cannot_be_reached_is_told_and_the_call_may_come_again() {
    let api = Api::new().await;
    let id = made(&api).await;
    *api.purges.fault.lock().unwrap() = Some("no edge".to_owned());
    assert_eq!(api.refused("CreateInvalidation", batch(&id, "r", &["/a"])).await.0, "ServiceUnavailable");
    *api.purges.fault.lock().unwrap() = None;
    let done = api.call("CreateInvalidation", batch(&id, "r", &["/a"])).await.unwrap();
    assert_eq!(text(&done, "Invalidation.Status"), "Completed");
}

#[tokio::test]
async fn the_newest_hundred_are_kept_and_none_of_a_distribution_that_is_gone() {
    let api = Api::new().await;
    let id = made(&api).await;
    for at in 0..103 {
        api.call("CreateInvalidation", batch(&id, &at.to_string(), &["/a"])).await.unwrap();
    }
    let asked = map([("DistributionId", id.as_str().into()), ("MaxItems", "1000".into())]);
    let list = api.call("ListInvalidations", asked).await.unwrap();
    assert_eq!(*inner(&list, "InvalidationList.Quantity"), Value::from(100_i64));
    let off = config("a").with("Enabled", false);
    let shown = api.call("GetDistribution", map([("Id", id.as_str().into())])).await.unwrap();
    let update = map([
        ("Id", id.as_str().into()),
        ("IfMatch", text(&shown, "ETag").into()),
        ("DistributionConfig", off.into()),
    ]);
    let off = api.call("UpdateDistribution", update).await.unwrap();
    api.call("DeleteDistribution", map([("Id", id.as_str().into()), ("IfMatch", text(&off, "ETag").into())]))
        .await
        .unwrap();
    let (_, left) = api.store.every().await.unwrap();
    assert!(left.iter().all(|one| one.deleted.is_some()), "nothing lives on");
}
