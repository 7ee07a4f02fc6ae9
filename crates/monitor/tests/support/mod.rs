//! A door over real files and a real store, called as clients on AWS JSON call it.

#![allow(dead_code)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws::{Limits, Map, Model, validate};
use bytes::Bytes;
use door::{Caller, Door};
use history::History;
use http::Request;
use media::Utc;
use monitor::{Actions, Alarms, CloudWatch};
use serde_json::{Value, json};
use store::{Place, Store};
use tempfile::TempDir;

/// Midnight.
pub(crate) const T0: i64 = 1_795_737_600;

/// Actions that are written down; those whose ARN has `broken` in it fail.
#[derive(Default)]
pub(crate) struct Noted(pub(crate) Mutex<Vec<(String, String, String)>>);

impl Actions for Noted {
    fn act<'a>(&'a self, arn: &'a str, message: &'a str, subject: &'a str) -> monitor::alarms::Done<'a> {
        Box::pin(async move {
            if arn.contains("broken") {
                return Err("there is no such topic".to_owned());
            }
            self.0.lock().expect("nobody panics with it").push((
                arn.to_owned(),
                message.to_owned(),
                subject.to_owned(),
            ));
            Ok(())
        })
    }
}

pub(crate) struct Home {
    folder: Option<TempDir>,
    now_s: AtomicI64,
    pub(crate) noted: Arc<Noted>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) history: Arc<History>,
    pub(crate) store: Store,
    door: CloudWatch,
}

impl Home {
    pub(crate) async fn open() -> Home {
        Home::at(tempfile::tempdir().expect("a folder"), T0).await
    }

    async fn at(folder: TempDir, now_s: i64) -> Home {
        let store =
            Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("the store opens");
        let now = Utc(now_s * 1_000_000);
        let history = Arc::new(
            History::open(&folder.path().join("metrics"), history::Limits::default(), now).expect("it opens"),
        );
        let alarms =
            Arc::new(Alarms::open(store.clone(), history.clone(), now).await.expect("they are read"));
        Home {
            door: CloudWatch::new(history.clone(), alarms.clone()),
            folder: Some(folder),
            now_s: AtomicI64::new(now_s),
            noted: Arc::default(),
            alarms,
            history,
            store,
        }
    }

    /// The same after a restart.
    pub(crate) async fn again(mut self) -> Home {
        let folder = self.folder.take().expect("it has one");
        let now_s = self.now_s.load(Ordering::Relaxed);
        let store = self.store.clone();
        drop(self);
        store.close().await;
        Home::at(folder, now_s).await
    }

    pub(crate) fn now(&self) -> Utc {
        Utc(self.now_s.load(Ordering::Relaxed) * 1_000_000)
    }

    /// Goes on to so many seconds after the start, and does what is due then.
    pub(crate) async fn go_to(&self, at_s: i64) {
        self.now_s.store(T0 + at_s, Ordering::Relaxed);
        self.tick().await;
    }

    pub(crate) async fn tick(&self) {
        let actions: Arc<dyn Actions> = self.noted.clone();
        self.alarms.tick(&actions, self.now()).await.expect("the store takes it");
    }

    /// Puts a value into App's metric.
    pub(crate) async fn put(&self, name: &str, at_s: i64, value: f64) {
        let datum = json!({"MetricName": name, "Value": value, "Timestamp": T0 + at_s});
        self.call("PutMetricData", json!({"Namespace": "App", "MetricData": [datum]})).await;
    }

    /// What the door says of every resource there is.
    pub(crate) async fn told(&self) -> Vec<String> {
        let (_, resources) = self.store.every().await.expect("the store reads");
        resources.iter().filter_map(|resource| self.door.state(resource)).collect()
    }

    pub(crate) fn does(&self, operation: &'static str) -> bool {
        self.door.call(&self.caller(operation), operation, Map::new()).is_some()
    }

    /// The answer's body.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> String {
        let (status, body) = self.send(operation, &input).await;
        assert_eq!(status, 200, "{operation} {input}: {body}");
        body
    }

    pub(crate) async fn json(&self, operation: &str, input: Value) -> Value {
        serde_json::from_str(&self.call(operation, input).await).expect("JSON")
    }

    /// The exception and its message.
    pub(crate) async fn refused(&self, operation: &str, input: Value) -> String {
        let (status, body) = self.send(operation, &input).await;
        assert!((400..500).contains(&status), "{operation} {input}: {status} {body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str);
        format!("{}: {}", body["__type"].as_str().expect("a type"), message.unwrap_or("-"))
    }

    async fn send(&self, operation: &str, input: &Value) -> (u16, String) {
        let request = Request::builder()
            .method("POST")
            .uri("/")
            .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Bytes::from(input.to_string()))
            .expect("a request");
        let limits = Limits::default();
        let call = Model::bundled().route(&request, &limits).expect("an operation");
        let input = call.input(&limits).expect("an input");
        let done = match validate::check(call.service, call.operation, &input) {
            Ok(()) => {
                let caller = self.caller(call.operation.name);
                self.door.call(&caller, call.operation.name, input).expect("it is done").await
            }
            Err(error) => Err(error),
        };
        let response = match done {
            Ok(output) => call.answer(&output, "id").expect("the output is as described"),
            Err(error) => call.refusal(&error, "id"),
        };
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).expect("UTF-8"))
    }

    fn caller(&self, operation: &str) -> Caller {
        Caller {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            who: "arn:aws:iam::000000000000:root".to_owned(),
            access_key: String::new(),
            source: "127.0.0.1".to_owned(),
            request_id: "id".to_owned(),
            action: format!("cloudwatch:{operation}"),
            at: self.now(),
        }
    }
}

/// An alarm on App's metric `m`: more than 5 in M of N minutes.
pub(crate) fn alarm(name: &str, more: Value) -> Value {
    let mut input = json!({
        "AlarmName": name, "Namespace": "App", "MetricName": "m", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:ops"],
    });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    input
}

impl Home {
    /// Each alarm's state, by name.
    pub(crate) async fn states(&self) -> String {
        let input = json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]});
        let found = self.json("DescribeAlarms", input).await;
        let lists =
            ["MetricAlarms", "CompositeAlarms"].map(|list| found[list].as_array().expect("a list").clone());
        let state = |one: &Value| {
            format!(
                "{}={}",
                one["AlarmName"].as_str().expect("a name"),
                one["StateValue"].as_str().expect("a state")
            )
        };
        lists.concat().iter().map(state).collect::<Vec<_>>().join(" ")
    }

    /// An alarm's history in words, oldest first.
    pub(crate) async fn summaries(&self, name: &str) -> Vec<String> {
        let found = self
            .json("DescribeAlarmHistory", json!({"AlarmName": name, "ScanBy": "TimestampAscending"}))
            .await;
        let items = found["AlarmHistoryItems"].as_array().expect("a list");
        items.iter().map(|item| item["HistorySummary"].as_str().expect("words").to_owned()).collect()
    }

    /// The subjects of actions that were done.
    pub(crate) fn done(&self) -> Vec<String> {
        self.noted
            .0
            .lock()
            .expect("nobody panics with it")
            .iter()
            .map(|(_, _, subject)| subject.clone())
            .collect()
    }
}
