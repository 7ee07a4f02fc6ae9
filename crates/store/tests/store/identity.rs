//! Users, keys, policies, secrets.

use store::{Error, Store, Use, Write};

use crate::home::{Home, at, call, doc};
use crate::on_both_engines;

on_both_engines! {
    a_user_has_at_most_two_keys
    who_holds_something_cannot_go
    a_user_takes_keys_and_policies_to_another_name
    a_sealed_secret_is_kept_to_the_byte_and_shown_nowhere
}

const ACCOUNT: &str = "000000000001";

async fn done(store: &Store, what: impl AsyncFnOnce(&mut Write) -> Result<(), Error>) -> Result<(), Error> {
    let mut write = store.write(call("iam", 1)).await.expect("the turn");
    let outcome = what(&mut write).await;
    write.settle(outcome).await
}

fn used(second: i64) -> Use {
    Use { at: at(second), service: "medialive".into(), region: format!("region-{second}") }
}

async fn a_user_has_at_most_two_keys(home: Home) {
    let store = home.open().await;
    done(&store, async |write| write.put_user("ada", &doc("{}"), Some(&[0, 255])).await).await.expect("made");
    for id in ["AKIA1", "AKIA2"] {
        done(&store, async |write| write.put_key(id, "ada", &[1, 0, 2]).await).await.expect("given");
    }
    let third = done(&store, async |write| write.put_key("AKIA3", "ada", &[1]).await).await;
    assert!(matches!(third, Err(Error::Conflict(_))), "{third:?}");
    let nobody = done(&store, async |write| write.put_key("AKIA3", "bob", &[1]).await).await;
    assert!(matches!(nobody, Err(Error::Conflict(_))), "{nobody:?}");
    let key = store.key("AKIA1").await.expect("there");
    assert_eq!(
        (key.user.as_str(), key.active, key.sealed.as_slice(), key.last_used),
        ("ada", true, &[1, 0, 2][..], None)
    );
    store
        .keys_used(&[("AKIA1".into(), used(9)), ("AKIA1".into(), used(5)), ("gone".into(), used(9))])
        .await
        .expect("noted");
    done(&store, async |write| write.set_key_active("AKIA1", false).await).await.expect("set");
    let key = store.key("AKIA1").await.expect("there");
    assert_eq!((key.active, key.last_used), (false, Some(used(9))));
    done(&store, async |write| write.delete_key("AKIA1").await).await.expect("deleted");
    assert!(matches!(store.key("AKIA1").await, Err(Error::NotFound(_))));
    assert_eq!(store.keys_of(ACCOUNT, "ada").await.expect("read").len(), 1);
}

async fn who_holds_something_cannot_go(home: Home) {
    let store = home.open().await;
    done(&store, async |write| {
        write.put_user("ada", &doc("{}"), None).await?;
        write.put_policy("all", &doc("{\"a\":1}"), &doc("{}")).await?;
        write.put_policy("all", &doc("{\"a\":2}"), &doc("{\"id\":1}")).await?;
        write.attach("ada", "all").await?;
        write.attach("ada", "all").await
    })
    .await
    .expect("made");
    let missing = done(&store, async |write| write.attach("ada", "none").await).await;
    assert!(matches!(missing, Err(Error::Conflict(_))), "{missing:?}");
    let held = done(&store, async |write| write.delete_user("ada").await).await;
    assert!(matches!(held, Err(Error::Conflict(_))), "{held:?}");
    let held = done(&store, async |write| write.delete_policy("all").await).await;
    assert!(matches!(held, Err(Error::Conflict(_))), "{held:?}");
    let policies = store.policies_of(ACCOUNT, "ada").await.expect("read");
    assert_eq!((&policies[0].document, &policies[0].about), (&doc("{\"a\":2}"), &doc("{\"id\":1}")));
    done(&store, async |write| {
        write.detach("ada", "all").await?;
        write.delete_policy("all").await?;
        write.delete_user("ada").await
    })
    .await
    .expect("gone");
    assert!(store.users(ACCOUNT).await.expect("read").is_empty());
    assert!(store.policies(ACCOUNT).await.expect("read").is_empty());
}

async fn a_user_takes_keys_and_policies_to_another_name(home: Home) {
    let store = home.open().await;
    done(&store, async |write| {
        for name in ["ada", "bob"] {
            write.put_user(name, &doc("{\"id\":7}"), Some(b"hash")).await?;
        }
        write.put_key("AKIA1", "ada", b"sealed").await?;
        write.put_policy("all", &doc("{\"a\":1}"), &doc("{}")).await?;
        write.attach("ada", "all").await?;
        write.put_user_policy("ada", "own", &doc("{\"a\":2}")).await?;
        write.put_user_policy("ada", "own", &doc("{\"a\":3}")).await
    })
    .await
    .expect("made");
    let taken = done(&store, async |write| write.rename_user("ada", "bob").await).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
    done(&store, async |write| write.rename_user("ada", "eve").await).await.expect("renamed");
    assert!(matches!(store.user(ACCOUNT, "ada").await, Err(Error::NotFound(_))));
    let user = store.user(ACCOUNT, "eve").await.expect("there");
    assert_eq!((user.document, user.password.as_deref()), (doc("{\"id\":7}"), Some(&b"hash"[..])));
    assert_eq!(store.key("AKIA1").await.expect("there").user, "eve");
    let documents: Vec<_> = store
        .policies_of(ACCOUNT, "eve")
        .await
        .expect("read")
        .into_iter()
        .map(|policy| policy.document)
        .collect();
    assert_eq!(documents, [doc("{\"a\":1}"), doc("{\"a\":3}")]);
    assert_eq!(store.attachments(ACCOUNT).await.expect("read"), [("eve".to_owned(), "all".to_owned())]);
    let held = done(&store, async |write| {
        write.delete_key("AKIA1").await?;
        write.detach("eve", "all").await?;
        write.delete_user("eve").await
    })
    .await;
    assert!(matches!(held, Err(Error::Conflict(_))), "their own policy: {held:?}");
    done(&store, async |write| {
        write.delete_key("AKIA1").await?;
        write.detach("eve", "all").await?;
        write.delete_user_policy("eve", "own").await?;
        write.delete_user("eve").await
    })
    .await
    .expect("gone");
}

async fn a_sealed_secret_is_kept_to_the_byte_and_shown_nowhere(home: Home) {
    let store = home.open().await;
    let sealed: Vec<u8> = (0..=255).collect();
    done(&store, async |write| {
        write.put_user("ada", &doc("{}"), Some(b"canary")).await?;
        write.put_key("AKIA1", "ada", b"canary").await?;
        write.put_secret("eu-west-1", "/ingest/password", &sealed).await
    })
    .await
    .expect("kept");
    assert_eq!(store.secret(ACCOUNT, "eu-west-1", "/ingest/password").await.expect("there"), sealed);
    let shown = format!(
        "{:?} {:?} {:?}",
        store.user(ACCOUNT, "ada").await.expect("there"),
        store.key("AKIA1").await.expect("there"),
        store.audit(0, 9).await.expect("lines")
    );
    assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
    done(&store, async |write| write.delete_secret("eu-west-1", "/ingest/password").await)
        .await
        .expect("gone");
    assert!(matches!(store.secret(ACCOUNT, "eu-west-1", "/ingest/password").await, Err(Error::NotFound(_))));
}
