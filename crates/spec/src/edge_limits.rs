//! `[edge.limits]`: what the edge bears, and from where on it turns work away.

use crate::fault::Fault;
use crate::fields::Fields;

/// The edge's bounds that depend on the machine and its viewers. Where a count is not set, the edge takes its share of
/// the descriptors the process may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeLimits {
    /// `connections`: open at once, 16 to 1 million; default three quarters of the descriptors.
    pub connections: Option<usize>,
    /// `connections_per_address`: of them from one IPv4 address or IPv6 /64, default 2000 or a quarter of the descriptors.
    pub connections_per_address: Option<usize>,
    /// `requests_per_address`: answered a second for one address, twice that many at once, 1 to 10 million, default 20,000.
    pub requests_per_address: u32,
    /// `slow_reader`: bytes a second below which a reader is let go, 100 to 1 million, default 1000.
    pub slow_reader_bytes_per_s: u64,
    /// `fetches`: from the origin under way at once, 4 to 65,536; default a sixteenth of the descriptors, at most 1024.
    pub fetches: Option<usize>,
    /// `lag`: how late a serving thread may be before it takes no new work, 0.05 to 10 seconds, default 1.
    pub lag_ms: u64,
    /// `drain`: how long viewers have to leave an edge that ends, 0 to 60 seconds, default 5.
    pub drain_ms: u64,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            connections: None,
            connections_per_address: None,
            requests_per_address: 20_000,
            slow_reader_bytes_per_s: 1_000,
            fetches: None,
            lag_ms: 1_000,
            drain_ms: 5_000,
        }
    }
}

impl EdgeLimits {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut limits = Self::default();
        if let Some(field) = fields.take("connections") {
            limits.connections = Some(field.scaled(16..=1_000_000, "connections")? as usize);
        }
        if let Some(field) = fields.take("connections_per_address") {
            let most = limits.connections.map_or(1_000_000, |connections| connections as u64);
            limits.connections_per_address = Some(field.scaled(1..=most, "connections")? as usize);
        }
        if let Some(field) = fields.take("requests_per_address") {
            limits.requests_per_address = field.scaled(1..=10_000_000, "requests a second")? as u32;
        }
        if let Some(field) = fields.take("slow_reader") {
            limits.slow_reader_bytes_per_s = field.scaled(100..=1_000_000, "bytes a second")?;
        }
        if let Some(field) = fields.take("fetches") {
            limits.fetches = Some(field.integer(4..=65_536, "fetches")? as usize);
        }
        if let Some(field) = fields.take("lag") {
            limits.lag_ms = (field.number(0.05..=10.0, "seconds")? * 1e3).round() as u64;
        }
        if let Some(field) = fields.take("drain") {
            limits.drain_ms = (field.number(0.0..=60.0, "seconds")? * 1e3).round() as u64;
        }
        fields.finish()?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Workflow;
    use expect_test::{Expect, expect};

    fn read(limits: &str) -> Result<EdgeLimits, Fault> {
        let text = format!("edge.origins = [\"http://a\"]\n[edge.limits]\n{limits}\n");
        Workflow::parse(&text).map(|workflow| workflow.edge.limits)
    }

    #[test]
    fn what_is_not_set_keeps_its_default() {
        assert_eq!(read(""), Ok(EdgeLimits::default()));
        let limits = read("connections = \"50k\"\nlag = 0.25\nrequests_per_address = 100").expect("valid");
        let expected = EdgeLimits {
            connections: Some(50_000),
            lag_ms: 250,
            requests_per_address: 100,
            ..EdgeLimits::default()
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn a_fault_names_line_field_and_bound() {
        let check = |limits: &str, fault: Expect| {
            fault.assert_eq(&read(limits).expect_err("refused").to_string());
        };
        check(
            "connections = 3",
            expect!["line 3: edge.limits.connections: 3 is out of bounds: 16 to 1000000 connections"],
        );
        check(
            "connections = 100\nconnections_per_address = 200",
            expect![
                "line 4: edge.limits.connections_per_address: 200 is out of bounds: 1 to 100 connections"
            ],
        );
        check("drain = 90", expect!["line 3: edge.limits.drain: 90 is out of bounds: 0 to 60 seconds"]);
        check(
            "speed = 1",
            expect![
                "line 3: edge.limits.speed: no such field; there are: connections, connections_per_address, requests_per_address, slow_reader, fetches, lag, drain"
            ],
        );
    }
}
