//! `headwater status`.

use serde_json::Value;

use crate::client::{Ask, Client};
use crate::table::{Table, cell};
use crate::{BaseUrl, Error, Screen};

pub(crate) async fn show(client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let answer = client.ask(Ask::new("ask for the status", "GET", "/v1/status")).await?;
    screen.show(&answer.body, |status| text(status, &client.target().url))
}

fn text(status: &Value, url: &BaseUrl) -> String {
    let list = |name: &str| status[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let services = list("services").iter().map(cell).collect::<Vec<_>>().join(", ");
    let (wanted, runs) = (cell(&status["revision"]), cell(&status["applied_revision"]));
    let revision = match wanted == runs {
        true => format!("{wanted}, all of it carried out"),
        false => format!("{wanted}, carried out up to {runs}"),
    };
    let mut text = String::new();
    for (fact, value) in [
        ("headwater", format!("{} at {url}", cell(&status["version"]))),
        ("account", cell(&status["account"])),
        ("services", services),
        ("revision", revision),
    ] {
        text += &format!("{fact:<9}  {value}\n");
    }
    let mut channels = Table::new(["CHANNEL", "ON AIR", "SOURCE", "ENCODERS", "OWNER"]);
    for channel in list("channels") {
        let fact = |name: &str| cell(&channel[name]);
        channels.push([fact("name"), fact("on_air"), fact("has_source"), fact("encoders"), fact("owner")]);
    }
    let mut refused = Table::new(["LEFT OUT", "WHY"]);
    for channel in list("refused") {
        refused.push([cell(&channel["name"]), cell(&channel["problem"])]);
    }
    match list("channels") {
        [] => text += "\nno channels run; `headwater channel create FILE` makes one\n",
        _ => text += &format!("\n{channels}"),
    }
    if !list("refused").is_empty() {
        text += &format!("\n{refused}");
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn url() -> BaseUrl {
        "http://127.0.0.1:8400".parse().expect("a URL")
    }

    #[test]
    fn a_status_tells_what_runs_and_what_was_left_out() {
        let status = json!({ "version": "0.1.0", "account": "123456789012", "services": ["medialive", "sts", "headwater"],
            "revision": 12, "applied_revision": 9,
            "channels": [
                { "name": "demo", "owner": "file", "on_air": true, "has_source": true, "encoders": 1 },
                { "name": "ml-1234567", "owner": "api", "on_air": false, "has_source": false, "encoders": 2 },
            ],
            "refused": [{ "name": "twin", "problem": "channel demo has this key" }] });
        expect![[r#"
            headwater  0.1.0 at http://127.0.0.1:8400
            account    123456789012
            services   medialive, sts, headwater
            revision   12, carried out up to 9

            CHANNEL     ON AIR  SOURCE  ENCODERS  OWNER
            demo        yes     yes     1         file
            ml-1234567  no      no      2         api

            LEFT OUT  WHY
            twin      channel demo has this key
        "#]]
        .assert_eq(&text(&status, &url()));
    }

    #[test]
    fn where_nothing_runs_it_says_how_to_begin() {
        let status = json!({ "version": "0.1.0", "account": "1", "services": ["sts"], "revision": 2, "applied_revision": 2,
            "channels": [], "refused": [] });
        expect![[r#"
            headwater  0.1.0 at http://127.0.0.1:8400
            account    1
            services   sts
            revision   2, all of it carried out

            no channels run; `headwater channel create FILE` makes one
        "#]]
        .assert_eq(&text(&status, &url()));
    }
}
