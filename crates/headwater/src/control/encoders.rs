//! This machine's encoders, for the services that look at them and start them anew.

use std::time::Duration;

use daemon::lines;
use media::{ChannelName, Utc};
use medialive::{Outcome, Thumbnail};
use tokio::time::{Instant, sleep};

use crate::plan::{Layout, encoder_names};
use crate::supervise::control as desk;

/// How long an encoder that was started anew may take until it shows something. Past it nothing is wrong: its source may be away, or
/// it makes up for what it missed.
const SHOWS_AGAIN: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// The encoders of this machine's supervisor.
pub(super) struct Encoders {
    layout: Layout,
}

impl Encoders {
    pub(super) fn of(layout: &Layout) -> Self {
        Self { layout: layout.clone() }
    }

    /// What the process shows.
    async fn look(&self, process: &str, channel: &str) -> Result<Thumbnail, String> {
        let socket = self.layout.encoder_control(process);
        let said = lines::ask_from_task(socket, format!("picture {channel}")).await;
        let said = said.map_err(|fault| daemon::words(&fault))?;
        let seen = said.split_once(' ').and_then(|(at, jpeg)| Some((at.parse().ok()?, jpeg)));
        let (at, jpeg) = seen.ok_or("the encoder does not speak as it should")?;
        Ok(Thumbnail { at: Utc(at), jpeg: jpeg.to_owned() })
    }
}

impl medialive::Encoders for Encoders {
    fn picture<'a>(&'a self, channel: &'a str, pipeline: u8) -> Outcome<'a, Thumbnail> {
        Box::pin(async move { self.look(&process(channel, pipeline)?, channel).await })
    }

    fn restart<'a>(&'a self, channel: &'a str, pipeline: u8) -> Outcome<'a, ()> {
        Box::pin(async move {
            let process = process(channel, pipeline)?;
            let order = format!("{} {process}", desk::RESTART_ENCODER);
            let done = lines::ask_from_task(self.layout.control_socket(), order).await;
            done.map_err(|fault| daemon::words(&fault))?;
            let until = Instant::now() + SHOWS_AGAIN;
            while self.look(&process, channel).await.is_err() && Instant::now() < until {
                sleep(LOOK).await;
            }
            Ok(())
        })
    }
}

/// The name of a channel's encoder process.
fn process(channel: &str, pipeline: u8) -> Result<String, String> {
    let name: ChannelName = channel.parse().map_err(|_| format!("`{channel}` is no channel's name"))?;
    let [first, second] = encoder_names(&name);
    Ok(if pipeline == 0 { first } else { second })
}
