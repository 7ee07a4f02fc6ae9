//! The commands against a control role that runs, over HTTP on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use api_client::{Client, Command, Error, Screen, Target, Whose, run};
use clap::Parser;
use control::{Config, Limits};
use daemon::{Drain, Trigger};
use door::Site;
use identity::{Given, Secret};
use store::{Call, Document, Key, New, Owner, Place, Store, Tags};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
const WORKFLOW: &str = "[[channel]]\nname = \"filed\"\ninput = { rtmp = \"live/filed\" }\n";

/// A control role, and who asks it.
struct Home {
    address: SocketAddr,
    key: control::RootKey,
    store: Store,
    folder: TempDir,
    trigger: Trigger,
    task: JoinHandle<Result<(), control::Error>>,
}

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What a command showed: to whoever asked, and beside it.
#[derive(Debug, PartialEq)]
struct Shown {
    out: String,
    notes: String,
}

impl Home {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("opened");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (drain, trigger) = Drain::manual();
        let config = Config {
            listener,
            store: store.clone(),
            doors: Vec::new(),
            site: Site {
                host: "localhost".to_owned(),
                viewers: address,
                rtmp: address,
                srt: address,
                hls_push: address,
                origin: address,
                control: address,
            },
            identity: control::prepare(&store, folder.path(), &Given::default()).await.expect("an identity"),
            workflow: WORKFLOW.to_owned(),
            runner: None,
            metrics_socket: None,
            limits: Limits::default(),
        };
        let task = tokio::spawn(control::run(config, drain));
        let started = tokio::time::Instant::now();
        let key = loop {
            if let Ok(key) = control::root_key(&store, folder.path()).await {
                break key;
            }
            assert!(started.elapsed() < PATIENCE && !task.is_finished(), "it did not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        Self { address, key, store, folder, trigger, task }
    }

    async fn stop(self) {
        self.trigger.start();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it drains")
            .expect("no panic")
            .expect("it ended");
        self.store.close().await;
    }

    fn target(&self) -> Target {
        Target {
            url: format!("http://{}", self.address).parse().expect("a URL"),
            access_key: self.key.access_key.as_str().to_owned(),
            secret: self.key.secret_key.clone(),
            authorities: None,
            whose: Whose::Caller,
        }
    }

    /// Does `headwater LINE`; what it showed before it failed is in no error.
    async fn run(&self, line: &str) -> Result<Shown, Error> {
        ask(self.target(), line).await.1
    }

    async fn ok(&self, line: &str) -> Shown {
        self.run(line).await.unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    async fn refused(&self, line: &str) -> String {
        self.run(line).await.expect_err(line).to_string()
    }

    async fn json(&self, line: &str) -> serde_json::Value {
        let shown = self.ok(&format!("{line} --json")).await;
        assert_eq!((shown.out.lines().count(), shown.notes.as_str()), (1, ""), "{shown:?}");
        serde_json::from_str(&shown.out).expect("JSON")
    }

    /// A file for `channel create`.
    fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("channel");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Makes what only a service's own API makes.
    async fn make(&self, kind: &str, ids: impl IntoIterator<Item = String>) {
        let account = self.key.account.as_str();
        let call = Call {
            account: account.to_owned(),
            who: "test".to_owned(),
            source: String::new(),
            action: "test:Create".to_owned(),
            request_id: "1".to_owned(),
            at: std::time::SystemTime::now().into(),
        };
        let mut write = self.store.write(call).await.expect("a turn");
        let made = async {
            for id in ids {
                let key = Key::new(kind, account, "us-east-1", &id)?;
                let (arn, name, owner) = (format!("arn:{kind}:{id}"), format!("name-{id}"), Owner::Api);
                let (desired, tags) = (Document::parse("{}")?, Tags::new());
                write.create(New { key, arn, name, owner, desired, tags }).await?;
            }
            Ok(())
        }
        .await;
        write.settle(made).await.expect("made");
    }
}

/// What was shown in any case, and how it ended.
async fn ask(target: Target, line: &str) -> (String, Result<Shown, Error>) {
    let words = std::iter::once("headwater").chain(line.split(' '));
    let command = Cli::try_parse_from(words).expect(line).command;
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let mut screen = Screen::new(&mut out, &mut notes, command.at().json);
    let done = match Client::new(target) {
        Ok(client) => run(&command, &client, &mut screen).await,
        Err(error) => Err(error),
    };
    let [out, notes] = [out, notes].map(|bytes| String::from_utf8(bytes).expect("text"));
    (out.clone(), done.map(|()| Shown { out, notes }))
}

fn column(table: &str, at: usize) -> Vec<&str> {
    table.lines().skip(1).map(|line| line.split_whitespace().nth(at).expect("a cell")).collect()
}

#[tokio::test]
async fn a_channel_is_made_listed_shown_stopped_started_and_removed() {
    let home = Home::start().await;
    let file = home.file("[[channel]]\nname = \"main\"\ninput = { rtmp = \"live/key\" }\nsegment = 2\n");
    assert_eq!(home.ok(&format!("channel create {file}")).await.out, "main: made, and starting\n");
    let again = home.refused(&format!("channel create {file}")).await;
    assert_eq!(
        again,
        "create channel main: there is a channel main already; --replace gives it these settings"
    );

    let listed = home.ok("channel ls").await;
    assert_eq!((column(&listed.out, 0), listed.notes.as_str()), (vec!["filed", "main"], ""), "{listed:?}");
    let shown = home.ok("channel show main").await.out;
    let settings = shown.split_once("\n\n").expect("facts and settings").1;
    assert_eq!(
        settings,
        "[[channel]]\nname = \"main\"\nsegment = 2\n\n[channel.input]\nrtmp = \"live/key\"\n"
    );
    let replaced = home.file(&settings.replace("segment = 2", "segment = 4"));
    assert_eq!(
        home.ok(&format!("channel create {replaced} --replace")).await.out,
        "main: has these settings\n"
    );
    assert_eq!(home.json("channel show main").await["channel"]["segment"], 4);

    assert_eq!(home.ok("channel stop main").await.out, "main: stopping\n");
    assert_eq!(home.json("channel show main").await["started"], false);
    assert_eq!(home.json("channel start main").await["started"], true);
    assert_eq!(home.ok("channel rm main").await.out, "main: removed\n");
    assert_eq!(home.refused("channel show main").await, "show channel main: there is no channel main");
    home.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_channel_is_said_with_its_place_as_the_file_has_it() {
    let home = Home::start().await;
    let file = home.file(
        "[[channel]]\nname = \"a\"\ninput = \"test\"\nladder = [{ size = \"640x360\", bitrate = \"x\" }]\n",
    );
    let told = home.refused(&format!("channel create {file}")).await;
    assert!(told.starts_with("create channel a: ladder[0].bitrate: "), "{told}");
    let file = home.file(r#"{"input":"test","input":"cmaf"}"#);
    let told = home.refused(&format!("channel create {file} --name a")).await;
    assert!(told.contains("`input` comes twice"), "{told}");
    assert_eq!(column(&home.ok("channel ls").await.out, 0), ["filed"]);
    home.stop().await;
}

#[tokio::test]
async fn the_files_channels_are_changed_in_the_file_alone() {
    let home = Home::start().await;
    assert_eq!(home.json("channel show filed").await["owner"], "file");
    for line in ["channel start filed", "channel stop filed", "channel rm filed"] {
        let told = home.refused(line).await;
        assert!(told.contains("belongs to the workflow file"), "{line}: {told}");
    }
    let status = home.ok("status").await.out;
    assert!(status.contains("CHANNEL") && status.contains("filed"), "{status}");
    assert_eq!(home.json("status").await["account"], home.key.account.as_str());
    home.stop().await;
}

#[tokio::test]
async fn of_several_channels_those_before_the_one_that_fails_are_done() {
    let home = Home::start().await;
    let file = home
        .file("[[channel]]\nname = \"a\"\ninput = \"test\"\n[[channel]]\nname = \"b\"\ninput = \"test\"\n");
    assert_eq!(
        home.ok(&format!("channel create {file}")).await.out,
        "a: made, and starting\nb: made, and starting\n"
    );
    let (shown, done) = ask(home.target(), "channel rm a nothing b").await;
    assert_eq!(shown, "a: removed\n");
    assert!(
        done.expect_err("no such channel")
            .to_string()
            .starts_with("remove channel nothing: there is no channel nothing")
    );
    assert_eq!(column(&home.ok("channel ls").await.out, 0), ["b", "filed"]);
    home.stop().await;
}

#[tokio::test]
async fn views_show_the_kinds_of_every_service_and_hint_where_there_are_none() {
    let home = Home::start().await;
    let none = home.ok("input ls").await;
    assert!(none.out.is_empty() && none.notes.starts_with("no inputs: "), "{none:?}");
    assert_eq!(home.json("alarm ls").await, serde_json::json!({ "items": [], "next": null }));
    assert_eq!(column(&home.ok("resource kinds").await.out, 0), ["channel"], "the workflow file's");
    for kind in [
        "medialive-input",
        "medialive-input-security-group",
        "mediapackage-endpoint",
        "mediapackagev2-endpoint",
    ] {
        home.make(kind, ["1".to_owned()]).await;
    }
    assert_eq!(column(&home.ok("input ls").await.out, 0), ["medialive-input"]);
    assert_eq!(
        column(&home.ok("endpoint ls").await.out, 0),
        ["mediapackage-endpoint", "mediapackagev2-endpoint"]
    );
    assert_eq!(column(&home.ok("resource ls --kind medialive-*").await.out, 0).len(), 2);
    assert_eq!(column(&home.ok("resource ls --kind medialive-input").await.out, 2), ["name-1"]);
    assert_eq!(home.ok("resource kinds").await.out.lines().count(), 6);
    assert_eq!(home.json("resource ls").await["items"].as_array().map(Vec::len), Some(5));
    home.stop().await;
}

#[tokio::test]
async fn a_list_of_several_pages_is_whole() {
    let home = Home::start().await;
    home.make("cloudwatch-alarm", (0..2_100).map(|number| format!("an alarm/{number:04} é"))).await;
    let listed = home.json("alarm ls").await;
    let items = listed["items"].as_array().expect("items");
    assert_eq!((items.len(), &listed["next"]), (2_100, &serde_json::Value::Null));
    let mut ids: Vec<_> = items.iter().map(|item| item["id"].as_str().expect("an id")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2_100);
    home.stop().await;
}

#[tokio::test]
async fn whoever_has_no_key_or_finds_nobody_is_told_what_to_do() {
    let home = Home::start().await;
    let stranger = Target { secret: Secret::new("x".repeat(40)), ..home.target() };
    let told = ask(stranger, "channel ls").await.1.expect_err("no key").to_string();
    assert!(told.starts_with("list channels: ") && told.contains("HEADWATER_SECRET_KEY"), "{told}");
    let target = home.target();
    home.stop().await;
    let told =
        ask(Target { whose: Whose::Folder("data".into()), ..target }, "status").await.1.expect_err("nobody");
    assert!(told.to_string().contains("is `headwater up` with the data folder `data` running?"), "{told}");
}

/// Answers one connection with `answer`, whatever it is asked.
async fn answering(answer: &'static str) -> Target {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    Target {
        url: format!("http://{address}").parse().expect("a URL"),
        access_key: "AKIATEST".to_owned(),
        secret: Secret::new("secret"),
        authorities: None,
        whose: Whose::Caller,
    }
}

#[tokio::test]
async fn another_server_is_not_taken_for_headwater() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<html>\u{1b}[2",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{",
        "HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}",
    ] {
        let (_, done) = ask(answering(answer).await, "channel ls").await;
        let told = done.expect_err(answer);
        assert!(matches!(&told, Error::Foreign { .. }), "{answer}: {told:?}");
        assert!(!told.to_string().contains('\u{1b}'), "{told}");
    }
    for broken in ["", "SSH-2.0-OpenSSH\r\n"] {
        let (_, done) = ask(answering(broken).await, "status").await;
        assert!(matches!(done, Err(Error::Connection { .. })), "{broken}: {done:?}");
    }
}

#[tokio::test]
async fn a_user_is_added_given_a_key_and_a_policy_listed_and_removed_with_all_they_have() {
    let home = Home::start().await;
    let none = home.ok("user ls").await;
    assert!(none.out.is_empty() && none.notes.contains("headwater user add NAME"), "{none:?}");
    let added = home.ok("user add eve").await;
    assert_eq!(added.out, format!("eve: added, arn:aws:iam::{}:user/eve\n", home.key.account));
    assert_eq!(home.refused("user add eve").await, "add user eve: User with name eve already exists.");

    let key = home.json("user key add eve").await;
    let text = |member: &str| key[member].as_str().expect("text").to_owned();
    let (access_key, secret) = (text("AccessKeyId"), Secret::new(text("SecretAccessKey")));
    let shown = home.ok("user key add eve").await;
    assert!(shown.out.starts_with("access key  AKIA") && shown.out.contains("\nsecret key  "), "{shown:?}");
    let third = home.refused("user key add eve").await;
    assert_eq!(third, "add a key of user eve: Cannot exceed quota for AccessKeysPerUser: 2");

    let eve = || Target { access_key: access_key.clone(), secret: secret.clone(), ..home.target() };
    assert!(ask(eve(), "channel ls").await.1.is_err(), "without a policy");
    let policy =
        home.file(r#"{"Statement": [{"Effect": "Allow", "Action": "headwater:List*", "Resource": "*"}]}"#);
    assert_eq!(home.ok(&format!("user policy set eve {policy}")).await.out, "eve: policy main set\n");
    ask(eve(), "channel ls").await.1.expect("she may");
    let by_her = ask(eve(), "user ls").await.1.expect_err("she may not").to_string();
    assert!(by_her.contains("is not authorized to perform: iam:ListUsers on resource: *"), "{by_her}");
    let shown = home.json("user policy show eve").await;
    assert_eq!(shown["Statement"][0]["Action"], "headwater:List*");
    let wrong = home.file(r#"{"Statement": []}"#);
    let wrong = home.refused(&format!("user policy set eve {wrong} --policy other")).await;
    assert_eq!(wrong, "set policy other of user eve: Syntax errors in policy: Statement must not be empty");

    let listed = home.json("user ls").await;
    let user = &listed["items"][0];
    assert_eq!((&user["name"], user["keys"].as_array().map(Vec::len)), (&"eve".into(), Some(2)));
    assert_eq!(user["policies"], serde_json::json!(["main"]));
    let listed = home.ok("user ls").await.out;
    assert_eq!(
        (column(&listed, 0), column(&listed, 1), column(&listed, 2)),
        (vec!["eve"], vec!["2"], vec!["main"])
    );
    let other = user["keys"][0]["AccessKeyId"].as_str().filter(|id| **id != access_key);
    let other = other.or(user["keys"][1]["AccessKeyId"].as_str()).expect("a key");
    assert_eq!(home.ok(&format!("user key rm eve {other}")).await.out, format!("{other}: removed\n"));
    assert_eq!(home.ok("user key ls eve").await.out.lines().count(), 2);

    assert_eq!(home.ok("user rm eve").await.out, "eve: removed\n");
    let gone = home.refused("user rm eve").await;
    assert_eq!(gone, "list keys of user eve: The user with name eve cannot be found.");
    assert!(ask(eve(), "channel ls").await.1.is_err(), "her key is gone");
    home.stop().await;
}
