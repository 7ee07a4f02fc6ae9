//! An installation of a test: a store, its notifier, and calls as clients make them.

use aws::{Limits, Model};
use bytes::Bytes;
use door::{Caller, Door};
use http::{Request, Response};
use identity::seal::{Keyring, MasterKey};
use media::Utc;
use notify::{Config, Notifier, Smtp};
use reach::Reach;
use serde_json::Value as Json;
use store::{Call, Place, Store};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const URL: &str = "http://api.test:8400";

/// What a client hears of a refusal: its code and its message.
pub(crate) type Refused = (String, String);

/// An installation.
pub(crate) struct Home {
    pub(crate) notifier: Notifier,
    pub(crate) store: Store,
    config: Config,
    folder: TempDir,
}

/// `second` of the tests' time.
pub(crate) fn at(second: i64) -> Utc {
    Utc(1_700_000_000_000_000 + second * 1_000_000)
}

/// The signing key of all tests, sealed: making one takes a second or more.
static KEY: OnceCell<Vec<u8>> = OnceCell::const_new();

impl Home {
    pub(crate) async fn new() -> Self {
        Self::with(Reach::Private, None).await
    }

    pub(crate) async fn with(reach: Reach, smtp: Option<Smtp>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder).await;
        let config = Config { account: ACCOUNT.to_owned(), url: URL.to_owned(), reach, smtp };
        let notifier = open_notifier(&store, &config);
        let key = KEY.get_or_init(|| make_key(&notifier, &store)).await;
        let call = Call {
            account: ACCOUNT.to_owned(),
            who: "test".to_owned(),
            source: String::new(),
            action: "test".to_owned(),
            request_id: String::new(),
            at: at(0),
        };
        let mut write = store.write(call).await.expect("the turn");
        let put = write.put_secret("global", "sns-signing", key).await;
        write.settle(put).await.expect("kept");
        Self { notifier, store, config, folder }
    }

    /// The same store, opened by a process that starts anew.
    pub(crate) async fn restarted(self) -> Self {
        let Self { notifier, store, config, folder } = self;
        drop(notifier);
        store.close().await;
        let store = open(&folder).await;
        let notifier = open_notifier(&store, &config);
        Self { notifier, store, config, folder }
    }

    /// A call to SNS as a form; the answer's XML.
    pub(crate) async fn sns(
        &self,
        second: i64,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, Refused> {
        let mut form = format!("Action={action}&Version=2010-03-31");
        for (name, value) in fields {
            form.push_str(&format!("&{name}={}", escaped(value)));
        }
        let request =
            signed("sns").header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let answer = self
            .answer(
                request.body(form.into()).expect("a request"),
                second,
                "arn:aws:iam::123456789012:user/ada",
            )
            .await;
        xml(answer)
    }

    /// A link as somebody follows it.
    pub(crate) async fn follow(&self, second: i64, link: &str) -> Result<String, Refused> {
        let target = link.strip_prefix(URL).expect("a link to here");
        xml(self
            .answer(Request::get(target).body(Bytes::new()).expect("a request"), second, Caller::ANYBODY)
            .await)
    }

    /// A call to SQS as JSON.
    pub(crate) async fn sqs(&self, second: i64, operation: &str, input: Json) -> Result<Json, Refused> {
        let request = signed("sqs")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"));
        let answer =
            self.answer(request.body(input.to_string().into()).expect("a request"), second, "ada").await;
        let body: Json = serde_json::from_slice(answer.body()).expect("JSON");
        match answer.status().is_success() {
            true => Ok(body),
            false => {
                let code = answer.headers()["x-amzn-query-error"].to_str().expect("text");
                let code = code.split(';').next().expect("a code").to_owned();
                Err((code, body["message"].as_str().unwrap_or_default().to_owned()))
            }
        }
    }

    /// A call to SQS as older clients make it; the answer's XML.
    pub(crate) async fn sqs_by_query(
        &self,
        second: i64,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, Refused> {
        let mut form = format!("Action={action}&Version=2012-11-05");
        for (name, value) in fields {
            form.push_str(&format!("&{name}={}", escaped(value)));
        }
        let request = signed("sqs").header("content-type", "application/x-www-form-urlencoded");
        xml(self.answer(request.body(form.into()).expect("a request"), second, "ada").await)
    }

    async fn answer(&self, request: Request<Bytes>, second: i64, who: &str) -> Response<Bytes> {
        let limits = Limits::default();
        let call = Model::bundled().route(&request, &limits).expect("an operation");
        let doors: [&dyn Door; 2] = [&self.notifier.sns(), &self.notifier.sqs()];
        let door = doors.into_iter().find(|door| door.service() == call.service.name).expect("a door");
        if who == Caller::ANYBODY {
            assert!(door.takes_unsigned(call.operation.name), "{}", call.operation.name);
        }
        let caller = Caller {
            account: if who == Caller::ANYBODY { String::new() } else { ACCOUNT.to_owned() },
            region: "eu-west-1".to_owned(),
            who: who.to_owned(),
            access_key: String::new(),
            source: "127.0.0.1".to_owned(),
            request_id: "r".to_owned(),
            action: format!("{}:{}", call.service.name, call.operation.name),
            at: at(second),
        };
        let input = call.input(&limits).expect("readable");
        if let Err(error) = aws::validate::check(call.service, call.operation, &input) {
            return call.refusal(&error, "r");
        }
        let Some(answer) = door.call(&caller, call.operation.name, input) else {
            return call.not_implemented("r");
        };
        match answer.await {
            Ok(output) => call.answer(&output, "r").expect("as the description says"),
            Err(error) => call.refusal(&error, "r"),
        }
    }

    /// A topic's ARN.
    pub(crate) async fn topic(&self, name: &str) -> String {
        let answer = self.sns(0, "CreateTopic", &[("Name", name)]).await.expect("made");
        tag(&answer, "TopicArn")
    }

    /// A queue's URL and ARN.
    pub(crate) async fn queue(&self, name: &str, attributes: Json) -> (String, String) {
        let input = serde_json::json!({ "QueueName": name, "Attributes": attributes });
        let answer = self.sqs(0, "CreateQueue", input).await.expect("made");
        let url = answer["QueueUrl"].as_str().expect("a URL").to_owned();
        (url, format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"))
    }

    /// The bodies of up to ten messages of a queue, which are deleted.
    pub(crate) async fn drain(&self, second: i64, url: &str) -> Vec<String> {
        let input = serde_json::json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
        let answer = self.sqs(second, "ReceiveMessage", input).await.expect("answered");
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        let mut bodies = Vec::new();
        for message in messages {
            let input = serde_json::json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            self.sqs(second, "DeleteMessage", input).await.expect("deleted");
            bodies.push(message["Body"].as_str().expect("text").to_owned());
        }
        bodies
    }
}

async fn make_key(notifier: &Notifier, store: &Store) -> Vec<u8> {
    // Asking for any certificate makes it.
    assert_eq!(notifier.certificate("/SimpleNotificationService-0.pem").await, None);
    store.secret(ACCOUNT, "global", "sns-signing").await.expect("made")
}

async fn open(folder: &TempDir) -> Store {
    Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("the store opens")
}

fn open_notifier(store: &Store, config: &Config) -> Notifier {
    let keyring = Keyring::new(MasterKey::from_random([7; 32]), vec![]);
    Notifier::new(store.clone(), keyring, config.clone()).expect("settings that work")
}

fn signed(service: &str) -> http::request::Builder {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIA/20231114/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    Request::post("/").header("authorization", scope)
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn xml(answer: Response<Bytes>) -> Result<String, Refused> {
    let text = String::from_utf8(answer.body().to_vec()).expect("text");
    match answer.status().is_success() {
        true => Ok(text),
        false => Err((tag(&text, "Code"), tag(&text, "Message"))),
    }
}

/// The content of the first element of a name, or nothing.
pub(crate) fn tag(xml: &str, name: &str) -> String {
    tags(xml, name).into_iter().next().unwrap_or_default()
}

/// The contents of all elements of a name.
pub(crate) fn tags(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .filter_map(|rest| rest.split_once(&close))
        .map(|(content, _)| {
            content.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        })
        .collect()
}

/// The value of an attribute in an XML map.
pub(crate) fn entry(xml: &str, key: &str) -> Option<String> {
    let after = xml.split_once(&format!("<key>{key}</key>"))?.1;
    Some(tag(after, "value"))
}
