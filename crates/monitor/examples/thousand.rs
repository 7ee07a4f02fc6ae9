//! What a thousand alarms cost where nothing changes: `cargo run --release -p monitor --example thousand`.

use std::sync::Arc;
use std::time::Instant;

use aws::Map;
use door::{Caller, Door};
use history::{History, Limits, Resolution, Sample};
use media::Utc;
use metric::{Aggregate, Metric, Unit};
use monitor::{Actions, Alarms, CloudWatch, alarms::Done};
use store::{Place, Store};

const ALARMS: usize = 1_000;
/// A whole minute.
const START_S: i64 = 1_795_737_600;

struct Nothing;

impl Actions for Nothing {
    fn act<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str) -> Done<'a> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await?;
    let at = |at_s: i64| Utc((START_S + at_s) * 1_000_000);
    let history = Arc::new(History::open(&folder.path().join("metrics"), Limits::default(), at(0))?);
    let alarms = Arc::new(Alarms::open(store, history.clone(), at(0)).await?);
    let door = CloudWatch::new(history.clone(), alarms.clone());
    let caller = Caller {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        who: "root".to_owned(),
        access_key: String::new(),
        source: "127.0.0.1".to_owned(),
        request_id: "id".to_owned(),
        action: "cloudwatch:PutMetricAlarm".to_owned(),
        at: at(0),
    };
    let began = Instant::now();
    for n in 0..ALARMS {
        let input = Map::new()
            .with("AlarmName", format!("alarm-{n}"))
            .with("Namespace", "App")
            .with("MetricName", format!("m{n}"))
            .with("Statistic", "Average")
            .with("Period", 60)
            .with("EvaluationPeriods", 3)
            .with("Threshold", 5.0)
            .with("ComparisonOperator", "GreaterThanThreshold");
        door.call(&caller, "PutMetricAlarm", input)
            .ok_or("it is done")?
            .await
            .map_err(|error| error.message)?;
    }
    println!("made {ALARMS} alarms: {:?}", began.elapsed());
    let actions: Arc<dyn Actions> = Arc::new(Nothing);
    let mut spent = Vec::new();
    for second in 0..600 {
        if second % 10 == 0 {
            let sample = |n: usize| {
                let metric = Metric::new("App", &format!("m{n}"), Vec::new())?;
                let values = Aggregate::of(1.0, 1.0).expect("a sound value");
                let at_s = START_S + second;
                Ok(Sample { metric, unit: Unit::Count, at_s, resolution: Resolution::Minute, values })
            };
            history.record(
                &(0..ALARMS).map(sample).collect::<Result<Vec<_>, metric::MetricFault>>()?,
                at(second),
            )?;
        }
        let began = Instant::now();
        alarms.tick(&actions, at(second)).await?;
        spent.push(began.elapsed());
    }
    let all: std::time::Duration = spent.iter().skip(300).sum();
    println!(
        "five minutes of ticks where nothing changes: {all:?}, {:.3} % of a core",
        all.as_secs_f64() / 3.0
    );
    Ok(())
}
