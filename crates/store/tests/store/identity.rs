//! Users, keys, policies, secrets.

use store::{Error, Store, Write};

use crate::home::{Home, at, call, doc};
use crate::on_both_engines;

on_both_engines! {
    a_user_has_at_most_two_keys
    who_holds_something_cannot_go
    a_sealed_secret_is_kept_to_the_byte_and_shown_nowhere
}

const ACCOUNT: &str = "000000000001";

async fn done(store: &Store, what: impl AsyncFnOnce(&mut Write) -> Result<(), Error>) -> Result<(), Error> {
    let mut write = store.write(call("iam", 1)).await.expect("the turn");
    let outcome = what(&mut write).await;
    write.settle(outcome).await
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
        .keys_used(&[("AKIA1".into(), at(9)), ("AKIA1".into(), at(5)), ("gone".into(), at(9))])
        .await
        .expect("noted");
    done(&store, async |write| write.set_key_active("AKIA1", false).await).await.expect("set");
    let key = store.key("AKIA1").await.expect("there");
    assert_eq!((key.active, key.last_used), (false, Some(at(9))));
    done(&store, async |write| write.delete_key("AKIA1").await).await.expect("deleted");
    assert!(matches!(store.key("AKIA1").await, Err(Error::NotFound(_))));
    assert_eq!(store.keys_of(ACCOUNT, "ada").await.expect("read").len(), 1);
}

async fn who_holds_something_cannot_go(home: Home) {
    let store = home.open().await;
    done(&store, async |write| {
        write.put_user("ada", &doc("{}"), None).await?;
        write.put_policy("all", &doc("{\"a\":1}")).await?;
        write.put_policy("all", &doc("{\"a\":2}")).await?;
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
    assert_eq!(policies[0].document, doc("{\"a\":2}"));
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
