//! The words of the command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

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
  headwater edge --origin http://host   the caching edge alone, in front of any HTTP origin

While it runs:
  headwater plan my.toml                what an edited file would change
  headwater apply my.toml               change it, at once
  headwater status                      what runs, and what was left out
  headwater channel create main.toml    another channel, at once
  headwater channel ls

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
    /// Say what a workflow file would change, and change nothing
    Plan(Plan),
    /// Give the `headwater up` that runs another workflow file: make, change and remove what differs
    Apply(Apply),
    /// Start the edge of a running `headwater up` again, dropping nobody: the same program file, perhaps a newer version
    Restart(Restart),
    /// Show a channel's primary or backup input whatever becomes of it, or let the channel choose again
    Switch(Switch),
    /// Say which inputs are left out because they killed encoders, or take those of a channel again
    Quarantine(Quarantine),
    /// Tell what happens to channels and processes: conditions that began and those that are over
    Events(Events),
    #[command(flatten)]
    Api(api_client::Command),
    /// Run the ingest role alone: RTMP and SRT publishers in, samples out to encoders
    Ingest(Role),
    /// Run the origin role alone: CMAF in, HLS and DASH out
    Origin(Role),
    /// Run the edge alone: the caching node viewers talk to, in front of any HTTP origin
    Edge(Box<Edge>),
    /// Run the control role of a `headwater up`: the native and the AWS APIs
    #[command(hide = true)]
    Control(Role),
    /// Print what AWS's clients need to come here: exports for a shell, a profile, or a Terraform provider
    AwsEnv(AwsEnv),
    /// Write all that control keeps, as it is at one moment, to a file: resources, users, keys, audit log
    Backup(Backup),
    /// Put a backup where control keeps what it knows: SQLite or PostgreSQL, whichever it came from
    Restore(Restore),
    /// Take objects out of the edge's cache, by path or by all that begins so
    Purge(Purge),
    /// Make a token with which viewers may watch what an edge gives only to those who have one, or a key for tokens
    Token(Token),
    /// Print what makes a shell complete the words of this command
    Completions(Completions),
}

/// Options of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Where each shell looks:
  bash: headwater completions bash > ~/.local/share/bash-completion/completions/headwater
  zsh:  headwater completions zsh > ~/.zfunc/_headwater     with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  fish: headwater completions fish > ~/.config/fish/completions/headwater.fish

For this session alone: source <(headwater completions bash)")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: CompletedShell,
}

/// A shell that completes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CompletedShell {
    /// GNU Bash, with bash-completion
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
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

/// Options of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater plan my.toml                          + made, ~ changed, - removed; `no changes` where there is nothing to do
  headwater plan my.toml && headwater apply my.toml
  headwater plan --exit-code my.toml || alert     for scripts: is what runs still what the file says?

Status 0; with --exit-code 3 where something would change. 1 where the file cannot be applied, with the reason.
What APIs made is left alone, and stream keys are never shown.")]
pub(crate) struct Plan {
    /// Workflow file [default: headwater.toml]
    pub(crate) file: Option<PathBuf>,
    /// Folder of the `headwater up` whose store it is held against
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// End with status 3 where something would change
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Options of `apply`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater apply my.toml      what was edited since: channels, endpoints and distributions, all of it or nothing

Channels that stay as they are go on, and so does what APIs made. [listen], [edge], [encoder] and [control] hold until
`headwater up` is started again. Paths in the file are relative to the folder of the one that `up` was given.")]
pub(crate) struct Apply {
    /// Workflow file [default: headwater.toml]
    pub(crate) file: Option<PathBuf>,
    /// The data folder that `up` was given
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// Options of `restart`.
#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// What to start again
    #[arg(value_enum)]
    pub(crate) role: Restartable,
    /// The data folder that `up` was given
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// Options of `switch`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater switch main backup     the backup, from the next frame on, until told otherwise
  headwater switch main auto       whichever [channel.failover] says")]
pub(crate) struct Switch {
    /// The channel, which has a `backup`
    pub(crate) channel: media::ChannelName,
    /// What to show
    #[arg(value_enum)]
    pub(crate) input: SwitchTo,
    /// The data folder that `up` was given
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// Options of `events`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater events -f                        everything since the start (the latest 1,000), and what comes
  headwater events --json | jq .event        one JSON object a line
  curl -N http://127.0.0.1:9400/events       the same as server-sent events

docs/events.md names every event.")]
pub(crate) struct Events {
    /// Go on with what comes
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Of this channel alone
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: Option<media::ChannelName>,
    /// The data folder that `up` was given
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// What a channel can be told to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SwitchTo {
    /// Its `input`
    Primary,
    /// Its `backup`
    Backup,
    /// What its failover settings choose
    Auto,
}

/// Options of `quarantine`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater quarantine list             channels, and which of their inputs are left out
  headwater quarantine release main     take them again; the encoder is started anew, viewers see nothing of it

An input that killed its encoder three times within a minute is left out, until another publisher comes or it is released.
What it sent last lies in quarantine/ under --data, for its owner alone. More: docs/operations.md.")]
pub(crate) struct Quarantine {
    /// What to do
    #[command(subcommand)]
    pub(crate) order: QuarantineOrder,
    /// The data folder that `up` was given
    #[arg(long, value_name = "DIR", default_value = "data", global = true)]
    pub(crate) data: PathBuf,
}

/// What can be done about quarantine.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineOrder {
    /// Say what is left out
    List,
    /// Take a channel's inputs again
    Release {
        /// The channel
        channel: media::ChannelName,
    },
}

/// A role that can be started again while it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Restartable {
    /// The edge: a second one starts on the same listeners, then the first drains
    Edge,
}

/// Options of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater backup /backups/headwater-$(date +%F).db     while everything runs; a file that is there is not written over
  headwater restore /backups/headwater-2026-01-31.db     once `headwater up` has stopped

It is one SQLite file for its owner alone, whatever the store is. Secrets in it are sealed with control/master.key of the data
folder, which is not in it: keep a copy of that elsewhere, for without it no secret opens and the store is of no use.
Media and what metrics were are not in it either. More: docs/control.md.")]
pub(crate) struct Backup {
    /// The file to be made
    pub(crate) file: PathBuf,
    /// The data folder that `up` was given
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Workflow file whose `[control] store` is meant [default: what `up` ran last in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) workflow: Option<PathBuf>,
}

/// Options of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
On a new machine:
  install -D -m 600 master.key data/control/master.key   the key that the backup's secrets are sealed with
  headwater restore backup.db && headwater up my.toml

From SQLite to PostgreSQL (and back the same way):
  headwater backup moving.db                             then stop `headwater up`
  headwater restore moving.db --workflow my.toml         in which [control] store = \"postgres://…\"
  headwater up my.toml

A store that has something in it is kept unless --force is said; a file is then moved aside, to headwater.db.replaced, and what is in
a PostgreSQL database is gone.")]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The data folder that `up` is given
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Workflow file whose `[control] store` is meant [default: what `up` ran last in the data folder, or else
    /// control/headwater.db in it]
    #[arg(long, value_name = "FILE")]
    pub(crate) workflow: Option<PathBuf>,
    /// Put it in place of what is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Options of `aws-env`.
#[derive(Debug, Args)]
#[command(after_help = "\
Try it:
  eval \"$(headwater aws-env)\"                         boto3, the aws CLI and the SDKs come here from then on
  aws medialive list-channels
  headwater aws-env --format profile >> ~/.aws/config   a profile, which also lets requests through as they were written
  headwater aws-env --format terraform > provider.tf")]
pub(crate) struct AwsEnv {
    /// What to print
    #[arg(long, value_enum, default_value_t = AwsEnvFormat::Shell)]
    pub(crate) format: AwsEnvFormat,
    /// Region to name; any will do
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
    /// Folder of the `headwater up` that is meant
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// Forms of `aws-env`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AwsEnvFormat {
    /// Exports for `sh`
    Shell,
    /// A profile for AWS's configuration file
    Profile,
    /// A provider for Terraform
    Terraform,
}

/// Options of a role that runs alone.
#[derive(Clone, Debug, Args)]
pub(crate) struct Role {
    /// Workflow file
    #[arg(long, value_name = "FILE", default_value = "headwater.toml")]
    pub(crate) workflow: PathBuf,
    /// Folder for the live window and run-time sockets
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// What paths in the workflow are relative to, where it is not the workflow file's own folder
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) folder: Option<PathBuf>,
}

/// Options of the edge that runs alone.
#[derive(Debug, Args)]
#[command(after_help = "\
In front of one server on this machine:
  headwater edge --origin http://127.0.0.1:8000

Of a bucket, below a path:
  headwater edge --origin https://bucket.s3.eu-west-1.amazonaws.com/live

Of two packagers, the second for when the first fails:
  headwater edge --origin http://10.0.0.1:8000 --origin http://10.0.0.2:8000

Of another edge, which shields the origin:
  headwater edge --origin http://parent.example:8080

Ask it:
  curl -I http://localhost:8080/live/index.m3u8     Cache-Status says what the cache did
  curl http://127.0.0.1:9400/metrics                what it has done so far

Ctrl-C or SIGTERM drains it: answers under way are finished, then it ends. SIGUSR2 starts a successor on the same sockets,
of the program that lies there now, and then drains it: nobody is dropped. Every option is also a setting of the workflow
file, [edge] and [listen], read with --workflow. More: docs/edge.md.")]
pub(crate) struct Edge {
    /// Where to fetch, a URL; repeat it for origins that stand in when the ones before fail
    #[arg(long = "origin", value_name = "URL")]
    pub(crate) origins: Vec<String>,
    /// Where viewers connect [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDRESS", requires = "origins")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where viewers connect with TLS, and by HTTP/3 on the UDP port of the same number [default: nowhere]
    #[arg(long, value_name = "ADDRESS", requires = "origins")]
    pub(crate) tls_listen: Option<SocketAddr>,
    /// PEM file of the certificate chain they are shown [default: the edge makes one for itself, in --data]
    #[arg(long, value_name = "FILE", requires = "tls_listen", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Where Prometheus text is answered [default: 127.0.0.1:9400]
    #[arg(long, value_name = "ADDRESS", requires = "origins")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Memory for cached objects, such as 512M or 8G [default: 512M]
    #[arg(long, value_name = "BYTES", requires = "origins")]
    pub(crate) cache: Option<String>,
    /// Query parameters that make another object, such as v,quality; all others are dropped [default: none]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "origins")]
    pub(crate) key_query: Option<Vec<String>>,
    /// Serving threads [default: one a core]
    #[arg(long, value_name = "N", requires = "origins")]
    pub(crate) threads: Option<u16>,
    /// PEM file of certificate authorities for https:// origins, besides the system's
    #[arg(long, value_name = "FILE", requires = "origins")]
    pub(crate) origin_ca: Option<PathBuf>,
    /// Statuses on which the next origin is asked, such as 500,503,404 [default: 500,502,503,504]
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', requires = "origins")]
    pub(crate) failover_on: Option<Vec<u16>>,
    /// Seconds an origin in doubt may take to answer before the next is asked too [default: 0.25]
    #[arg(long, value_name = "SECONDS", requires = "origins")]
    pub(crate) failover_after: Option<f64>,
    /// Unix socket on which `headwater purge --control` is answered
    #[arg(long, value_name = "SOCKET")]
    pub(crate) control: Option<PathBuf>,
    /// Settings from this workflow file instead
    #[arg(long, value_name = "FILE", default_value = "headwater.toml", conflicts_with = "origins")]
    pub(crate) workflow: PathBuf,
    /// Folder for run-time sockets, with --workflow
    #[arg(long, value_name = "DIR", default_value = "data", conflicts_with = "origins")]
    pub(crate) data: PathBuf,
    /// What paths in the workflow are relative to, where it is not the workflow file's own folder
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) folder: Option<PathBuf>,
}

/// Options of `purge`.
#[derive(Debug, Args)]
#[command(after_help = "\
  headwater purge /main/index.m3u8      one path, with all its queries
  headwater purge '/main/*'             everything that begins so
  headwater purge --soft '/main/*'      ask the origin before the next use; serve it still should the origin fail

Fetches under way at that moment leave nothing behind. It prints how many objects went.")]
pub(crate) struct Purge {
    /// Path as viewers ask for it; `*` at its end stands for whatever follows
    #[arg(required = true, value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// Keep the objects, but no longer as fresh
    #[arg(long)]
    pub(crate) soft: bool,
    /// Data folder of the `headwater up` whose edge is meant
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Control socket of an edge that runs alone
    #[arg(long, value_name = "SOCKET", conflicts_with = "data")]
    pub(crate) control: Option<PathBuf>,
}

/// Options of `token`.
#[derive(Debug, Args)]
#[command(after_help = "\
Once, a pair of keys: viewers.key.pem, which makes tokens, and viewers.pub.pem for the edge
  headwater token --new-key viewers

In the edge's workflow file:
  [[edge.access]]
  paths = [\"/main/*\"]
  keys  = [{ id = \"k1\", file = \"viewers.pub.pem\" }]

For each viewer, or each page:
  headwater token --key viewers.key.pem --id k1 --path '/main/*' --for 4h

It prints the token, and on standard error a URL that plays with it. Other ways to show it: ?token=TOKEN, the header
`Authorization: Bearer TOKEN`, the cookie headwater_token. Any JWT library makes the same tokens: docs/edge.md.")]
pub(crate) struct Token {
    /// Write a new ECDSA P-256 key to NAME.key.pem, for its owner alone, and its public half to NAME.pub.pem
    #[arg(long, value_name = "NAME", exclusive = true)]
    pub(crate) new_key: Option<PathBuf>,
    /// Private key in PEM: ECDSA P-256, Ed25519 or RSA
    #[arg(long, value_name = "FILE", required_unless_present_any = ["new_key", "secret_file"])]
    pub(crate) key: Option<PathBuf>,
    /// Instead: a file with a secret of 32 bytes and more that the edge has too
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) secret_file: Option<PathBuf>,
    /// What the edge calls the key; without it the edge must have no other key for the path
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// What may be watched: /main/index.m3u8 is that alone, /main/* all below /main/
    #[arg(long, value_name = "PATH", required_unless_present = "new_key")]
    pub(crate) path: Option<String>,
    /// How long, such as 90s, 15m, 4h or 7d
    #[arg(long = "for", value_name = "TIME", required_unless_present = "new_key", value_parser = crate::token::lifetime)]
    pub(crate) lifetime: Option<Duration>,
    /// Only from this network address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Option<IpAddr>,
}
