//! `headwater resource`, and the views of some kinds of them: `input`, `endpoint`, `distribution`, `alarm`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::Client;
use crate::pages::gather;
use crate::table::{Table, cell, moment};
use crate::{Error, Screen};

const PATH: &str = "/v1/resources";

/// Which kinds are shown. What kinds there are is for the services to say (`medialive-input`), so they are known by patterns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kinds<'a> {
    /// `*` stands for whatever is there.
    pattern: &'a str,
    /// What people are told where there are none.
    none: &'static str,
}

/// `headwater input ls`.
pub(crate) const INPUTS: Kinds<'_> = Kinds {
    pattern: "*-input",
    none: "no inputs: MediaLive's API makes them, and `headwater aws-env` prints what its clients need. What a channel of \
           yours takes in is in `headwater channel show NAME`",
};
/// `headwater endpoint ls`.
pub(crate) const ENDPOINTS: Kinds<'_> = Kinds {
    pattern: "*endpoint",
    none: "no endpoints: [[endpoint]] tables of the workflow file and MediaPackage's API make them; `headwater aws-env` prints what its clients need. Every channel \
           plays at /NAME/ without one",
};
/// `headwater distribution ls`.
pub(crate) const DISTRIBUTIONS: Kinds<'_> = Kinds {
    pattern: "*distribution",
    none: "no distributions: [[distribution]] tables of the workflow file and CloudFront's API make them; `headwater aws-env` prints what its clients need. The edge \
           serves every channel without one",
};
/// `headwater alarm ls`.
pub(crate) const ALARMS: Kinds<'_> = Kinds {
    pattern: "*-alarm",
    none: "no alarms: CloudWatch's API makes them, and `headwater aws-env` prints what its clients need. `headwater events` \
           tells of trouble without one",
};

impl<'a> Kinds<'a> {
    /// The kinds that a pattern names.
    pub(crate) fn matching(pattern: &'a str) -> Self {
        Self { pattern, none: "no resources of that kind; `headwater resource kinds` lists which there are" }
    }

    fn has(&self, kind: &str) -> bool {
        let Some((begin, rest)) = self.pattern.split_once('*') else { return kind == self.pattern };
        let Some(mut kind) = kind.strip_prefix(begin) else { return false };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some(at) = kind.find(part) else { return false };
            kind = &kind[at + part.len()..];
        }
        kind.ends_with(end)
    }

    fn is_one(&self) -> bool {
        !self.pattern.contains('*')
    }
}

pub(crate) async fn list(kinds: &Kinds<'_>, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let filter = kinds.is_one().then_some(("kind", kinds.pattern));
    let mut found = gather(client, "list resources", PATH, filter).await?;
    if let Some(items) = found["items"].as_array_mut() {
        items.retain(|item| item["kind"].as_str().is_some_and(|kind| kinds.has(kind)));
    }
    screen.show(&found, table)?;
    match found["items"].as_array().is_some_and(Vec::is_empty) {
        true => screen.hint(kinds.none),
        false => Ok(()),
    }
}

/// How many there are of each kind.
pub(crate) async fn kinds(client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let found = gather(client, "list resources", PATH, None).await?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for item in found["items"].as_array().into_iter().flatten() {
        *counts.entry(item["kind"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let items: Vec<_> = counts.iter().map(|(kind, count)| json!({ "kind": kind, "count": count })).collect();
    let is_empty = items.is_empty();
    screen.show(&json!({ "items": items }), |kinds| {
        let mut table = Table::new(["KIND", "COUNT"]);
        for kind in kinds["items"].as_array().into_iter().flatten() {
            table.push([cell(&kind["kind"]), cell(&kind["count"])]);
        }
        table
    })?;
    match is_empty {
        true => screen.hint("no resources: neither the workflow file nor an API has made any yet"),
        false => Ok(()),
    }
}

fn table(found: &Value) -> Table {
    let mut table = Table::new(["KIND", "ID", "NAME", "STATE", "OWNER", "REGION", "UPDATED"]);
    for item in found["items"].as_array().into_iter().flatten() {
        let name = cell(&item["name"]);
        let id = cell(&item["id"]);
        table.push([
            cell(&item["kind"]),
            id.clone(),
            if name == id { String::new() } else { name },
            cell(&item["state"]),
            cell(&item["owner"]),
            cell(&item["region"]),
            moment(&item["updated"]),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_pattern_names_kinds() {
        for (pattern, kind, is) in [
            ("*", "channel", true),
            ("channel", "channel", true),
            ("channel", "medialive-channel", false),
            ("*-input", "medialive-input", true),
            ("*-input", "medialive-input-security-group", false),
            ("medialive-*", "medialive-input", true),
            ("medialive-*", "channel", false),
            ("*package*-endpoint", "mediapackagev2-endpoint", true),
            ("*package*v2*-endpoint", "mediapackage-endpoint", false),
            ("a*a", "a", false),
            ("**", "x", true),
        ] {
            assert_eq!(Kinds::matching(pattern).has(kind), is, "{pattern} {kind}");
        }
        assert!(ENDPOINTS.has("mediapackage-endpoint") && ENDPOINTS.has("mediapackagev2-endpoint"));
        assert!(ALARMS.has("cloudwatch-alarm") && DISTRIBUTIONS.has("cloudfront-distribution"));
        assert!(ENDPOINTS.has("endpoint") && DISTRIBUTIONS.has("distribution"));
        assert!(INPUTS.has("medialive-input") && !INPUTS.has("medialive-channel"));
    }

    #[test]
    fn resources_of_several_services_stand_in_one_table() {
        let item = |kind: &str, id: &str, name: &str, state: Value| {
            json!({ "kind": kind, "id": id, "region": "us-east-1", "arn": "arn:x", "name": name, "owner": "api", "state": state,
                "generation": 1, "updated": "2026-11-27T04:10:26.123Z" })
        };
        let found = json!({ "items": [
            item("cloudwatch-alarm", "errors", "errors", json!("ALARM")),
            item("medialive-input", "1234567", "camera", json!("ATTACHED")),
            item("sns-topic", "news", "news", Value::Null),
        ], "next": null });
        expect![[r#"
            KIND              ID       NAME    STATE     OWNER  REGION     UPDATED
            cloudwatch-alarm  errors           ALARM     api    us-east-1  2026-11-27T04:10:26Z
            medialive-input   1234567  camera  ATTACHED  api    us-east-1  2026-11-27T04:10:26Z
            sns-topic         news                       api    us-east-1  2026-11-27T04:10:26Z
        "#]]
        .assert_eq(&table(&found).to_string());
    }
}
