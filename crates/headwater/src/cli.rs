//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Live video from camera to viewer on machines you own.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "\
Try it:
  headwater up                          the demo, at http://localhost:8080/demo/
  headwater up --source clip.mp4        the same with your own file, repeated
  headwater up my.toml                  your channels
  headwater up --check my.toml          say what would run, and what is wrong with the file

The smallest useful file:
  [[channel]]
  name = \"main\"
  input = { rtmp = \"live/main\" }            # push to rtmp://this-machine:1935/live/main
  ladder = [\"1080p30\", \"720p30\", \"480p30\"]  # or \"passthrough\"

Logs: HEADWATER_LOG sets the filter (info, debug, warn,ingest=debug), HEADWATER_LOG_FORMAT=json the form."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every role on this machine, restart what fails, and stop everything on Ctrl-C
    Up(Up),
    /// Run the ingest role alone: RTMP publishers in, samples out to encoders
    Ingest(Role),
    /// Run the origin role alone: CMAF in, HLS and DASH out
    Origin(Role),
    /// Run the edge role alone: the caching node viewers talk to
    Edge(Role),
}

/// Options of `up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Workflow file; without one and without ./headwater.toml, the demo runs
    pub(crate) file: Option<PathBuf>,
    /// Folder for the live window and run-time sockets
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Read the file, print what would run, start nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// The demo, whatever ./headwater.toml says, with this media file, repeated; `test` is the test pattern
    #[arg(long, value_name = "FILE|test", conflicts_with = "file")]
    pub(crate) source: Option<PathBuf>,
}

/// Options of a role that runs alone.
#[derive(Debug, Args)]
pub(crate) struct Role {
    /// Workflow file
    #[arg(long, value_name = "FILE", default_value = "headwater.toml")]
    pub(crate) workflow: PathBuf,
    /// Folder for the live window and run-time sockets
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
}
