//! The operator's orders to this process, over a unix socket that is its owner's alone. One line asks, one answers.
//!
//! `switch {channel} primary|backup|auto`: shows an input whatever becomes of it, or lets the channel choose again. The
//! supervisor is told, so that the process after this one goes on with it.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use daemon::{Drain, listen};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::pulse::Pulse;
use crate::transcode::{Selector, Side};

/// Longest line taken, in bytes: a channel's name and two words.
const MAX_LINE: u64 = 256;
/// A client that has not asked by then is let go.
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// How an answer begins that is not what was asked for.
const FAILED: &str = "failed: ";

/// Channels with two inputs, by name.
pub type Selectors = BTreeMap<String, Selector>;

/// Answers on `listener` until the drain. Call inside a tokio runtime.
pub fn serve(listener: UnixListener, selectors: Selectors, pulse: Pulse, drain: Drain) {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // One after the other: an answer takes no time.
                stream = listen::accept(&listener) => drop(answer(stream, &selectors, &pulse).await),
                () = drain.requested() => return,
            }
        }
    });
}

async fn answer(mut stream: UnixStream, selectors: &Selectors, pulse: &Pulse) -> io::Result<()> {
    let mut line = String::new();
    let mut lines = BufReader::new((&mut stream).take(MAX_LINE));
    let read = lines.read_line(&mut line);
    tokio::time::timeout(ASK_LIMIT, read).await.map_err(io::Error::other)??;
    let said = match order(&line, selectors, pulse) {
        Ok(said) => said,
        Err(fault) => format!("{FAILED}{fault}"),
    };
    stream.write_all(format!("{said}\n").as_bytes()).await
}

/// Carries out one order; what is said to it.
fn order(line: &str, selectors: &Selectors, pulse: &Pulse) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["switch", channel, input] = words.as_slice() else {
        return Err("no such order; there is: switch CHANNEL primary|backup|auto".to_owned());
    };
    let side = match *input {
        "primary" => Some(Side::Primary),
        "backup" => Some(Side::Backup),
        "auto" => None,
        _ => return Err(format!("`{input}` is none of primary, backup and auto")),
    };
    let selector = selectors.get(*channel).ok_or_else(|| format!("channel `{channel}` has no backup"))?;
    selector.choose(side);
    pulse.chose(side.map(Into::into));
    tracing::info!(channel = %channel, input, "the operator chose an input");
    Ok(match side {
        Some(side) => format!("{channel}: {} is shown until `auto`", side.as_str()),
        None => format!("{channel}: the channel chooses its input"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use wire::report::{REPORT_BYTES, Report};
    use wire::sample_stream::FeedInput;

    use super::*;

    #[test]
    fn an_order_names_a_channel_with_a_backup_and_an_input() {
        let selector = Selector::default();
        let selectors = Selectors::from([("main".to_owned(), selector.clone())]);
        let order = |line: &str| super::order(line, &selectors, &Pulse::default());
        assert_eq!(order("switch main backup\n"), Ok("main: backup is shown until `auto`".to_owned()));
        assert_eq!(selector.chosen(), Some(Side::Backup));
        assert!(order("switch other backup").is_err());
        assert!(order("switch main third").is_err());
        assert!(order("").is_err());
        assert_eq!(selector.chosen(), Some(Side::Backup), "a bad order changes nothing");
        order("switch main auto").expect("valid");
        assert_eq!(selector.chosen(), None);
    }

    #[test]
    fn the_supervisor_is_told_what_the_operator_chose() {
        let (mut supervisor, line) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let pulse = Pulse::on(Some(line.into()));
        let selectors = Selectors::from([("main".to_owned(), Selector::default())]);
        for (word, input) in
            [("backup", Some(FeedInput::Backup)), ("primary", Some(FeedInput::Primary)), ("auto", None)]
        {
            assert!(super::order(&format!("switch main {word}"), &selectors, &pulse).is_ok());
            let mut bytes = [0; REPORT_BYTES];
            supervisor.read_exact(&mut bytes).expect("something is told");
            assert_eq!(Report::decode(&bytes), Ok(Report::Chosen { input }));
        }
    }
}
