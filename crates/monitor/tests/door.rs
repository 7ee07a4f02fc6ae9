//! The door as its callers meet it: requests on AWS JSON, real files, a real store, a clock in the test's hand.

mod support;

use expect_test::expect;
use serde_json::json;

use support::{Home, T0};

#[tokio::test]
async fn values_that_were_put_are_found_by_statistics_and_by_queries() {
    let home = Home::open().await;
    home.call(
        "PutMetricData",
        json!({"Namespace": "App", "MetricData": [
            {"MetricName": "m", "Value": 3.0, "Unit": "Count", "Timestamp": T0},
            {"MetricName": "m", "Values": [1.0, 2.0], "Counts": [1.0, 3.0], "Unit": "Count", "Timestamp": T0 + 60},
            {"MetricName": "m", "StatisticValues": {"SampleCount": 2.0, "Sum": 10.0, "Minimum": 4.0, "Maximum": 6.0},
             "Unit": "Count", "Timestamp": T0 + 120}]}),
    )
    .await;
    let statistics = home
        .call(
            "GetMetricStatistics",
            json!({"Namespace": "App", "MetricName": "m", "StartTime": T0, "EndTime": T0 + 180, "Period": 60,
                   "Statistics": ["Sum", "Average", "SampleCount"], "ExtendedStatistics": ["p50"]}),
        )
        .await;
    expect![[r#"{"Label":"m","Datapoints":[{"Timestamp":1795737600,"SampleCount":1.0,"Average":3.0,"Sum":3.0,"Unit":"Count","ExtendedStatistics":{"p50":3.0}},{"Timestamp":1795737660,"SampleCount":4.0,"Average":1.75,"Sum":7.0,"Unit":"Count","ExtendedStatistics":{"p50":1.993661701417345}},{"Timestamp":1795737720,"SampleCount":2.0,"Average":5.0,"Sum":10.0,"Unit":"Count"}]}"#]]
        .assert_eq(&statistics);
    let stat = |id: &str, stat: &str| {
        json!({"Id": id, "ReturnData": false,
               "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": stat}})
    };
    let data = home
        .call(
            "GetMetricData",
            json!({"StartTime": T0, "EndTime": T0 + 180, "ScanBy": "TimestampAscending", "MetricDataQueries": [
                stat("m1", "Sum"), stat("m2", "SampleCount"),
                {"Id": "e1", "Expression": "m1 / m2", "Label": "mean"},
                {"Id": "m3", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 180, "Stat": "Maximum"}}]}),
        )
        .await;
    expect![[r#"{"MetricDataResults":[{"Id":"e1","Label":"mean","Timestamps":[1795737600,1795737660,1795737720],"Values":[3.0,1.75,5.0],"StatusCode":"Complete"},{"Id":"m3","Label":"m","Timestamps":[1795737600],"Values":[6.0],"StatusCode":"Complete"}],"Messages":[]}"#]]
        .assert_eq(&data);
}

#[tokio::test]
async fn a_page_of_datapoints_goes_on_where_the_last_one_ended() {
    let home = Home::open().await;
    for minute in 0..5 {
        home.put("a", minute * 60, minute as f64).await;
        home.put("b", minute * 60, 10.0 + minute as f64).await;
    }
    let query = |id: &str, name: &str| json!({"Id": id, "MetricStat": {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Sum"}});
    let mut token = serde_json::Value::Null;
    let mut found = Vec::new();
    for _ in 0..5 {
        let mut input = json!({"StartTime": T0, "EndTime": T0 + 300, "MaxDatapoints": 3,
            "MetricDataQueries": [query("a", "a"), query("b", "b")]});
        if !token.is_null() {
            input["NextToken"] = token.clone();
        }
        let answer: serde_json::Value =
            serde_json::from_str(&home.call("GetMetricData", input).await).expect("JSON");
        let results = answer["MetricDataResults"].as_array().expect("results");
        let page = results.iter().map(|one| format!("{}{} {}", one["Id"], one["Values"], one["StatusCode"]));
        found.push(page.collect::<Vec<_>>().join(" "));
        token = answer["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    expect![[r#"
        "a"[4.0,3.0,2.0] "PartialData"
        "a"[1.0,0.0] "Complete" "b"[14.0] "PartialData"
        "b"[13.0,12.0,11.0] "PartialData"
        "b"[10.0] "Complete""#]]
    .assert_eq(&found.join("\n"));
}

#[tokio::test]
async fn metrics_are_listed_in_pages() {
    let home = Home::open().await;
    for n in 0..3 {
        let data: Vec<_> =
            (0..250).map(|m| json!({"MetricName": format!("m{n}-{m:03}"), "Value": 1.0})).collect();
        home.call("PutMetricData", json!({"Namespace": "App", "MetricData": data})).await;
    }
    let first: serde_json::Value =
        serde_json::from_str(&home.call("ListMetrics", json!({})).await).expect("JSON");
    assert_eq!(first["Metrics"].as_array().map(Vec::len), Some(500));
    let rest = home.call("ListMetrics", json!({"NextToken": first["NextToken"]})).await;
    let rest: serde_json::Value = serde_json::from_str(&rest).expect("JSON");
    assert_eq!(rest["Metrics"].as_array().map(Vec::len), Some(250));
    assert!(rest["NextToken"].is_null());
    expect![[r#"{"Metrics":[{"Namespace":"App","MetricName":"m1-007","Dimensions":[]}]}"#]].assert_eq(
        &home.call("ListMetrics", json!({"MetricName": "m1-007", "RecentlyActive": "PT3H"})).await,
    );
}

#[tokio::test]
async fn what_cannot_be_put_is_refused_and_nothing_of_it_is_kept() {
    let home = Home::open().await;
    let datum = |more: serde_json::Value| {
        let mut datum = json!({"MetricName": "m"});
        datum.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"Namespace": "App", "MetricData": [{"MetricName": "good", "Value": 1.0}, datum]})
    };
    let mut refused = Vec::new();
    for input in [
        json!({"Namespace": "AWS/EC2", "MetricData": [{"MetricName": "m", "Value": 1.0}]}),
        json!({"Namespace": "App", "MetricData": []}),
        json!({"Namespace": "App", "EntityMetricData": []}),
        datum(json!({})),
        datum(json!({"Value": 1.0, "Values": [1.0]})),
        datum(json!({"Values": [1.0], "Counts": [1.0, 2.0]})),
        datum(json!({"Value": 1e200})),
        datum(json!({"Value": 1.0, "StorageResolution": 5})),
        datum(json!({"Value": 1.0, "Timestamp": T0 - 15 * 86_400})),
        datum(json!({"Value": 1.0, "Timestamp": T0 + 3 * 3600})),
        datum(json!({"StatisticValues": {"SampleCount": 1.0, "Sum": 1.0, "Minimum": 2.0, "Maximum": 1.0}})),
    ] {
        refused.push(home.refused("PutMetricData", input).await);
    }
    expect![[r#"
        InvalidParameterValueException: The value AWS/EC2 for parameter Namespace is invalid: names that begin with AWS/ are the system's own
        MissingRequiredParameterException: The parameter MetricData is required
        InvalidParameterValueException: EntityMetricData is not implemented here; leave it out
        MissingRequiredParameterException: MetricData.member.2: one of Value, Values and StatisticValues is required
        InvalidParameterCombinationException: MetricData.member.2: only one of Value, Values and StatisticValues can be given
        InvalidParameterValueException: MetricData.member.2: Counts must have as many entries as Values, 1, not 2
        InvalidParameterValueException: MetricData.member.2: a value must be a number within ±2^360, not 100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        InvalidParameterValueException: MetricData.member.2: StorageResolution must be 1 or 60, not 5
        InvalidParameterValueException: MetricData.member.2: Timestamp 2026-11-12T00:00:00.000Z must be within two weeks in the past and two hours in the future
        InvalidParameterValueException: MetricData.member.2: Timestamp 2026-11-27T03:00:00.000Z must be within two weeks in the past and two hours in the future
        InvalidParameterValueException: MetricData.member.2: Minimum 2 is above Maximum 1"#]]
    .assert_eq(&refused.join("\n"));
    assert_eq!(home.call("ListMetrics", json!({})).await, r#"{"Metrics":[]}"#);
}

#[tokio::test]
async fn queries_that_cannot_be_answered_are_refused_by_name() {
    let home = Home::open().await;
    let ask = |queries: serde_json::Value| json!({"StartTime": T0, "EndTime": T0 + 300, "MetricDataQueries": queries});
    let metric = json!({"Namespace": "App", "MetricName": "m"});
    let stat = |period: u32, stat: &str| json!([{"Id": "m1", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}]);
    let expression = |text: &str| json!([{"Id": "e1", "Expression": text}]);
    let mut refused = Vec::new();
    for input in [
        ask(json!([])),
        ask(stat(45, "Sum")),
        ask(stat(60, "Median")),
        ask(expression("SEARCH('{App} m', 'Sum', 300)")),
        ask(expression("SELECT AVG(m) FROM App")),
        ask(expression("m9 * 2")),
        json!({"StartTime": T0, "EndTime": T0, "MetricDataQueries": stat(60, "Sum")}),
        json!({"StartTime": T0, "EndTime": T0 + 86_400, "MetricDataQueries": stat(1, "Sum")}),
        json!({"StartTime": T0, "EndTime": T0 + 60, "MetricDataQueries": stat(60, "Sum"), "NextToken": "x"}),
        json!({"StartTime": T0, "EndTime": T0 + 60, "MetricDataQueries": stat(60, "Sum"), "MaxDatapoints": 0}),
    ] {
        refused.push(home.refused("GetMetricData", input).await);
    }
    expect![[r#"
        ValidationException: MetricDataQueries must have 1 to 500 entries, not 0
        ValidationException: `m1`: Period must be 1, 5, 10, 20, 30 or a multiple of 60, not 45
        ValidationException: there is no statistic `Median`; there are SampleCount, Average, Sum, Minimum, Maximum, and by pattern p99, tm99, tc99, ts99, wm99, TM(10%:90%), PR(:100), IQM
        ValidationException: MetricDataQueries: `e1`: SEARCH is not implemented
        ValidationException: Metrics Insights (`SELECT …`) is not implemented here; leave it out
        ValidationException: MetricDataQueries: at least one MetricStat is needed
        ValidationException: The parameter StartTime must be less than the parameter EndTime
        ValidationException: `m1` asks for more than 50000 periods; take a longer Period or a shorter time
        InvalidNextToken: NextToken is none that an answer of this operation gave
        InvalidParameterValueException: MaxDatapoints must be 1 to 100800"#]]
    .assert_eq(&refused.join("\n"));
    let too_many = json!({"Namespace": "App", "MetricName": "m", "StartTime": T0, "EndTime": T0 + 86_460, "Period": 60, "Statistics": ["Sum"]});
    expect!["InvalidParameterCombinationException: You have requested up to 1441 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."]
        .assert_eq(&home.refused("GetMetricStatistics", too_many).await);
}

#[tokio::test]
async fn dashboards_are_kept_as_they_came_once_their_form_is_sound() {
    let home = Home::open().await;
    let body = r##"{"widgets":[{"type":"text","properties":{"markdown":"# live"}}]}"##;
    home.call(
        "PutDashboard",
        json!({"DashboardName": "live", "DashboardBody": body, "Tags": [{"Key": "team", "Value": "a"}]}),
    )
    .await;
    home.call("PutDashboard", json!({"DashboardName": "other", "DashboardBody": "{\"widgets\":[]}"})).await;
    let got: serde_json::Value =
        serde_json::from_str(&home.call("GetDashboard", json!({"DashboardName": "live"})).await)
            .expect("JSON");
    assert_eq!((&got["DashboardBody"], &got["DashboardName"]), (&json!(body), &json!("live")));
    let arn = &got["DashboardArn"];
    assert_eq!(*arn, "arn:aws:cloudwatch::000000000000:dashboard/live");
    assert_eq!(
        home.call("ListTagsForResource", json!({"ResourceARN": arn})).await,
        r#"{"Tags":[{"Key":"team","Value":"a"}]}"#
    );
    let list: serde_json::Value =
        serde_json::from_str(&home.call("ListDashboards", json!({"DashboardNamePrefix": "li"})).await)
            .expect("JSON");
    assert_eq!(list["DashboardEntries"][0]["Size"], body.len());
    assert_eq!(list["DashboardEntries"].as_array().map(Vec::len), Some(1));
    let refused = home.refused("PutDashboard", json!({"DashboardName": "x", "DashboardBody": "{}"})).await;
    assert_eq!(
        refused,
        "DashboardInvalidInputError: The dashboard's body is not sound: Should have required property 'widgets' at `/widgets`"
    );
    let refused = home.refused("DeleteDashboards", json!({"DashboardNames": ["live", "gone"]})).await;
    assert_eq!(refused, "DashboardNotFoundError: Dashboard live, gone does not exist");
    home.call("DeleteDashboards", json!({"DashboardNames": ["live", "other"]})).await;
    assert_eq!(
        home.refused("GetDashboard", json!({"DashboardName": "live"})).await,
        "DashboardNotFoundError: Dashboard live does not exist"
    );
}

#[tokio::test]
async fn an_operation_that_is_not_done_is_left_to_be_refused_by_its_name() {
    let home = Home::open().await;
    for operation in ["PutAnomalyDetector", "PutMetricStream", "PutInsightRule", "GetMetricWidgetImage"] {
        assert!(!home.does(operation), "{operation}");
    }
}
