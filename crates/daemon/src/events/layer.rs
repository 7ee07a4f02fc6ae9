//! Log lines become events.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::SystemTime;

use media::Utc;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::event::{Event, State};
use super::line;

/// Sends each line that has `event` and `state` on. The log's filter does not matter: who wants a quiet log wants to
/// know of these all the same.
pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let wanted: fn(&Metadata<'_>) -> bool = |metadata| {
        let has = |name| metadata.fields().field(name).is_some();
        (metadata.is_span() && has("channel")) || (has("event") && has("state"))
    };
    ToEvents.with_filter(FilterFn::new(wanted).with_max_level_hint(LevelFilter::INFO))
}

struct ToEvents;

/// A span's channel.
struct SpanChannel(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToEvents {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(channel), Some(span)) = (fields.channel, context.span(id)) {
            span.extensions_mut().insert(SpanChannel(channel));
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let of_span = || {
            context.event_scope(event)?.find_map(|span| {
                span.extensions().get::<SpanChannel>().map(|SpanChannel(channel)| channel.clone())
            })
        };
        let channel = fields.channel.or_else(of_span);
        let state = fields.state.as_deref().and_then(State::named);
        let (Some(name), Some(state)) = (fields.event, state) else { return };
        line::send(Event {
            time: Utc::from(SystemTime::now()).to_string(),
            role: role(event.metadata().target()).to_owned(),
            channel,
            event: name,
            state,
            message: fields.message,
            details: fields.details,
        });
    }
}

/// Who says what a crate says.
fn role(target: &str) -> &str {
    match target.split("::").next() {
        Some("headwater") => "supervisor",
        Some(role) => role,
        None => target,
    }
}

#[derive(Default)]
struct Fields {
    event: Option<String>,
    state: Option<String>,
    channel: Option<String>,
    message: String,
    details: BTreeMap<String, Value>,
}

impl Fields {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "event" => self.event = Some(text),
            "state" => self.state = Some(text),
            "channel" => self.channel = Some(text),
            "message" => self.message = text,
            name => drop(self.details.insert(name.to_owned(), text.into())),
        }
    }

    fn value(&mut self, field: &Field, value: impl Into<Value>) {
        self.details.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, value);
    }
}
