//! Alarms that run, over real files and a real store, with a clock in the test's hand.

mod support;

use expect_test::expect;
use serde_json::{Value, json};
use support::{Home, alarm};

#[tokio::test]
async fn an_alarm_goes_to_alarm_and_back_and_does_what_it_says() {
    let home = Home::open().await;
    home.call(
        "PutMetricAlarm",
        alarm("high", json!({"OKActions": ["arn:aws:sns:us-east-1:000000000000:broken"]})),
    )
    .await;
    assert_eq!(home.states().await, "high=INSUFFICIENT_DATA");
    home.put("m", 10, 9.0).await;
    home.go_to(62).await;
    assert_eq!(home.states().await, "high=ALARM");
    home.put("m", 70, 1.0).await;
    home.go_to(121).await;
    assert_eq!(home.states().await, "high=ALARM");
    home.go_to(122).await;
    assert_eq!(home.states().await, "high=OK");
    home.alarms.finish(home.now()).await.expect("the store takes it");
    assert_eq!(home.done(), ["ALARM: \"high\" in us-east-1"]);
    let (_, message, _) = home.noted.0.lock().expect("nobody panics with it")[0].clone();
    let message: Value = serde_json::from_str(&message).expect("JSON");
    assert_eq!(
        (&message["NewStateValue"], &message["Trigger"]["MetricName"]),
        (&json!("ALARM"), &json!("m"))
    );
    expect![[r#"
        Alarm "high" created
        Alarm updated from INSUFFICIENT_DATA to ALARM
        Successfully executed action arn:aws:sns:us-east-1:000000000000:ops
        Alarm updated from ALARM to OK
        Failed to execute action arn:aws:sns:us-east-1:000000000000:broken. Received error: "there is no such topic""#]]
    .assert_eq(&home.summaries("high").await.join("\n"));
}

#[tokio::test]
async fn the_seeds_alarm_without_dimensions_sees_errors_that_viewers_get() {
    let home = Home::open().await;
    let input = json!({"AlarmName": "HighLatencyAlarm", "MetricName": "TotalErrorRate", "Namespace": "AWS/CloudFront",
        "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0.01,
        "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": ["arn:aws:sns:region:account-id:sns-topic"]});
    home.call("PutMetricAlarm", input).await;
    let mut publisher = monitor::Publisher::default();
    for (at_s, ok, bad) in [(10, 100, 0), (20, 150, 0), (70, 150, 3)] {
        home.go_to(at_s).await;
        let page = format!(
            "headwater_edge_requests_total{{process=\"edge\",status=\"2xx\",cache=\"hit\"}} {ok}\n\
             headwater_edge_requests_total{{process=\"edge\",status=\"5xx\",cache=\"miss\"}} {bad}\n"
        );
        let samples = publisher.scrape(&page, &monitor::Subjects::default(), home.now()).expect("a page");
        home.history.record(&samples, home.now()).expect("there is room");
    }
    assert_eq!(home.states().await, "HighLatencyAlarm=OK");
    home.go_to(122).await;
    assert_eq!(home.states().await, "HighLatencyAlarm=ALARM");
    let listed = home
        .json("ListMetrics", json!({"Namespace": "AWS/CloudFront", "MetricName": "TotalErrorRate"}))
        .await;
    assert_eq!(listed["Metrics"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_alarm_on_one_distribution_sees_its_errors_and_no_others() {
    let home = Home::open().await;
    for id in ["E1", "E2"] {
        let dimensions =
            json!([{"Name": "DistributionId", "Value": id}, {"Name": "Region", "Value": "Global"}]);
        let input = json!({"AlarmName": id, "MetricName": "5xxErrorRate", "Namespace": "AWS/CloudFront",
            "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "Dimensions": dimensions,
            "ComparisonOperator": "GreaterThanThreshold"});
        home.call("PutMetricAlarm", input).await;
    }
    let distributions =
        [("e1", "E1"), ("e2", "E2")].map(|(name, id)| (name.to_owned(), id.to_owned())).into();
    let subjects = monitor::Subjects { distributions, ..monitor::Subjects::default() };
    let mut publisher = monitor::Publisher::default();
    for (at_s, ok, bad) in [(10, 100, 0), (20, 200, 3)] {
        home.go_to(at_s).await;
        let line = |distribution: &str, status: &str, count: u32| {
            format!(
                "headwater_edge_distribution_answers_total{{process=\"edge\",distribution=\"{distribution}\",status=\"{status}\"}} {count}\n"
            )
        };
        let page =
            [line("e1", "2xx", ok), line("e1", "5xx", bad), line("e2", "2xx", ok), line("e2", "5xx", 0)];
        let samples = publisher.scrape(&page.concat(), &subjects, home.now()).expect("a page");
        home.history.record(&samples, home.now()).expect("there is room");
    }
    home.go_to(62).await;
    assert_eq!(home.states().await, "E1=ALARM E2=OK");
}

#[tokio::test]
async fn a_restart_loses_neither_state_nor_history_nor_actions_to_be_done() {
    let home = Home::open().await;
    home.call("PutMetricAlarm", alarm("high", json!({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}))).await;
    for minute in 0..3 {
        home.put("m", minute * 60, if minute == 1 { 1.0 } else { 9.0 }).await;
    }
    // The change of state is written down, and the process ends before the action has begun.
    home.go_to(182).await;
    assert_eq!(home.states().await, "high=ALARM");
    let before = home.summaries("high").await;
    let home = home.again().await;
    assert_eq!(home.states().await, "high=ALARM");
    assert_eq!(home.summaries("high").await, before);
    assert_eq!(home.done(), [""; 0]);
    home.tick().await;
    home.alarms.finish(home.now()).await.expect("the store takes it");
    assert_eq!(home.done(), ["ALARM: \"high\" in us-east-1"]);
    // Once it is done, it is not done again.
    let home = home.again().await;
    home.tick().await;
    home.alarms.finish(home.now()).await.expect("the store takes it");
    assert_eq!(home.done(), [""; 0]);
    assert_eq!(home.states().await, "high=ALARM");
}

#[tokio::test]
async fn composite_alarms_follow_others_through_every_level() {
    let home = Home::open().await;
    home.call("PutMetricAlarm", alarm("a", json!({"AlarmActions": []}))).await;
    let composite = |name: &str, rule: &str| json!({"AlarmName": name, "AlarmRule": rule, "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:ops"]});
    home.call("PutCompositeAlarm", composite("b", "ALARM(a)")).await;
    home.call(
        "PutCompositeAlarm",
        composite("c", "ALARM(\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:b\")"),
    )
    .await;
    home.put("m", 10, 1.0).await;
    home.go_to(62).await;
    assert_eq!(home.states().await, "a=OK b=OK c=OK");
    home.put("m", 70, 9.0).await;
    home.go_to(122).await;
    assert_eq!(home.states().await, "a=ALARM b=ALARM c=ALARM");
    home.alarms.finish(home.now()).await.expect("the store takes it");
    assert_eq!(home.done().len(), 2);
    let refused = home.refused("PutCompositeAlarm", composite("b", "ALARM(c)")).await;
    assert_eq!(
        refused,
        "ValidationException: the composite alarm's AlarmRule would in the end look at the alarm itself"
    );
    let refused = home.refused("PutCompositeAlarm", composite("d", "ALARM(x) OR OK(y)")).await;
    assert_eq!(
        refused,
        "ValidationException: the composite alarm's AlarmRule names alarms that do not exist: x, y"
    );
    let children = home.json("DescribeAlarms", json!({"ChildrenOfAlarmName": "b"})).await;
    assert_eq!(children["MetricAlarms"][0]["AlarmName"], "a");
    let parents = home.json("DescribeAlarms", json!({"ParentsOfAlarmName": "a"})).await;
    assert_eq!(parents["CompositeAlarms"][0]["AlarmName"], "b");
    let refused = home.refused("DeleteAlarms", json!({"AlarmNames": ["b", "c"]})).await;
    assert_eq!(refused, "ValidationException: at most one composite alarm can be deleted at a time");
}

#[tokio::test]
async fn an_alarm_on_an_expression_looks_at_its_value() {
    let home = Home::open().await;
    let stat = |id: &str, name: &str| {
        json!({"Id": id, "ReturnData": false,
               "MetricStat": {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Sum"}})
    };
    let input = json!({"AlarmName": "rate", "EvaluationPeriods": 1, "Threshold": 10.0,
        "ComparisonOperator": "GreaterThanThreshold", "Metrics": [
            stat("bad", "errors"), stat("all", "requests"), {"Id": "e", "Expression": "100 * bad / all"}]});
    home.call("PutMetricAlarm", input).await;
    home.put("errors", 10, 2.0).await;
    home.put("requests", 10, 10.0).await;
    home.go_to(62).await;
    assert_eq!(home.states().await, "rate=ALARM");
    let found = home.json("DescribeAlarms", json!({})).await;
    assert_eq!(found["MetricAlarms"][0]["Metrics"][2]["Expression"], "100 * bad / all");
    assert!(found["MetricAlarms"][0]["Dimensions"].is_null());
}

#[tokio::test]
async fn an_alarm_of_ten_seconds_looks_at_values_of_seconds() {
    let home = Home::open().await;
    home.call("PutMetricAlarm", alarm("fast", json!({"Period": 10}))).await;
    let datum =
        json!({"MetricName": "m", "Value": 9.0, "Timestamp": support::T0 + 3, "StorageResolution": 1});
    home.call("PutMetricData", json!({"Namespace": "App", "MetricData": [datum]})).await;
    home.go_to(12).await;
    assert_eq!(home.states().await, "fast=ALARM");
}

#[tokio::test]
async fn an_alarm_that_another_puts_into_the_store_runs() {
    let home = Home::open().await;
    home.call("PutMetricAlarm", alarm("high", json!({}))).await;
    let other = home.again().await;
    let key = store::Key::new("cloudwatch-alarm", "000000000000", "us-east-1", "high").expect("a key");
    let resource = other.store.resource(&key, other.now()).await.expect("it is there");
    let call = store::Call {
        account: "000000000000".to_owned(),
        who: "file".to_owned(),
        source: String::new(),
        action: "apply".to_owned(),
        request_id: "id".to_owned(),
        at: other.now(),
    };
    let new = store::New {
        key: store::Key::new("cloudwatch-alarm", "000000000000", "us-east-1", "high-2").expect("a key"),
        arn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:high-2".to_owned(),
        name: "high-2".to_owned(),
        owner: store::Owner::File,
        desired: resource.desired,
        tags: store::Tags::new(),
    };
    other.store.create(call.clone(), new, None).await.expect("it is made");
    other.put("m", 10, 9.0).await;
    other.go_to(62).await;
    assert_eq!(other.states().await, "high=ALARM high-2=ALARM");
    other.store.delete(call, &key, store::Expect::Any, other.now()).await.expect("it is deleted");
    other.tick().await;
    assert_eq!(other.states().await, "high-2=ALARM");
}
