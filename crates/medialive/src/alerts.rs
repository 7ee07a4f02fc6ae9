//! What is wrong with a running channel, as ListAlerts tells it.

use aws::{Map, Value};
use media::Utc;
use serde::{Deserialize, Serialize};

/// Most alerts that are kept of a channel; the oldest goes first.
const MAX: usize = 50;

/// Something that is or was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// Its kind.
    kind: Kind,
    /// The pipeline it is about.
    pipeline: u8,
    message: String,
    set: Utc,
    cleared: Option<Utc>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The channel is started and cannot run.
    Refused,
    /// A pipeline's encoder does not run.
    PipelineDown,
    /// Nobody sends.
    NoVideo,
}

/// Something that is wrong now.
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) pipeline: u8,
    pub(crate) message: String,
}

/// The alerts after `before` and what is wrong `now`.
pub(crate) fn updated(before: &[Alert], troubles: Vec<Trouble>, now: Utc) -> Vec<Alert> {
    let mut alerts = before.to_vec();
    let is_about = |alert: &Alert, trouble: &Trouble| {
        alert.cleared.is_none()
            && (alert.kind, alert.pipeline, alert.message.as_str())
                == (trouble.kind, trouble.pipeline, trouble.message.as_str())
    };
    for alert in &mut alerts {
        if alert.cleared.is_none() && !troubles.iter().any(|trouble| is_about(alert, trouble)) {
            alert.cleared = Some(now);
        }
    }
    for trouble in troubles {
        if !alerts.iter().any(|alert| is_about(alert, &trouble)) {
            let Trouble { kind, pipeline, message } = trouble;
            alerts.push(Alert { kind, pipeline, message, set: now, cleared: None });
        }
    }
    let surplus = alerts.len().saturating_sub(MAX);
    alerts.drain(..surplus);
    alerts
}

impl Alert {
    /// `SET` or `CLEARED`.
    pub(crate) fn state(&self) -> &'static str {
        if self.cleared.is_none() { "SET" } else { "CLEARED" }
    }

    /// As ListAlerts answers it.
    pub(crate) fn map(&self) -> Map {
        let (word, title) = match self.kind {
            Kind::Refused => ("refused", "Channel Cannot Run"),
            Kind::PipelineDown => ("pipeline-down", "Pipeline Down"),
            Kind::NoVideo => ("no-video", "Video Not Detected"),
        };
        let mut map = Map::new()
            .with("AlertType", title)
            .with("Id", format!("{word}-{}-{}", self.pipeline, self.set.0))
            .with("Message", self.message.clone())
            .with("PipelineId", self.pipeline.to_string())
            .with("SetTimestamp", self.set)
            .with("State", self.state());
        if let Some(cleared) = self.cleared {
            map.insert("ClearedTimestamp", Value::Timestamp(cleared));
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(pipeline: u8) -> Vec<Trouble> {
        vec![Trouble { kind: Kind::NoVideo, pipeline, message: "nothing comes".to_owned() }]
    }

    fn told(alerts: &[Alert]) -> Vec<(String, &str)> {
        alerts
            .iter()
            .map(|alert| (alert.map().text("Id").expect("an id").to_owned(), alert.state()))
            .collect()
    }

    #[test]
    fn an_alert_is_set_once_cleared_when_its_trouble_is_over_and_set_anew_when_it_comes_back() {
        let first = updated(&[], trouble(0), Utc(1));
        assert_eq!(updated(&first, trouble(0), Utc(2)), first);
        let cleared = updated(&first, Vec::new(), Utc(3));
        let again = updated(&cleared, trouble(0), Utc(4));
        assert_eq!(
            told(&again),
            [("no-video-0-1".to_owned(), "CLEARED"), ("no-video-0-4".to_owned(), "SET")]
        );
        assert_eq!(cleared[0].map().get("ClearedTimestamp"), Some(&Value::Timestamp(Utc(3))));
    }

    #[test]
    fn the_oldest_alerts_go_when_there_are_too_many() {
        let mut alerts = Vec::new();
        for time in 0..200 {
            let troubles = if time % 2 == 0 { trouble(0) } else { Vec::new() };
            alerts = updated(&alerts, troubles, Utc(time));
        }
        assert_eq!(alerts.len(), MAX);
        assert_eq!(told(&alerts).last(), Some(&("no-video-0-198".to_owned(), "CLEARED")));
    }
}
