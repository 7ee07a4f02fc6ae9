//! Figures for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    door: String,
    status: String,
}

/// Counters that are counted where things happen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Counter>,
    pub(crate) unauthenticated: Counter,
    pub(crate) audit_lost: Counter,
    pub(crate) connections: Gauge,
    pub(crate) applied: Counter,
    pub(crate) not_applied: Counter,
    pub(crate) refused_channels: Gauge,
    pub(crate) observed: Counter,
}

impl Metrics {
    /// An answered request: `door` is a service's name, `native`, `health` or `none`.
    pub(crate) fn request(&self, door: &str, status: u16) {
        let labels = RequestLabels { door: door.to_owned(), status: format!("{}xx", status / 100) };
        self.requests.get_or_create(&labels).inc();
    }
}

pub(crate) fn registry() -> (Registry, Metrics) {
    let (mut registry, metrics) = (Registry::default(), Metrics::default());
    let named = |name: &str, help: &str| (format!("headwater_control_{name}"), help.to_owned());
    macro_rules! register {
        ($($field:ident, $name:literal, $help:literal;)*) => {
            $({
                let (name, help) = named($name, $help);
                registry.register(name, help, metrics.$field.clone());
            })*
        };
    }
    register! {
        requests, "requests", "Requests answered, by door and status class";
        unauthenticated, "unauthenticated", "Requests refused because their signature or key is not right";
        audit_lost, "audit_lost", "Refused calls that the audit log does not have because too many came at once";
        connections, "connections", "Connections that are open";
        applied, "applied", "Workflows that the supervisor took";
        not_applied, "not_applied", "Workflows that the supervisor did not take";
        refused_channels, "refused_channels", "Channels that are wanted and left out because they are not valid together";
        observed, "observed", "Changes of state written to the store";
    }
    (registry, metrics)
}
