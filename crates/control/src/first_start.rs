//! Account and root access key: made or taken at the first start, found again at every other.
//!
//! The store holds which account it is, the root's key with its secret sealed, and the console password's hash; the master key that
//! seals lies in a file beside it ([`master_key`]).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use iam::ROOT;
use identity::bootstrap::{ACCESS_KEY, ACCOUNT_ID, SECRET_KEY};
use identity::password;
use identity::seal::{Keyring, SealFault};
use identity::{AccessKeyId, AccountId, Bootstrap, BootstrapFault, Given, Secret};
use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Call, Document, Expect, Key, New, Owner, Store};

use crate::master_key::{self, MasterKeyFault};
use crate::random;

/// Who this installation is.
#[derive(Debug)]
pub struct Identity {
    /// The account that everything belongs to.
    pub account: AccountId,
    /// What seals secrets.
    pub keyring: Keyring,
    /// Where this was the very first start; what it shows, once.
    pub(crate) made: Option<(Bootstrap, String)>,
}

/// The root's access key, for whoever may read the master key's file: `headwater aws-env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKey {
    /// The account.
    pub account: AccountId,
    /// The key's id.
    pub access_key: AccessKeyId,
    /// Its secret.
    pub secret_key: Secret,
}

/// What the store keeps of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    account: AccountId,
    root_key: AccessKeyId,
}

/// Why there is no account or root key to go on with.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartFault {
    /// The store.
    #[error("account and keys cannot be read from the store")]
    Store(#[from] store::Error),
    /// The master key's file.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyFault),
    /// The store has sealed secrets, and the key to them is gone.
    #[error("the store was made with a master key, and there is none at `{}`: restore it from where you keep it", .0.display())]
    NoMasterKey(PathBuf),
    /// What the operator set.
    #[error(transparent)]
    Given(#[from] BootstrapFault),
    /// Another account than the store's.
    #[error(
        "{ACCOUNT_ID} is {given}, and the store belongs to account {kept}: unset it, or take another store"
    )]
    OtherAccount {
        /// What was set.
        given: String,
        /// What the store has.
        kept: AccountId,
    },
    /// The root's secret does not open.
    #[error("the root access key's secret does not open")]
    Sealed(#[source] SealFault),
    /// Nothing was started here yet.
    #[error("no account yet: start the control role once")]
    NotStarted,
}

/// What the operator set in the environment.
pub fn given_by_environment() -> Given {
    let set = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    Given {
        access_key: set(ACCESS_KEY),
        secret_key: set(SECRET_KEY).map(Secret::new),
        account_id: set(ACCOUNT_ID),
    }
}

/// Makes the identity where there is none, else finds it; a root key that the operator set takes the place of the one before.
/// The master key lies in `control/` below the folder of all data.
///
/// # Errors
/// The store, the master key's file, or what the operator set.
pub async fn prepare(store: &Store, data_dir: &Path, given: &Given) -> Result<Identity, FirstStartFault> {
    if find(store).await?.is_none() {
        match make(store, data_dir, given).await {
            // Another process was faster; its root key is the one.
            Err(FirstStartFault::Store(store::Error::Conflict(_))) => {}
            made => return made,
        }
    }
    let (record, keyring) = load(store, data_dir).await?;
    let root = open(store, &record, &keyring).await?;
    if let Some(given) = &given.account_id
        && given != record.account.as_str()
    {
        return Err(FirstStartFault::OtherAccount { given: given.clone(), kept: record.account });
    }
    if given.access_key.is_some() || given.secret_key.is_some() {
        let wanted = Bootstrap::new(given, random::bytes())?;
        if (&wanted.access_key, &wanted.secret_key) != (&root.access_key, &root.secret_key) {
            replace_root_key(store, &record, &keyring, &wanted).await?;
            tracing::warn!(access_key = %wanted.access_key, "the root access key was replaced by the one that is set");
        }
    }
    Ok(Identity { account: record.account, keyring, made: None })
}

/// The root's access key.
pub async fn root_key(store: &Store, data_dir: &Path) -> Result<RootKey, FirstStartFault> {
    let (record, keyring) = load(store, data_dir).await?;
    open(store, &record, &keyring).await
}

/// What the first start shows, once.
fn announcement(made: &Bootstrap, given: &Given) -> String {
    let rule = "=".repeat(72);
    let secret = match given.secret_key {
        None => made.secret_key.expose(),
        Some(_) => "(as you set it)",
    };
    format!(
        "{rule}\nHeadwater's first start. These are shown once: keep them now.\n\n  account           {}\n  \
         root access key   {}\n  root secret key   {secret}\n  console password  {}   (opens the console once)\n\n\
         `headwater aws-env` prints what AWS's clients need. Keep a copy of the master\nkey in control/master.key \
         apart from the store: without it no secret opens.\n{rule}",
        made.account,
        made.access_key,
        made.password.expose(),
    )
}

async fn make(store: &Store, data_dir: &Path, given: &Given) -> Result<Identity, FirstStartFault> {
    let made = Bootstrap::new(given, random::bytes())?;
    let keyring = Keyring::new(master_key::read_or_make(data_dir)?, Vec::new());
    let hash = password::Hash::of(&made.password, random::bytes()).expect("a made password is within bounds");
    let sealed = seal(&keyring, &made);
    let record = Record { account: made.account.clone(), root_key: made.access_key.clone() };

    let mut write = store.write(call(&made.account)).await?;
    let done = async {
        write
            .create(New {
                key: key(),
                arn: "arn:aws:headwater:::identity".to_owned(),
                name: "identity".to_owned(),
                owner: Owner::Api,
                desired: Document::of(&record)?,
                tags: store::Tags::new(),
            })
            .await?;
        write.put_user(ROOT, &Document::parse("{}")?, Some(hash.as_str().as_bytes())).await?;
        write.put_key(made.access_key.as_str(), ROOT, &sealed).await
    }
    .await;
    write.settle(done).await?;
    let announcement = announcement(&made, given);
    Ok(Identity { account: made.account.clone(), keyring, made: Some((made, announcement)) })
}

async fn find(store: &Store) -> Result<Option<Record>, FirstStartFault> {
    match store.resource(&key(), now()).await {
        Ok(found) => Ok(Some(found.desired.read()?)),
        Err(store::Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The identity that an earlier start made.
pub(crate) async fn found(store: &Store, data_dir: &Path) -> Result<Identity, FirstStartFault> {
    let (record, keyring) = load(store, data_dir).await?;
    Ok(Identity { account: record.account, keyring, made: None })
}

async fn load(store: &Store, data_dir: &Path) -> Result<(Record, Keyring), FirstStartFault> {
    let record = find(store).await?.ok_or(FirstStartFault::NotStarted)?;
    let key = master_key::read(data_dir)?
        .ok_or_else(|| FirstStartFault::NoMasterKey(master_key::path(data_dir)))?;
    Ok((record, Keyring::new(key, Vec::new())))
}

async fn open(store: &Store, record: &Record, keyring: &Keyring) -> Result<RootKey, FirstStartFault> {
    let kept = store.key(record.root_key.as_str()).await?;
    let secret_key = keyring.open(&kept.sealed, record.root_key.as_str()).map_err(FirstStartFault::Sealed)?;
    Ok(RootKey { account: record.account.clone(), access_key: record.root_key.clone(), secret_key })
}

async fn replace_root_key(
    store: &Store,
    record: &Record,
    keyring: &Keyring,
    wanted: &Bootstrap,
) -> Result<(), FirstStartFault> {
    let sealed = seal(keyring, wanted);
    let renewed = Document::of(&Record { root_key: wanted.access_key.clone(), ..record.clone() })?;
    let mut write = store.write(call(&record.account)).await?;
    let done = async {
        write.delete_key(record.root_key.as_str()).await?;
        write.put_key(wanted.access_key.as_str(), ROOT, &sealed).await?;
        write.change(&key(), Expect::Any, renewed).await
    }
    .await;
    write.settle(done).await?;
    Ok(())
}

fn seal(keyring: &Keyring, made: &Bootstrap) -> Vec<u8> {
    keyring
        .seal(&made.secret_key, made.access_key.as_str(), random::bytes())
        .expect("a secret key is within the seal's bound")
}

fn key() -> Key {
    Key::new("identity", "headwater", "global", "root").expect("the words are within bounds")
}

fn call(account: &AccountId) -> Call {
    Call {
        account: account.as_str().to_owned(),
        who: format!("arn:aws:iam::{account}:root"),
        source: String::new(),
        action: "headwater:Start".to_owned(),
        request_id: random::request_id(),
        at: now(),
    }
}

fn now() -> Utc {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use store::Place;

    use super::*;

    fn given(access_key: &str, secret_key: &str) -> Given {
        Given {
            access_key: Some(access_key.to_owned()),
            secret_key: Some(Secret::new(secret_key)),
            account_id: None,
        }
    }

    #[tokio::test]
    async fn what_the_first_start_made_later_ones_find() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::Sqlite(folder.path().join("store.db"));
        let store = Store::open(&place).await.expect("opened");
        assert!(matches!(root_key(&store, folder.path()).await, Err(FirstStartFault::NotStarted)));
        let first = prepare(&store, folder.path(), &Given::default()).await.expect("made");
        let (made, _) = first.made.expect("the first start");
        let text = announcement(&made, &Given::default());
        for shown in [
            made.account.as_str(),
            made.access_key.as_str(),
            made.secret_key.expose(),
            made.password.expose(),
        ] {
            assert!(text.contains(shown), "{text}");
        }
        store.close().await;

        let store = Store::open(&place).await.expect("opened");
        let again = prepare(&store, folder.path(), &Given::default()).await.expect("found");
        assert!(again.made.is_none());
        let root = root_key(&store, folder.path()).await.expect("kept");
        assert_eq!(
            root,
            RootKey { account: made.account, access_key: made.access_key, secret_key: made.secret_key }
        );
        let file = std::fs::read(folder.path().join("store.db")).expect("read");
        let secret = root.secret_key.expose().as_bytes();
        assert!(!file.windows(secret.len()).any(|window| window == secret), "the store shows the secret");
    }

    #[tokio::test]
    async fn a_root_key_that_is_set_is_taken_and_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("opened");
        let one = given("AKIAONEONEONEONE", "one-one-one-one-one-one-one-one-one");
        let first =
            prepare(&store, folder.path(), &one).await.expect("made").made.expect("the first start").0;
        assert!(!announcement(&first, &one).contains("one-one"));
        let two = given("AKIATWOTWOTWOTWO", "two-two-two-two-two-two-two-two-two");
        prepare(&store, folder.path(), &two).await.expect("replaced");
        let root = root_key(&store, folder.path()).await.expect("kept");
        assert_eq!((root.access_key.as_str(), &root.account), ("AKIATWOTWOTWOTWO", &first.account));
        assert!(store.key("AKIAONEONEONEONE").await.is_err());

        let other = Given { account_id: Some("999999999999".to_owned()), ..two };
        let refused = prepare(&store, folder.path(), &other).await;
        assert!(matches!(refused, Err(FirstStartFault::OtherAccount { .. })), "{refused:?}");
        let half = Given { access_key: Some("AKIATWOTWOTWOTWO".to_owned()), ..Given::default() };
        assert!(matches!(prepare(&store, folder.path(), &half).await, Err(FirstStartFault::Given(_))));
    }

    #[tokio::test]
    async fn without_its_master_key_a_store_is_not_started_with_a_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("opened");
        prepare(&store, folder.path(), &Given::default()).await.expect("made");
        let path = master_key::path(folder.path());
        std::fs::remove_file(&path).expect("removed");
        let refused = prepare(&store, folder.path(), &Given::default()).await;
        assert!(matches!(refused, Err(FirstStartFault::NoMasterKey(_))), "{refused:?}");
        master_key::read_or_make(folder.path()).expect("another");
        let refused = prepare(&store, folder.path(), &Given::default()).await;
        assert!(matches!(refused, Err(FirstStartFault::Sealed(SealFault::OtherKey))), "{refused:?}");
    }
}
