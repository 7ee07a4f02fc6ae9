//! What is told of the account, of versions, and of what is wrong.

use aws::{Error, Map, Value};
use door::Caller;

use crate::channel::WHAT;
use crate::describe::VERSION;
use crate::elsewhere;
use crate::medialive::MediaLive;
use crate::page::{self, Asked};
use crate::refusal::bad_request;
use crate::state::Report;
use crate::stored::CHANNEL;

impl MediaLive {
    /// No key of the customer's encrypts anything here.
    pub(crate) async fn account_configuration(&self) -> Result<Map, Error> {
        Ok(Map::new().with("AccountConfiguration", Map::new()))
    }

    /// Takes what changes nothing, so that scripts which set it go on.
    pub(crate) async fn update_account_configuration(&self, input: Map) -> Result<Map, Error> {
        let asked = input.get("AccountConfiguration").and_then(Value::as_map);
        match asked.and_then(|asked| asked.text("KmsKeyId")).filter(|key| !key.is_empty()) {
            Some(_) => Err(bad_request("accountConfiguration.kmsKeyId: there is no KMS here; leave it out")),
            None => self.account_configuration().await,
        }
    }

    pub(crate) async fn versions(&self) -> Result<Map, Error> {
        Ok(Map::new().with("Versions", vec![Value::from(Map::new().with("Version", VERSION))]))
    }

    pub(crate) async fn list_alerts(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let asked = Asked::of(&input)?;
        let filter = input.text("StateFilter").filter(|filter| !filter.is_empty()).unwrap_or("SET,CLEARED");
        let states: Vec<&str> = filter.split(',').map(str::trim).collect();
        if let Some(other) = states.iter().find(|state| !matches!(**state, "SET" | "CLEARED")) {
            return Err(bad_request(format!("stateFilter: {other} is neither SET nor CLEARED")));
        }
        let id = input.text("ChannelId").unwrap_or_default();
        let alerts = match self.other_channel(id).await? {
            Some(other) => elsewhere::alerts(&other),
            None => Report::of(&self.find(caller, CHANNEL, id, WHAT).await?).unwrap_or_default().alerts,
        };
        // The newest first.
        let alerts = alerts.iter().rev().filter(|alert| states.contains(&alert.state()));
        let (items, next) = asked.cut(alerts.map(|alert| alert.map()));
        Ok(page::answer("Alerts", items, next))
    }
}
