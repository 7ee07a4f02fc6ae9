use std::collections::BTreeSet;

use serde_json::{Value, json};
use spec::Workflow;

use crate::home::{Home, id, seed};

/// Pseudo-random numbers (xorshift), so that a seed says all.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, all: &'a [String]) -> &'a str {
        if all.is_empty() { "1234567" } else { &all[self.roll(all.len())] }
    }
}

/// One call of any kind; what is made is added to what there is.
async fn call(home: &Home, dice: &mut Dice, inputs: &mut Vec<String>, channels: &mut Vec<String>) {
    let stream = |dice: &mut Dice| json!({"streamName": format!("live/{}", dice.roll(4))});
    let channel = dice.pick(channels).to_owned();
    let input = dice.pick(inputs).to_owned();
    let (path, none) = (format!("/prod/channels/{channel}"), Value::Null);
    let (status, told) = match dice.roll(10) {
        0 => {
            let mut destinations = vec![stream(dice)];
            if dice.roll(2) == 0 {
                destinations.push(stream(dice));
            }
            home.call("POST", "/prod/inputs", json!({"type": "RTMP_PUSH", "destinations": destinations}))
                .await
        }
        1 => home.call("POST", "/prod/inputs", json!({"type": "RTP_PUSH"})).await,
        2 => home.call("POST", "/prod/channels", seed(&input)).await,
        3 => {
            let update = json!({"inputAttachments": seed(&input)["inputAttachments"]});
            home.call("PUT", &path, update).await
        }
        4 | 5 => home.call("POST", &format!("{path}/start"), none).await,
        6 => home.call("POST", &format!("{path}/stop"), none).await,
        7 => home.call("DELETE", &path, none).await,
        8 => home.call("DELETE", &format!("/prod/inputs/{input}"), none).await,
        _ => {
            home.call("PUT", &format!("/prod/inputs/{input}"), json!({"destinations": [stream(dice)]})).await
        }
    };
    assert!(status < 500, "{status} {told}");
    if status == 201 {
        if told["input"].is_object() {
            inputs.push(id(&told["input"]));
        } else {
            channels.push(id(&told["channel"]));
        }
    }
}

/// What has to hold whatever was called.
async fn holds(home: &Home) {
    let wanted = home.wanted().await;
    if !wanted.is_empty() {
        let tables = wanted.iter().map(|text| toml::Value::Table(text.parse().expect("a table")));
        let file = door::table([("channel", toml::Value::Array(tables.collect()))]);
        Workflow::parse(&toml::to_string(&file).expect("text"))
            .expect("all that is wanted can run side by side");
    }
    let channels = home.ok("GET", "/prod/channels", Value::Null).await;
    let inputs = home.ok("GET", "/prod/inputs", Value::Null).await;
    let each = |list: &Value| list.as_array().expect("a list").clone();
    let mut told = BTreeSet::new();
    for input in each(&inputs["inputs"]) {
        for channel in each(&input["attachedChannels"]) {
            told.insert((id(&input), channel.as_str().expect("an id").to_owned()));
        }
        assert_eq!(input["state"] == "ATTACHED", !each(&input["attachedChannels"]).is_empty());
    }
    let mut attached = BTreeSet::new();
    for channel in each(&channels["channels"]) {
        for attachment in each(&channel["inputAttachments"]) {
            attached.insert((attachment["inputId"].as_str().expect("an id").to_owned(), id(&channel)));
        }
    }
    assert_eq!(told, attached);
    // Whoever publishes has a place; what is deleted has none any more.
    let (_, resources) = home.store.every().await.expect("resources");
    let alive =
        |kind: &str| resources.iter().filter(|one| one.key.kind() == kind && one.deleted.is_none()).count();
    let places: usize = each(&inputs["inputs"]).iter().map(|input| each(&input["destinations"]).len()).sum();
    assert_eq!(alive("medialive-claim"), places + wanted.len());
}

#[tokio::test]
async fn whatever_is_called_what_is_kept_agrees_with_itself_and_can_run() {
    let (mut ran, mut made) = (0, 0);
    for seed in 1..=8 {
        let home = Home::new().await;
        let mut dice = Dice(seed * 0x9e37_79b9);
        let (mut inputs, mut channels) = (Vec::new(), Vec::new());
        for _ in 0..40 {
            call(&home, &mut dice, &mut inputs, &mut channels).await;
            if dice.roll(3) == 0 {
                let names: Vec<_> = channels.iter().map(|channel| format!("ml-{channel}")).collect();
                let sight = |name: &String| (name.clone(), dice.roll(2) as u8);
                let all: Vec<_> = names.iter().map(sight).collect();
                home.look(&all.iter().map(|(name, encoders)| (name.as_str(), *encoders)).collect::<Vec<_>>())
                    .await;
            }
            holds(&home).await;
            ran += home.wanted().await.len();
        }
        made += channels.len();
    }
    assert!(ran > 30 && made > 10, "{ran} of {made}");
}
