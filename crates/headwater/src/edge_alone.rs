//! The edge's options on the command line, read as the settings they stand for.

use std::fmt::Write;

use anyhow::anyhow;
use spec::Workflow;

use crate::cli::Edge;

/// Which option stands for which setting of the workflow file.
const OPTIONS: [(&str, &str); 9] = [
    ("edge.origins", "--origin"),
    ("listen.viewers", "--listen"),
    ("listen.metrics", "--metrics"),
    ("edge.cache", "--cache"),
    ("edge.threads", "--threads"),
    ("edge.key_query", "--key-query"),
    ("edge.origin_ca", "--origin-ca"),
    ("edge.failover_on", "--failover-on"),
    ("edge.failover_after", "--failover-after"),
];

/// The workflow that `options` spell out. They go through the same door as a file, so that bounds and words are the
/// same; a fault names the option.
pub(crate) fn workflow(options: &Edge) -> anyhow::Result<Workflow> {
    Workflow::parse(&text(options)).map_err(|fault| {
        let option =
            OPTIONS.iter().find(|(field, _)| fault.field.starts_with(field)).map(|(_, option)| *option);
        anyhow!("{}: {}", option.unwrap_or(&fault.field), fault.message)
    })
}

fn text(options: &Edge) -> String {
    let Edge {
        origins,
        listen,
        metrics,
        cache,
        threads,
        key_query,
        origin_ca,
        failover_on,
        failover_after,
        ..
    } = options;
    let mut text = String::new();
    let mut line = |name: &str, value: String| writeln!(text, "{name} = {value}").expect("strings take text");
    // JSON's strings and lists of strings are TOML's too.
    let quoted = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    line("edge.origins", serde_json::to_string(origins).expect("strings are JSON"));
    if let Some(listen) = listen {
        line("listen.viewers", quoted(&listen.to_string()));
    }
    if let Some(metrics) = metrics {
        line("listen.metrics", quoted(&metrics.to_string()));
    }
    if let Some(cache) = cache {
        line("edge.cache", quoted(cache));
    }
    if let Some(threads) = threads {
        line("edge.threads", threads.to_string());
    }
    if let Some(names) = key_query {
        line("edge.key_query", serde_json::to_string(names).expect("strings are JSON"));
    }
    if let Some(file) = origin_ca {
        line("edge.origin_ca", quoted(&file.to_string_lossy()));
    }
    if let Some(statuses) = failover_on {
        line("edge.failover_on", format!("{statuses:?}"));
    }
    if let Some(seconds) = failover_after {
        // Rust writes NaN, TOML nan.
        line("edge.failover_after", format!("{seconds:?}").to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn read(line: &str) -> anyhow::Result<Workflow> {
        let words = ["headwater", "edge"].into_iter().chain(line.split(' '));
        let Command::Edge(options) = Cli::try_parse_from(words)?.command else {
            panic!("the edge's options")
        };
        workflow(&options)
    }

    #[test]
    fn options_are_the_settings_they_stand_for() {
        let workflow = read(
            "--origin http://a:81/live --origin https://b --listen 127.0.0.1:80 --cache 2G --threads 3 --metrics [::1]:9 \
             --origin-ca a.pem --failover-on 500,404 --failover-after 1 --key-query v,q",
        )
        .expect("valid");
        let expected = "listen = { viewers = \"127.0.0.1:80\", metrics = \"[::1]:9\" }\n\
            edge = { origins = [\"http://a:81/live\", \"https://b\"], cache = \"2G\", threads = 3, \
            origin_ca = \"a.pem\", failover_on = [500, 404], failover_after = 1.0, key_query = [\"v\", \"q\"] }\n";
        assert_eq!(workflow, Workflow::parse(expected).expect("valid"));
        let least = read("--origin http://a").expect("valid");
        assert_eq!(least, Workflow::parse("edge.origins = [\"http://a\"]").expect("valid"));
    }

    #[test]
    fn a_fault_names_the_option() {
        for (line, words) in [
            ("--origin a:80", "--origin: an origin begins with http:// or https://"),
            ("--origin http://a --cache 1k", "--cache: 1k is out of bounds: 16000000 to"),
            ("--origin http://a --failover-on 200", "--failover-on: 200 is out of bounds"),
            ("--origin http://a --failover-after nan", "--failover-after: nan is out of bounds"),
            ("--origin http://a --key-query a/b", "--key-query: a query parameter's name"),
            ("--origin http://a --threads 999", "--threads: 999 is out of bounds: 1 to 256"),
            (
                "--origin http://a --listen 127.0.0.1:9 --metrics 127.0.0.1:9",
                "--metrics: 127.0.0.1:9 is already",
            ),
            ("--listen 127.0.0.1:9400", "--origin"),
            ("--origin http://a --workflow x", "cannot be used with"),
        ] {
            let said = read(line).expect_err(line).to_string();
            assert!(said.contains(words), "{line}: {said}");
        }
    }
}
