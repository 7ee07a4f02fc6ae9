//! Judging alarms whose time has come.

use std::collections::BTreeMap;

use alarm::notification::{self, Owner};
use alarm::{EvaluationRange, MetricAlarm, MetricStat, Point, State, Transition, Verdict, Watched};
use history::{History, Span};
use media::Utc;
use store::Key;

use super::actions::Running;
use super::stored::{Observed, Pending};
use super::{Alarms, Change, Held, Kind};

/// A change of state that is to be told.
pub(super) type Changed = (Key, Held, Transition);

impl Alarms {
    /// Judges metric alarms that are due, and composite alarms wherever something changed.
    pub(super) async fn judge(&self, running: &mut Running, now: Utc) -> Result<(), store::Error> {
        let due = self.book().due(now);
        let (metric, composite): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(_, held)| !held.kind.is_composite());
        for (key, _) in composite {
            note_change(running, &key);
        }
        let history = self.history.clone();
        let judged = tokio::task::spawn_blocking(move || judge_all(&history, metric, now)).await;
        let Ok(judged) = judged else {
            tracing::error!("judging alarms has panicked");
            return Ok(());
        };
        let changed: Vec<Changed> = judged
            .iter()
            .filter_map(|(key, held, verdict)| settle(key, held, verdict.clone()?, now))
            .collect();
        self.tell(running, changed, now).await?;
        for (key, held, _) in judged {
            if let Some(known) = self.book().find_mut(&key) {
                known.due_s = held.next_due_s(now);
            }
        }
        self.judge_composites(running, now).await
    }

    /// Judges composite alarms of accounts and regions where a state has changed, until none changes any more.
    async fn judge_composites(&self, running: &mut Running, now: Utc) -> Result<(), store::Error> {
        // Rules make no circle, so each round settles at least one level; the bound is for stores others have written to.
        for _ in 0..super::MAX_ALARMS {
            let Some((account, region)) = running.changed.last().cloned() else { return Ok(()) };
            let (changed, looked_at) = {
                let book = self.book();
                let states = book.states(&account, &region);
                let composites: Vec<_> =
                    book.of(&account, &region).filter(|(_, held)| held.kind.is_composite()).collect();
                let changed: Vec<Changed> = composites
                    .iter()
                    .filter_map(|(key, held)| {
                        let Kind::Composite(alarm) = &*held.kind else { return None };
                        let verdict = alarm.evaluate(|name| states.get(name).copied(), now);
                        settle(key, held, verdict, now)
                    })
                    .collect();
                (changed, composites.into_iter().map(|(key, _)| key.clone()).collect::<Vec<_>>())
            };
            let is_settled = changed.is_empty();
            self.tell(running, changed, now).await?;
            let mut book = self.book();
            for key in looked_at {
                if let Some(held) = book.find_mut(&key) {
                    held.due_s = i64::MAX;
                }
            }
            if is_settled {
                running.changed.retain(|place| *place != (account.clone(), region.clone()));
            }
        }
        Ok(())
    }

    /// Writes changes of state down, with their actions, and then has them in the book.
    pub(super) async fn tell(
        &self,
        running: &mut Running,
        changed: Vec<Changed>,
        now: Utc,
    ) -> Result<(), store::Error> {
        if changed.is_empty() {
            return Ok(());
        }
        let told = changed.iter().map(|(key, held, transition)| {
            let (status, transition, pending) =
                (held.status.clone(), transition.clone(), pending(key, held, transition));
            let change = move |observed: &mut Observed| {
                observed.status = status;
                observed.enter(transition.history);
                observed.pending.extend(pending);
            };
            let change: Change = (key.clone(), Box::new(change));
            change
        });
        self.observe(told.collect(), now).await?;
        for (key, held, transition) in changed {
            tracing::info!(alarm = %key, from = %transition.from, to = %transition.to, "an alarm has changed its state");
            running.wait_for(&key, pending(&key, &held, &transition));
            note_change(running, &key);
            if let Some(known) = self.book().find_mut(&key) {
                known.status = held.status;
            }
        }
        Ok(())
    }
}

/// Composite alarms of that place are to be looked at.
pub(super) fn note_change(running: &mut Running, key: &Key) {
    let place = (key.account().to_owned(), key.region().to_owned());
    if !running.changed.contains(&place) {
        running.changed.push(place);
    }
}

/// The alarm in the state that a verdict calls for, where that is another.
fn settle(key: &Key, held: &Held, verdict: Verdict, now: Utc) -> Option<Changed> {
    let mut held = held.clone();
    let transition = held.status.settle(key.id(), held.kind.actions(), verdict, now)?;
    Some((key.clone(), held, transition))
}

fn judge_all(history: &History, due: Vec<(Key, Held)>, now: Utc) -> Vec<(Key, Held, Option<Verdict>)> {
    let judge = |(key, held): (Key, Held)| {
        let verdict = match &*held.kind {
            Kind::Composite(_) => None,
            Kind::Metric(alarm) => match verdict(history, alarm, held.status.state, now) {
                Ok(verdict) => Some(verdict),
                Err(fault) => {
                    tracing::error!(alarm = %key, %fault, "an alarm cannot be judged");
                    None
                }
            },
        };
        (key, held, verdict)
    };
    due.into_iter().map(judge).collect()
}

fn verdict(
    history: &History,
    alarm: &MetricAlarm,
    current: State,
    now: Utc,
) -> Result<Verdict, history::Damaged> {
    let range = EvaluationRange::of(alarm, now);
    let span = Span { start_s: range.start_s, end_s: range.end_s, period_s: range.period_s };
    let points = match alarm.watched() {
        Watched::Metric(one) => points(history, one, span)?,
        Watched::Math(math) => {
            let mut metrics = BTreeMap::new();
            for (id, one) in math.metrics() {
                metrics.insert(id.to_owned(), points(history, one, span)?);
            }
            math.points(&metrics, range)
        }
    };
    Ok(alarm::evaluate(alarm, &points, now, current))
}

/// A statistic of a metric by period. Values whose distribution nobody told have no percentiles.
pub(crate) fn points(
    history: &History,
    one: &MetricStat,
    span: Span,
) -> Result<Vec<Point>, history::Damaged> {
    let found = history.range(&one.metric, one.unit, span)?;
    let point = |(start_s, values): (i64, metric::Aggregate)| {
        let value = values.statistic(&one.statistic)?;
        Some(Point { start_s, value, sample_count: Some(values.count()) })
    };
    Ok(found.into_iter().filter_map(point).collect())
}

/// The actions of a change of state.
fn pending(key: &Key, held: &Held, transition: &Transition) -> Vec<Pending> {
    let owner = Owner { account: key.account(), region: key.region(), alarm_arn: &held.arn };
    let message = match &*held.kind {
        Kind::Metric(alarm) => notification::message(alarm, &held.status, transition, owner),
        Kind::Composite(alarm) => notification::composite_message(alarm, &held.status, transition, owner),
    };
    let subject = notification::subject(key.id(), transition, owner);
    let action =
        |arn: &String| Pending { arn: arn.clone(), subject: subject.clone(), message: message.clone() };
    transition.actions.iter().map(action).collect()
}
