//! The operator's orders to this process, over a unix socket that is its owner's alone. One line asks, one answers.
//!
//! `switch {channel} primary|backup|auto`: shows an input whatever becomes of it, or lets the channel choose again.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use daemon::{Drain, listen};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

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
pub fn serve(listener: UnixListener, selectors: Selectors, drain: Drain) {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // One after the other: an answer takes no time.
                stream = listen::accept(&listener) => drop(answer(stream, &selectors).await),
                () = drain.requested() => return,
            }
        }
    });
}

async fn answer(mut stream: UnixStream, selectors: &Selectors) -> io::Result<()> {
    let mut line = String::new();
    let mut lines = BufReader::new((&mut stream).take(MAX_LINE));
    let read = lines.read_line(&mut line);
    tokio::time::timeout(ASK_LIMIT, read).await.map_err(io::Error::other)??;
    let said = match order(&line, selectors) {
        Ok(said) => said,
        Err(fault) => format!("{FAILED}{fault}"),
    };
    stream.write_all(format!("{said}\n").as_bytes()).await
}

/// Carries out one order; what is said to it.
fn order(line: &str, selectors: &Selectors) -> Result<String, String> {
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
    tracing::info!(channel = %channel, input, "the operator chose an input");
    Ok(match side {
        Some(side) => format!("{channel}: {} is shown until `auto`", side.as_str()),
        None => format!("{channel}: the channel chooses its input"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_channel_with_a_backup_and_an_input() {
        let selector = Selector::default();
        let selectors = Selectors::from([("main".to_owned(), selector.clone())]);
        assert_eq!(
            order("switch main backup\n", &selectors),
            Ok("main: backup is shown until `auto`".to_owned())
        );
        assert_eq!(selector.chosen(), Some(Side::Backup));
        assert!(order("switch other backup", &selectors).is_err());
        assert!(order("switch main third", &selectors).is_err());
        assert!(order("", &selectors).is_err());
        assert_eq!(selector.chosen(), Some(Side::Backup), "a bad order changes nothing");
        order("switch main auto", &selectors).expect("valid");
        assert_eq!(selector.chosen(), None);
    }
}
