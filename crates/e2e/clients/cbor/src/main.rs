//! The AWS SDK for Rust, which speaks CBOR to CloudWatch: makes an alarm, puts a figure and reads it back, and prints the code of an error, the figure, and
//! all alarms' names, a line each. It takes the variables that `headwater aws-env` sets.
//!
//!     cbor-client ALARM

use std::env;
use std::time::SystemTime;

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, Statistic};
use aws_sdk_cloudwatch::{Client, Config};
use aws_smithy_http_client::Builder;

type Fault = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    let name = env::args().nth(1).ok_or("which alarm?")?;
    let key = Credentials::new(
        env::var("AWS_ACCESS_KEY_ID")?,
        env::var("AWS_SECRET_ACCESS_KEY")?,
        None,
        None,
        "environment",
    );
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(env::var("AWS_ENDPOINT_URL")?)
        .region(Region::new(env::var("AWS_DEFAULT_REGION")?))
        .credentials_provider(key)
        // The endpoint is http: no TLS to compile.
        .http_client(Builder::new().build_http())
        .build();
    let watch = Client::from_conf(config);
    let dimension = Dimension::builder().name("DistributionId").value("E1").build();
    watch
        .put_metric_alarm()
        .alarm_name(&name)
        .namespace("AWS/CloudFront")
        .metric_name("TotalErrorRate")
        .dimensions(dimension)
        .statistic(Statistic::Average)
        .period(60)
        .evaluation_periods(5)
        .threshold(0.01)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .send()
        .await?;
    let refused =
        watch.set_alarm_state().alarm_name("nobody's").state_value("OK".into()).state_reason("-").send();
    let refused = refused.await.err().ok_or("an alarm that is not there was set")?;
    if !refused.into_service_error().is_resource_not_found() {
        return Err("what is not there has another error".into());
    }
    let wrong =
        watch.put_metric_alarm().alarm_name(&name).send().await.err().ok_or("half an alarm was made")?;
    println!("{}", wrong.code().unwrap_or("no code"));
    let minute = DateTime::from(SystemTime::now()).secs() / 60 * 60;
    let at = |secs| DateTime::from_secs(secs);
    let figure = MetricDatum::builder().metric_name("figure").value(2.5).timestamp(at(minute - 60)).build();
    watch.put_metric_data().namespace("cbor").metric_data(figure).send().await?;
    let asked = watch.get_metric_statistics().namespace("cbor").metric_name("figure").period(60);
    let asked = asked.statistics(Statistic::Sum).start_time(at(minute - 600)).end_time(at(minute + 60));
    let read = asked.send().await?;
    let [point] = read.datapoints() else { return Err("it is not one point".into()) };
    if point.timestamp() != Some(&at(minute - 60)) {
        return Err(format!("its time is {:?}", point.timestamp()).into());
    }
    println!("{}", point.sum().unwrap_or_default());
    let mut pages = watch.describe_alarms().into_paginator().send();
    while let Some(page) = pages.next().await {
        page?.metric_alarms().iter().for_each(|alarm| println!("{}", alarm.alarm_name().unwrap_or_default()));
    }
    Ok(())
}
