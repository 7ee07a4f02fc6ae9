//! IAM as its callers meet it, over a store.

use aws::{Error, Map, Model, Value};
use door::{Caller, Door};
use iam::Iam;
use identity::seal::{Keyring, MasterKey};
use media::Utc;
use store::{Document, Place, Store, Use};
use tempfile::TempDir;

const ACCOUNT: &str = "123456789012";
const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

struct Home {
    iam: Iam,
    store: Store,
    folder: TempDir,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("opened");
        let home = Self { iam: Iam::new(store.clone(), keyring()), store, folder };
        // As the first start leaves it.
        let mut write = home.store.write(caller("root", "headwater:Start").audit()).await.expect("a turn");
        let done = write.put_user(iam::ROOT, &Document::parse("{}").expect("JSON"), Some(b"hash")).await;
        write.settle(done).await.expect("made");
        home
    }

    async fn call(
        &self,
        who: &str,
        operation: &'static str,
        members: &[(&'static str, &str)],
    ) -> Result<Map, Error> {
        let input: Map = members.iter().map(|(name, value)| (*name, *value)).collect();
        self.ask(who, operation, input).await
    }

    async fn ask(&self, who: &str, operation: &'static str, input: Map) -> Result<Map, Error> {
        let caller = caller(who, operation);
        self.iam.call(&caller, operation, input).expect("it is done here").await
    }

    async fn about(&self, who: &str, operation: &str, members: &[(&'static str, &str)]) -> Vec<String> {
        let input: Map = members.iter().map(|(name, value)| (*name, *value)).collect();
        self.iam.about(&caller(who, operation), operation, &input).await.expect("the store answers")
    }

    /// A key of this user's; its id.
    async fn key(&self, user: &str) -> String {
        let made = self.call("root", "CreateAccessKey", &[("UserName", user)]).await.expect("made");
        text(&made, "AccessKey", "AccessKeyId")
    }
}

fn keyring() -> Keyring {
    Keyring::new(MasterKey::from_random([3; 32]), Vec::new())
}

fn caller(who: &str, operation: &str) -> Caller {
    Caller {
        account: ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
        who: format!("arn:aws:iam::{ACCOUNT}:{who}"),
        access_key: String::new(),
        source: String::new(),
        request_id: "1".to_owned(),
        action: format!("iam:{operation}"),
        at: Utc(1_795_400_000_000_000),
    }
}

fn text(answer: &Map, within: &str, member: &str) -> String {
    answer
        .get(within)
        .and_then(Value::as_map)
        .and_then(|map| map.text(member))
        .expect("it is there")
        .to_owned()
}

/// The names that a list has.
fn names(answer: &Map, list: &str, member: &str) -> Vec<String> {
    let list = answer.get(list).and_then(Value::as_list).expect("a list");
    list.iter()
        .map(|item| item.as_map().and_then(|item| item.text(member)).expect("it is there").to_owned())
        .collect()
}

/// The code and status that clients read of a refusal.
fn told<T: std::fmt::Debug>(answer: Result<T, Error>) -> (String, String) {
    let error = answer.expect_err("it is refused");
    let service = Model::bundled().service("iam").expect("described");
    let code = service
        .exception(None, &error.name)
        .map_or(error.name.to_string(), |(_, exception)| format!("{} {}", exception.code, exception.status));
    (code, error.message)
}

fn refusal(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_user_is_made_once_found_renamed_and_gone_when_nothing_is_left_of_theirs() {
    let home = Home::new().await;
    let made =
        home.call("root", "CreateUser", &[("UserName", "eve"), ("Path", "/ops/")]).await.expect("made");
    assert_eq!(text(&made, "User", "Arn"), format!("arn:aws:iam::{ACCOUNT}:user/ops/eve"));
    let id = text(&made, "User", "UserId");
    let again = home.call("root", "CreateUser", &[("UserName", "eve")]).await;
    assert_eq!(told(again), refusal("EntityAlreadyExists 409", "User with name eve already exists."));
    let missing = home.call("root", "GetUser", &[("UserName", "adam")]).await;
    assert_eq!(told(missing), refusal("NoSuchEntity 404", "The user with name adam cannot be found."));

    let listed = home.call("root", "ListUsers", &[]).await.expect("listed");
    assert_eq!(names(&listed, "Users", "UserName"), ["eve"], "the root is none");
    let elsewhere = home.call("root", "ListUsers", &[("PathPrefix", "/night/")]).await.expect("listed");
    assert!(names(&elsewhere, "Users", "UserName").is_empty());
    let own = home.call("user/ops/eve", "GetUser", &[]).await.expect("whoever asks");
    assert_eq!(text(&own, "User", "UserId"), id);
    let root = home.call("root", "GetUser", &[]).await.expect("whoever asks");
    assert_eq!(text(&root, "User", "UserId"), ACCOUNT);

    let key = home.key("eve").await;
    home.call("root", "UpdateUser", &[("UserName", "eve"), ("NewUserName", "eva"), ("NewPath", "/")])
        .await
        .expect("renamed");
    let renamed = home.call("root", "GetUser", &[("UserName", "eva")]).await.expect("there");
    assert_eq!(
        (text(&renamed, "User", "UserId"), text(&renamed, "User", "Arn")),
        (id, format!("arn:aws:iam::{ACCOUNT}:user/eva"))
    );
    let policy = [("UserName", "eva"), ("PolicyName", "own"), ("PolicyDocument", ALL)];
    home.call("root", "PutUserPolicy", &policy).await.expect("put");
    let gone = async || home.call("root", "DeleteUser", &[("UserName", "eva")]).await;
    let must = |what: &str| {
        refusal("DeleteConflict 409", &format!("Cannot delete entity, must delete {what} first."))
    };
    assert_eq!(told(gone().await), must("access keys"));
    let one = [("UserName", "eva"), ("AccessKeyId", key.as_str())];
    home.call("root", "DeleteAccessKey", &one).await.expect("deleted");
    assert_eq!(told(gone().await), must("policies"));
    home.call("root", "DeleteUserPolicy", &policy[..2]).await.expect("deleted");
    gone().await.expect("nothing is left");
    let outcomes: Vec<_> = home
        .store
        .audit(0, 100)
        .await
        .expect("lines")
        .into_iter()
        .filter(|line| line.call.action == "iam:DeleteUser")
        .map(|line| (line.subject, line.outcome))
        .collect();
    let line = |outcome: &str| ("user/eva".to_owned(), outcome.to_owned());
    assert_eq!(outcomes, [line("DeleteConflictException"), line("DeleteConflictException"), line("ok")]);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_sealed() {
    let home = Home::new().await;
    home.call("root", "CreateUser", &[("UserName", "eve")]).await.expect("made");
    let made = home.call("user/eve", "CreateAccessKey", &[]).await.expect("whoever asks");
    let (id, secret) = (text(&made, "AccessKey", "AccessKeyId"), text(&made, "AccessKey", "SecretAccessKey"));
    let kept = home.store.key(&id).await.expect("there");
    assert_eq!(keyring().open(&kept.sealed, &id).expect("it opens").expose(), secret);
    let file = std::fs::read(home.folder.path().join("store.db")).expect("read");
    assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()));
    let listed = home.call("root", "ListAccessKeys", &[("UserName", "eve")]).await.expect("listed");
    assert!(!format!("{listed:?}").contains(&secret));

    home.key("eve").await;
    let third = home.call("root", "CreateAccessKey", &[("UserName", "eve")]).await;
    assert_eq!(told(third), refusal("LimitExceeded 409", "Cannot exceed quota for AccessKeysPerUser: 2"));
    home.call("root", "CreateUser", &[("UserName", "adam")]).await.expect("made");
    let others = home.call("root", "DeleteAccessKey", &[("UserName", "adam"), ("AccessKeyId", &id)]).await;
    let missing = format!("The Access Key with id {id} cannot be found.");
    assert_eq!(told(others), refusal("NoSuchEntity 404", &missing));
    for (status, is_active) in [("Inactive", false), ("Active", true)] {
        let set = [("UserName", "eve"), ("AccessKeyId", id.as_str()), ("Status", status)];
        home.call("root", "UpdateAccessKey", &set).await.expect("set");
        assert_eq!(home.store.key(&id).await.expect("there").active, is_active);
    }
    let of_root = home.call("root", "CreateAccessKey", &[]).await;
    assert_eq!(told(of_root).1, "Must specify userName when calling with non-User credentials");
    let of_root = home.call("root", "CreateAccessKey", &[("UserName", iam::ROOT)]).await;
    assert_eq!(told(of_root).0, "NoSuchEntity 404");
}

#[tokio::test]
async fn when_a_key_was_last_used_is_told_with_service_and_region() {
    let home = Home::new().await;
    home.call("root", "CreateUser", &[("UserName", "eve")]).await.expect("made");
    let id = home.key("eve").await;
    let used =
        async || home.call("root", "GetAccessKeyLastUsed", &[("AccessKeyId", &id)]).await.expect("told");
    assert_eq!(
        (used().await.text("UserName"), text(&used().await, "AccessKeyLastUsed", "Region")),
        (Some("eve"), "N/A".to_owned())
    );
    let at = Use { at: Utc(7_000_000), service: "medialive".to_owned(), region: "eu-west-1".to_owned() };
    home.store.keys_used(&[(id.clone(), at)]).await.expect("noted");
    let expected = Map::new()
        .with("LastUsedDate", Utc(7_000_000))
        .with("ServiceName", "medialive")
        .with("Region", "eu-west-1");
    assert_eq!(used().await.get("AccessKeyLastUsed"), Some(&Value::from(expected)));
}

#[tokio::test]
async fn policies_are_whole_or_refused_and_given_to_users_who_then_hold_them() {
    let home = Home::new().await;
    home.call("root", "CreateUser", &[("UserName", "eve")]).await.expect("made");
    let create = async |name: &str, document: &str| {
        home.call("root", "CreatePolicy", &[("PolicyName", name), ("PolicyDocument", document)]).await
    };
    let none = create("none", r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#).await;
    assert_eq!(
        told(none),
        refusal("MalformedPolicyDocument 400", "Syntax errors in policy: `Resource` is missing")
    );
    let arn = text(&create("all", ALL).await.expect("made"), "Policy", "Arn");
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:policy/all"));
    assert_eq!(told(create("all", ALL).await).0, "EntityAlreadyExists 409");
    let padded = ALL.replace(r#"{"Effect""#, &format!(r#"{}{{"Effect""#, " ".repeat(7_000)));
    create("blanks-do-not-count", &padded).await.expect("made");
    let long = ALL.replace(r#""Action":"*""#, &format!(r#""Action":"s:{}""#, "x".repeat(6_200)));
    assert_eq!(
        told(create("long", &long).await),
        refusal("LimitExceeded 409", "Cannot exceed quota for PolicySize: 6144")
    );

    let given = [("UserName", "eve"), ("PolicyArn", arn.as_str())];
    for _ in 0..2 {
        home.call("root", "AttachUserPolicy", &given).await.expect("given");
    }
    let count = async || {
        let policy = home.call("root", "GetPolicy", &[("PolicyArn", &arn)]).await.expect("there");
        policy.get("Policy").and_then(Value::as_map).and_then(|policy| policy.get("AttachmentCount")).cloned()
    };
    assert_eq!(count().await, Some(Value::Integer(1)));
    let held = home.call("root", "DeletePolicy", &[("PolicyArn", &arn)]).await;
    assert_eq!(told(held), refusal("DeleteConflict 409", "Cannot delete a policy attached to entities."));
    let holders = home.call("root", "ListEntitiesForPolicy", &[("PolicyArn", &arn)]).await.expect("listed");
    assert_eq!(names(&holders, "PolicyUsers", "UserName"), ["eve"]);
    for number in 0..9 {
        let name = format!("p{number}");
        let arn = text(&create(&name, ALL).await.expect("made"), "Policy", "Arn");
        home.call("root", "AttachUserPolicy", &[("UserName", "eve"), ("PolicyArn", &arn)])
            .await
            .expect("given");
    }
    let eleventh = text(&create("p9", ALL).await.expect("made"), "Policy", "Arn");
    let eleventh =
        home.call("root", "AttachUserPolicy", &[("UserName", "eve"), ("PolicyArn", &eleventh)]).await;
    assert_eq!(told(eleventh), refusal("LimitExceeded 409", "Cannot exceed quota for PoliciesPerUser: 10"));

    home.call("root", "DetachUserPolicy", &given).await.expect("taken");
    assert_eq!(told(home.call("root", "DetachUserPolicy", &given).await).0, "NoSuchEntity 404");
    home.call("root", "DeletePolicy", &[("PolicyArn", &arn)]).await.expect("nobody has it");
    for (arn, code) in [
        (arn.as_str(), "NoSuchEntity 404"),
        ("arn:aws:iam::123456789012:policy/elsewhere/p1", "NoSuchEntity 404"),
        ("arn:aws:iam::aws:policy/AdministratorAccess", "NoSuchEntity 404"),
        ("an-arn-it-is-not-at-all", "InvalidInput 400"),
    ] {
        assert_eq!(told(home.call("root", "GetPolicy", &[("PolicyArn", arn)]).await).0, code, "{arn}");
    }
}

#[tokio::test]
async fn a_users_own_policies_have_a_bound_together_and_come_back_encoded() {
    let home = Home::new().await;
    home.call("root", "CreateUser", &[("UserName", "eve")]).await.expect("made");
    let put = async |name: &str, document: &str| {
        home.call(
            "root",
            "PutUserPolicy",
            &[("UserName", "eve"), ("PolicyName", name), ("PolicyDocument", document)],
        )
        .await
    };
    let half = ALL.replace(r#""Action":"*""#, &format!(r#""Action":"s:{}""#, "x".repeat(1_000)));
    put("one", &half).await.expect("put");
    put("one", &half).await.expect("in its own place");
    assert_eq!(
        told(put("two", &half).await),
        refusal("LimitExceeded 409", "Maximum policy size of 2048 bytes exceeded for user eve")
    );
    put("two", ALL).await.expect("put");
    let kept = home
        .call("root", "GetUserPolicy", &[("UserName", "eve"), ("PolicyName", "two")])
        .await
        .expect("there");
    let encoded = kept.text("PolicyDocument").expect("it is there");
    assert!(
        encoded.starts_with("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B"),
        "{encoded}"
    );
    let page = home
        .ask("root", "ListUserPolicies", Map::new().with("UserName", "eve").with("MaxItems", 1))
        .await
        .expect("listed");
    assert_eq!((page.text("Marker"), page.get("IsTruncated")), (Some("one"), Some(&Value::Boolean(true))));
    let missing =
        home.call("root", "DeleteUserPolicy", &[("UserName", "eve"), ("PolicyName", "three")]).await;
    assert_eq!(
        told(missing),
        refusal("NoSuchEntity 404", "The user policy with name three cannot be found.")
    );
}

#[tokio::test]
async fn tags_are_added_replaced_and_taken_away() {
    let home = Home::new().await;
    home.call("root", "CreateUser", &[("UserName", "eve")]).await.expect("made");
    let tag = |key: &str, value: &str| Value::from(Map::new().with("Key", key).with("Value", value));
    let of_eve = || Map::new().with("UserName", "eve");
    home.ask("root", "TagUser", of_eve().with("Tags", vec![tag("desk", "3"), tag("shift", "night")]))
        .await
        .expect("tagged");
    home.ask("root", "TagUser", of_eve().with("Tags", vec![tag("desk", "4")])).await.expect("tagged");
    home.ask("root", "UntagUser", of_eve().with("TagKeys", vec![Value::from("shift")]))
        .await
        .expect("untagged");
    let listed = home.ask("root", "ListUserTags", of_eve()).await.expect("listed");
    assert_eq!(listed.get("Tags"), Some(&Value::from(vec![tag("desk", "4")])));
    let twice = home.ask("root", "TagUser", of_eve().with("Tags", vec![tag("a", "1"), tag("a", "2")])).await;
    assert_eq!(told(twice).0, "InvalidInput 400");
}

#[tokio::test]
async fn what_a_call_is_about_is_the_user_with_their_path_or_the_policy() {
    let home = Home::new().await;
    home.call("root", "CreateUser", &[("UserName", "eve"), ("Path", "/ops/")]).await.expect("made");
    let id = home.key("eve").await;
    let eve = format!("arn:aws:iam::{ACCOUNT}:user/ops/eve");
    for (who, operation, members, expected) in [
        ("root", "ListUsers", vec![], vec!["*".to_owned()]),
        ("root", "CreateUser", vec![("UserName", "adam")], vec![format!("arn:aws:iam::{ACCOUNT}:user/adam")]),
        ("root", "DeleteUser", vec![("UserName", "eve")], vec![eve.clone()]),
        ("user/ops/eve", "CreateAccessKey", vec![], vec![eve.clone()]),
        ("root", "GetAccessKeyLastUsed", vec![("AccessKeyId", id.as_str())], vec![eve.clone()]),
        (
            "root",
            "UpdateUser",
            vec![("UserName", "eve"), ("NewUserName", "eva")],
            vec![eve, format!("arn:aws:iam::{ACCOUNT}:user/ops/eva")],
        ),
        (
            "root",
            "CreatePolicy",
            vec![("PolicyName", "all"), ("Path", "/ops/")],
            vec![format!("arn:aws:iam::{ACCOUNT}:policy/ops/all")],
        ),
        ("root", "GetPolicy", vec![("PolicyArn", "arn:p")], vec!["arn:p".to_owned()]),
        ("root", "CreateAccessKey", vec![], vec![]),
    ] {
        assert_eq!(home.about(who, operation, &members).await, expected, "{operation}");
    }
}
