//! `headwater channel`.

use media::ChannelName;
use serde_json::{Value, json};

use crate::client::{Ask, Client};
use crate::command::{ChannelOrder, Create};
use crate::pages::gather;
use crate::table::{Table, cell, moment};
use crate::{Error, Screen, channel_file};

const NONE: &str =
    "no channels; make one with `headwater channel create FILE`, or write a [[channel]] in the workflow file";

pub(crate) async fn run(order: &ChannelOrder, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    match order {
        ChannelOrder::Ls(_) => list(client, screen).await,
        ChannelOrder::Show(show) => {
            let path = path(&show.name, "");
            let ask = Ask::new(format!("show channel {}", show.name), "GET", &path);
            screen.show(&client.ask(ask).await?.body, described)
        }
        ChannelOrder::Start(names) => order_each(client, screen, &names.names, "start").await,
        ChannelOrder::Stop(names) => order_each(client, screen, &names.names, "stop").await,
        ChannelOrder::Rm(names) => {
            for name in &names.names {
                let path = path(name, "");
                client.ask(Ask::new(format!("remove channel {name}"), "DELETE", &path)).await?;
                screen.say(&format!("{name}: removed"))?;
            }
            Ok(())
        }
        ChannelOrder::Create(create) => make(create, client, screen).await,
    }
}

fn path(name: &ChannelName, order: &str) -> String {
    format!("/v1/channels/{name}{order}")
}

async fn list(client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let channels = gather(client, "list channels", "/v1/channels", None).await?;
    screen.show(&channels, table)?;
    match channels["items"].as_array().is_some_and(Vec::is_empty) {
        true => screen.hint(NONE),
        false => Ok(()),
    }
}

fn table(channels: &Value) -> Table {
    let mut table = Table::new(["NAME", "STATE", "SOURCE", "ENCODERS", "OWNER", "UPDATED", "PROBLEM"]);
    for channel in channels["items"].as_array().into_iter().flatten() {
        table.push([
            cell(&channel["name"]),
            cell(&channel["state"]),
            cell(&channel["has_source"]),
            cell(&channel["encoders"]),
            cell(&channel["owner"]),
            moment(&channel["updated"]),
            cell(&channel["problem"]),
        ]);
    }
    table
}

/// How a channel is, a line a fact, and its settings as the workflow file has them.
fn described(channel: &Value) -> String {
    let moments = ["created", "updated"];
    let facts = ["name", "state", "problem", "owner", "has_source", "encoders", "generation"].into_iter();
    let facts = facts.map(|fact| (fact, cell(&channel[fact])));
    let facts = facts.chain(moments.map(|fact| (fact, moment(&channel[fact]))));
    let mut text = String::new();
    for (fact, value) in facts.filter(|(_, value)| !value.is_empty()) {
        text += &format!("{:<10}  {value}\n", fact.replace('_', " "));
    }
    let mut settings = channel["channel"].clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.insert("name".to_owned(), channel["name"].clone());
    }
    // JSON's null is the one thing that TOML has not, and no setting is.
    let settings =
        toml::to_string(&json!({ "channel": [&settings] })).unwrap_or_else(|_| settings.to_string());
    text + "\n" + &settings
}

async fn order_each(
    client: &Client,
    screen: &mut Screen<'_>,
    names: &[ChannelName],
    order: &'static str,
) -> Result<(), Error> {
    for name in names {
        let path = path(name, &format!("/{order}"));
        let answer = client.ask(Ask::new(format!("{order} channel {name}"), "POST", &path)).await?;
        screen.show(&answer.body, |channel| {
            // What was seen before the order tells nothing of it.
            let is_told = channel["observed_generation"] == channel["generation"];
            match (order, is_told) {
                (_, true) => format!("{name}: {}\n", cell(&channel["state"])),
                ("start", false) => format!("{name}: starting\n"),
                (_, false) => format!("{name}: stopping\n"),
            }
        })?;
    }
    Ok(())
}

async fn make(create: &Create, client: &Client, screen: &mut Screen<'_>) -> Result<(), Error> {
    let text = channel_file::text(&create.file)?;
    let wanted = channel_file::read(&create.file, &text, create.name.as_ref())?;
    for channel_file::Wanted { name, body } in &wanted {
        let path = path(name, "");
        let ask = Ask {
            body: Some(body),
            is_only_if_absent: !create.replace,
            ..Ask::new(format!("create channel {name}"), "PUT", &path)
        };
        let answer = client.ask(ask).await.map_err(|error| already(error, name))?;
        screen.show(&answer.body, |_| match answer.status {
            201 => format!("{name}: made, and starting\n"),
            _ => format!("{name}: has these settings\n"),
        })?;
    }
    Ok(())
}

/// A condition that does not hold means here: it is there.
fn already(mut error: Error, name: &ChannelName) -> Error {
    if let Error::Refused { refusal, .. } = &mut error
        && refusal.code == "Stale"
    {
        refusal.detail = format!("there is a channel {name} already; --replace gives it these settings");
    }
    error
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_list_tells_how_each_channel_is() {
        let channel = |name: &str, state: &str, owner: &str, updated: Value| {
            json!({ "name": name, "owner": owner, "started": true, "state": state, "problem": null, "has_source": true,
                "encoders": 1, "generation": 3, "created": updated, "updated": updated })
        };
        let items = json!({ "items": [
            channel("demo", "running", "file", Value::Null),
            channel("main", "starting", "api", json!("2026-11-27T04:10:26.123Z")),
        ], "next": null });
        expect![[r#"
            NAME  STATE     SOURCE  ENCODERS  OWNER  UPDATED
            demo  running   yes     1         file
            main  starting  yes     1         api    2026-11-27T04:10:26Z
        "#]]
        .assert_eq(&table(&items).to_string());
    }

    #[test]
    fn a_channel_is_shown_with_its_settings_as_the_workflow_file_has_them() {
        let channel = json!({ "name": "main", "owner": "api", "started": true, "state": "refused",
            "problem": "another channel has this key", "has_source": false, "encoders": 0, "generation": 3,
            "created": "2026-11-27T04:10:26.123Z", "updated": "2026-11-27T04:10:27.000Z",
            "channel": { "input": { "rtmp": "live/key" }, "ladder": ["720p30"], "segment": 2.5 } });
        let text = described(&channel);
        expect![[r#"
            name        main
            state       refused
            problem     another channel has this key
            owner       api
            has source  no
            encoders    0
            generation  3
            created     2026-11-27T04:10:26Z
            updated     2026-11-27T04:10:27Z

            [[channel]]
            ladder = ["720p30"]
            name = "main"
            segment = 2.5

            [channel.input]
            rtmp = "live/key"
        "#]]
        .assert_eq(&text);
        let settings = text.split_once("\n\n").expect("two parts").1;
        let again = channel_file::read("a".as_ref(), settings, None).expect("what it shows can be created");
        assert_eq!((again.len(), again[0].name.as_str()), (1, "main"));
    }
}
