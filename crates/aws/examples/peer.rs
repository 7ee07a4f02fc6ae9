//! Answers the peer (`tests/peer`) line by line: requests in, values out, and the other way.

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, Write};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = serde_json::from_str(&line?).expect("a line is JSON");
        writeln!(out, "{}", support::answer(&line))?;
        out.flush()?;
    }
    Ok(())
}
