//! The operator's orders to this process, over a unix socket that is its owner's alone. One line asks, one answers.
//!
//! - `switch CHANNEL primary|backup|auto`: shows an input whatever becomes of it, or lets the channel choose again. The supervisor is
//!   told, so that the process after this one goes on with it.
//! - `picture CHANNEL`: what it shows now: the picture's time, in microseconds since the epoch, and a JPEG file in Base64.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daemon::{Drain, lines};
use tokio::net::UnixListener;
use tokio::time::timeout;

use crate::pulse::Pulse;
use crate::transcode::{Preview, Selector, Side};

const ORDERS: &str = "switch CHANNEL primary|backup|auto, picture CHANNEL";
/// How long the next picture is waited for: any channel that runs shows many in that time.
const PICTURE_WAIT: Duration = Duration::from_secs(2);

/// What can be ordered of one channel.
#[derive(Clone, Debug, Default)]
pub struct Handles {
    /// Chooses its input, where it has two.
    pub selector: Option<Selector>,
    /// Shows what it shows.
    pub preview: Preview,
}

/// Channels by name.
pub type Channels = BTreeMap<String, Handles>;

/// Answers on `listener` until the drain. Call inside a tokio runtime.
pub fn serve(listener: UnixListener, channels: Channels, pulse: Pulse, drain: Drain) {
    let channels = Arc::new(channels);
    lines::serve_on(listener, drain, move |line| {
        let (channels, pulse) = (channels.clone(), pulse.clone());
        async move { order(&line, &channels, &pulse).await }
    });
}

/// Carries out one order; what is said to it.
async fn order(line: &str, channels: &Channels, pulse: &Pulse) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let find =
        |channel: &str| channels.get(channel).ok_or_else(|| format!("there is no channel `{channel}`"));
    match words.as_slice() {
        ["switch", channel, input] => switch(channel, find(channel)?, input, pulse),
        ["picture", channel] => picture(&find(channel)?.preview).await,
        _ => Err(format!("no such order; there is: {ORDERS}")),
    }
}

fn switch(channel: &str, handles: &Handles, input: &str, pulse: &Pulse) -> Result<String, String> {
    let side = match input {
        "primary" => Some(Side::Primary),
        "backup" => Some(Side::Backup),
        "auto" => None,
        _ => return Err(format!("`{input}` is none of primary, backup and auto")),
    };
    let selector = handles.selector.as_ref().ok_or_else(|| format!("channel `{channel}` has no backup"))?;
    selector.choose(side);
    pulse.chose(side.map(Into::into));
    tracing::info!(channel = %channel, input, "the operator chose an input");
    Ok(match side {
        Some(side) => format!("{channel}: {} is shown until `auto`", side.as_str()),
        None => format!("{channel}: the channel chooses its input"),
    })
}

async fn picture(preview: &Preview) -> Result<String, String> {
    let seen = timeout(PICTURE_WAIT, preview.look()).await.ok().flatten();
    let sight = seen.ok_or("nothing is shown")?;
    let at = sight.at.0;
    let file = tokio::task::spawn_blocking(move || sight.jpeg()).await;
    let file = file.map_err(|fault| fault.to_string())?.map_err(|fault| fault.to_string())?;
    Ok(format!("{at} {}", STANDARD.encode(file)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use wire::report::{REPORT_BYTES, Report};
    use wire::sample_stream::FeedInput;

    use super::*;

    fn channels(selector: &Selector) -> Channels {
        let both = Handles { selector: Some(selector.clone()), preview: Preview::default() };
        Channels::from([("main".to_owned(), both), ("single".to_owned(), Handles::default())])
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_names_a_channel_with_a_backup_and_an_input() {
        let selector = Selector::default();
        let channels = channels(&selector);
        let order = async |line: &str| super::order(line, &channels, &Pulse::default()).await;
        assert_eq!(order("switch main backup").await, Ok("main: backup is shown until `auto`".to_owned()));
        assert_eq!(selector.chosen(), Some(Side::Backup));
        assert!(order("switch other backup").await.is_err());
        assert_eq!(order("switch single backup").await, Err("channel `single` has no backup".to_owned()));
        assert!(order("switch main third").await.is_err());
        assert!(order("").await.is_err());
        assert_eq!(selector.chosen(), Some(Side::Backup), "a bad order changes nothing");
        order("switch main auto").await.expect("valid");
        assert_eq!(selector.chosen(), None);
        assert_eq!(order("picture single").await, Err("nothing is shown".to_owned()));
    }

    #[tokio::test]
    async fn the_supervisor_is_told_what_the_operator_chose() {
        let (mut supervisor, line) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let pulse = Pulse::on(Some(line.into()));
        let channels = channels(&Selector::default());
        for (word, input) in
            [("backup", Some(FeedInput::Backup)), ("primary", Some(FeedInput::Primary)), ("auto", None)]
        {
            assert!(super::order(&format!("switch main {word}"), &channels, &pulse).await.is_ok());
            let mut bytes = [0; REPORT_BYTES];
            supervisor.read_exact(&mut bytes).expect("something is told");
            assert_eq!(Report::decode(&bytes), Ok(Report::Chosen { input }));
        }
    }
}
