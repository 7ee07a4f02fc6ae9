//! What the stack says happened: its log, line by line, as JSON.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Follows a log that grows.
#[derive(Debug)]
pub struct Events {
    file: File,
    /// A line that is not whole yet.
    rest: Vec<u8>,
    lines: Vec<Value>,
}

impl Events {
    /// From the log's beginning.
    pub fn follow(log: &Path) -> std::io::Result<Self> {
        Ok(Self { file: File::open(log)?, rest: Vec::new(), lines: Vec::new() })
    }

    /// Passes over all that was said so far.
    pub fn now(&mut self) {
        self.rest.clear();
        self.lines.clear();
        let _ = self.file.seek(SeekFrom::End(0));
    }

    /// The first line from here on that `is` what is looked for; `None` when `patience` has passed. Lines before it are gone then,
    /// where there is none they are all kept.
    pub fn wait(&mut self, patience: Duration, is: impl Fn(&Value) -> bool) -> Option<Value> {
        let end = Instant::now() + patience;
        loop {
            self.read();
            if let Some(at) = self.lines.iter().position(&is) {
                return self.lines.drain(..=at).next_back();
            }
            if Instant::now() > end {
                return None;
            }
            thread::sleep(INTERVAL);
        }
    }

    fn read(&mut self) {
        // A log that cannot be read says nothing, and whoever waits gives up.
        let _ = self.file.read_to_end(&mut self.rest);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            // Words for people stand between the lines of JSON.
            self.lines.extend(serde_json::from_slice::<Value>(&line));
        }
    }
}

/// Whether a line is this event in this state.
pub fn is_event(line: &Value, event: &str, state: &str) -> bool {
    line["event"] == event && line["state"] == state
}
