//! How long a day of a thousand metrics takes to record, and to read: `cargo run --release -p history --example day`.

use std::time::Instant;

use history::{History, Limits, Resolution, Sample, Span};
use media::Utc;
use metric::{Aggregate, Dimension, Metric, Unit};

const METRICS: usize = 1_000;
const MINUTES: i64 = 1_440;
/// A whole day.
const START_S: i64 = 1_795_737_600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let metric = |n: usize| {
        let dimension = Dimension { name: "ChannelId".to_owned(), value: format!("channel-{n}") };
        Metric::new("AWS/MediaLive", "NetworkIn", vec![dimension])
    };
    let metrics = (0..METRICS).map(metric).collect::<Result<Vec<_>, _>>()?;
    let history = History::open(folder.path(), Limits::default(), Utc(START_S * 1_000_000))?;
    let began = Instant::now();
    for minute in 0..MINUTES {
        let at_s = START_S + minute * 60;
        let sample = |(n, metric): (usize, &Metric)| {
            let values = Aggregate::of(n as f64 + minute as f64 / 7.0, 1.0)?;
            Ok(Sample {
                metric: metric.clone(),
                unit: Unit::Count,
                at_s,
                resolution: Resolution::Minute,
                values,
            })
        };
        let samples =
            metrics.iter().enumerate().map(sample).collect::<Result<Vec<_>, metric::AggregateFault>>()?;
        history.record(&samples, Utc(at_s * 1_000_000))?;
        if minute % 60 == 0 {
            history.flush()?;
        }
    }
    println!("recorded: {:?}", began.elapsed());
    let span = Span { start_s: START_S, end_s: START_S + MINUTES * 60, period_s: 60 };
    let began = Instant::now();
    let mut points = 0;
    for metric in &metrics {
        points += history.range(metric, None, span)?.len();
    }
    println!("read {points} datapoints: {:?}", began.elapsed());
    drop(history);
    let began = Instant::now();
    let history = History::open(folder.path(), Limits::default(), Utc(START_S * 1_000_000))?;
    println!("opened, {} series: {:?}", history.series(), began.elapsed());
    Ok(())
}
