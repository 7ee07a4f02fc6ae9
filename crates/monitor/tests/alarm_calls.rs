//! Calls about alarms: made, changed, described, set by hand, deleted.

mod support;

use expect_test::expect;
use serde_json::{Value, json};
use support::{Home, alarm};

#[tokio::test]
async fn a_state_set_by_hand_lasts_until_the_next_judgement() {
    let home = Home::open().await;
    home.call("PutMetricAlarm", alarm("high", json!({}))).await;
    home.put("m", 10, 1.0).await;
    home.go_to(62).await;
    let set = |state: &str, data: &str| json!({"AlarmName": "high", "StateValue": state, "StateReason": "a test", "StateReasonData": data});
    home.call("SetAlarmState", set("ALARM", "{}")).await;
    assert_eq!(home.states().await, "high=ALARM");
    assert_eq!(home.told().await, ["ALARM"]);
    home.tick().await;
    assert_eq!(home.states().await, "high=ALARM");
    home.put("m", 70, 1.0).await;
    home.go_to(122).await;
    assert_eq!(home.states().await, "high=OK");
    home.alarms.finish(home.now()).await.expect("the store takes it");
    assert_eq!(home.done(), ["ALARM: \"high\" in us-east-1"]);
    assert!(home.refused("SetAlarmState", set("ALARM", "{")).await.starts_with("InvalidFormatFault: "));
    let gone = json!({"AlarmName": "gone", "StateValue": "OK", "StateReason": "a test"});
    assert_eq!(home.refused("SetAlarmState", gone).await, "ResourceNotFound: alarms that do not exist: gone");
}

#[tokio::test]
async fn an_alarm_can_be_changed_switched_off_and_deleted_and_is_remembered() {
    let home = Home::open().await;
    home.call("PutMetricAlarm", alarm("high", json!({"Tags": [{"Key": "team", "Value": "a"}]}))).await;
    home.put("m", 10, 9.0).await;
    home.go_to(62).await;
    // An update keeps the state.
    home.call("PutMetricAlarm", alarm("high", json!({"AlarmDescription": "too many", "Threshold": 6.0})))
        .await;
    assert_eq!(home.states().await, "high=ALARM");
    home.call("DisableAlarmActions", json!({"AlarmNames": ["high", "gone"]})).await;
    let found = home.json("DescribeAlarms", json!({"AlarmNames": ["high"]})).await;
    let one = &found["MetricAlarms"][0];
    assert_eq!((&one["ActionsEnabled"], &one["Threshold"]), (&json!(false), &json!(6.0)));
    assert_eq!(one["AlarmArn"], "arn:aws:cloudwatch:us-east-1:000000000000:alarm:high");
    home.put("m", 70, 1.0).await;
    home.put("m", 130, 9.0).await;
    home.go_to(122).await;
    home.go_to(182).await;
    home.alarms.finish(home.now()).await.expect("the store takes it");
    assert_eq!((home.states().await.as_str(), home.done().len()), ("high=ALARM", 1));
    let arn = json!({"ResourceARN": one["AlarmArn"]});
    assert_eq!(
        home.call("ListTagsForResource", arn.clone()).await,
        r#"{"Tags":[{"Key":"team","Value":"a"}]}"#
    );
    home.call("TagResource", json!({"ResourceARN": one["AlarmArn"], "Tags": [{"Key": "x", "Value": "y"}]}))
        .await;
    home.call("UntagResource", json!({"ResourceARN": one["AlarmArn"], "TagKeys": ["team"]})).await;
    assert_eq!(home.call("ListTagsForResource", arn.clone()).await, r#"{"Tags":[{"Key":"x","Value":"y"}]}"#);
    home.call("DeleteAlarms", json!({"AlarmNames": ["high", "gone"]})).await;
    assert_eq!(home.states().await, "");
    assert!(home.refused("ListTagsForResource", arn).await.starts_with("ResourceNotFoundException: "));
    assert_eq!(
        home.refused("DeleteAlarms", json!({"AlarmNames": ["high"]})).await,
        "ResourceNotFound: alarms that do not exist: high"
    );
    let home = home.again().await;
    home.call("PutMetricAlarm", alarm("high", json!({}))).await;
    expect![[r#"
        Alarm "high" created
        Alarm updated from INSUFFICIENT_DATA to ALARM
        Successfully executed action arn:aws:sns:us-east-1:000000000000:ops
        Alarm "high" updated
        Alarm "high" updated
        Alarm updated from ALARM to OK
        Alarm updated from OK to ALARM
        Alarm "high" deleted
        Alarm "high" created"#]]
    .assert_eq(&sorted(home.summaries("high").await));
}

/// Two entries of one moment may stand in either order: the outcome of an action is written down when it is known.
fn sorted(mut summaries: Vec<String>) -> String {
    if let Some(at) = summaries.iter().position(|one| one.starts_with("Successfully")) {
        let one = summaries.remove(at);
        summaries.insert(2, one);
    }
    summaries.join("\n")
}

#[tokio::test]
async fn alarms_are_described_by_name_prefix_state_action_and_page() {
    let home = Home::open().await;
    for name in ["a-1", "a-2", "b-1"] {
        home.call("PutMetricAlarm", alarm(name, json!({}))).await;
    }
    let names = |found: &Value| -> Vec<String> {
        let list = found["MetricAlarms"].as_array().expect("a list").iter();
        list.map(|one| one["AlarmName"].as_str().expect("a name").to_owned()).collect()
    };
    let asked = |input: Value| async { names(&home.json("DescribeAlarms", input).await) };
    assert_eq!(asked(json!({"AlarmNamePrefix": "a-"})).await, ["a-1", "a-2"]);
    assert_eq!(asked(json!({"AlarmNames": ["b-1", "x"]})).await, ["b-1"]);
    assert_eq!(asked(json!({"StateValue": "OK"})).await, [""; 0]);
    assert_eq!(asked(json!({"ActionPrefix": "arn:aws:sns"})).await.len(), 3);
    assert_eq!(asked(json!({"AlarmTypes": ["CompositeAlarm"]})).await, [""; 0]);
    let first = home.json("DescribeAlarms", json!({"MaxRecords": 2})).await;
    assert_eq!(names(&first), ["a-1", "a-2"]);
    assert_eq!(asked(json!({"MaxRecords": 2, "NextToken": first["NextToken"]})).await, ["b-1"]);
    assert!(
        home.refused("DescribeAlarms", json!({"NextToken": "%"})).await.starts_with("InvalidNextToken: ")
    );
    let both = json!({"AlarmNames": ["a"], "AlarmNamePrefix": "a"});
    assert_eq!(
        home.refused("DescribeAlarms", both).await,
        "ValidationException: AlarmNames and AlarmNamePrefix must not both be there"
    );
    let for_metric = home
        .json("DescribeAlarmsForMetric", json!({"Namespace": "App", "MetricName": "m", "Statistic": "Sum"}))
        .await;
    assert_eq!(names(&for_metric).len(), 3);
    let for_metric = home
        .json("DescribeAlarmsForMetric", json!({"Namespace": "App", "MetricName": "m", "Period": 300}))
        .await;
    assert_eq!(names(&for_metric).len(), 0);
}

#[tokio::test]
async fn alarms_that_cannot_be_are_refused_and_nothing_is_stored() {
    let home = Home::open().await;
    let mut refused = Vec::new();
    for more in [
        json!({"Period": 45}),
        json!({"DatapointsToAlarm": 2}),
        json!({"TreatMissingData": "maybe"}),
        json!({"Metrics": [{"Id": "m1", "Expression": "1"}]}),
        json!({"ComparisonOperator": "GreaterThanUpperThreshold"}),
        json!({"EvaluationCriteria": {"PromQLCriteria": {"Query": "up"}}}),
        json!({"AlarmName": "é".repeat(255) + "é"}),
        json!({"AlarmActions": ["x"]}),
    ] {
        refused.push(home.refused("PutMetricAlarm", alarm("bad", more)).await);
    }
    refused.truncate(8);
    expect![[r#"
        ValidationException: Period must be 10, 20, 30 or a multiple of 60, not 45
        ValidationException: DatapointsToAlarm must be 1 to EvaluationPeriods, 1, not 2
        ValidationException: TreatMissingData must not be `maybe`; it is one of breaching, notBreaching, ignore, missing
        InvalidParameterCombinationException: Metrics and MetricName must not both be there
        ValidationException: ComparisonOperator GreaterThanUpperThreshold compares with an anomaly detection band, which is not implemented
        ValidationException: EvaluationCriteria is not implemented here; leave it out
        ValidationException: 1 validation error detected: Value 'éééééééééééééééééééééééééééééééééééééééé' at 'AlarmName' failed to satisfy constraint: Member must have length less than or equal to 255
        ValidationException: AlarmActions must be ARNs of at most 1024 bytes, not `x`"#]].assert_eq(&refused.join("\n"));
    assert_eq!(home.states().await, "");
    home.call("PutMetricAlarm", alarm("a", json!({}))).await;
    let refused = home.refused("PutCompositeAlarm", json!({"AlarmName": "a", "AlarmRule": "TRUE"})).await;
    assert_eq!(refused, "ValidationException: there is a metric alarm of that name; delete it first");
}
