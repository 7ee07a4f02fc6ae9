//! The `headwater` command: one subcommand a role, and `up`, which supervises them all on one machine.
//!
//! - [`cli`]: the words of the command line.
//! - [`workflow`]: finds and reads the workflow file, or makes the demo's.
//! - [`demo`]: picks a ladder this machine can encode in real time.
//! - [`desired`]: what a workflow file changes, and another one while everything runs.
//! - [`plan`]: workflow → which processes run with what.
//! - [`supervise`]: starts, restarts and drains them, hands over listeners, gathers their metrics.
//! - [`purge`]: tells the edge to take objects out of its cache.
//! - [`token`]: makes viewers' access tokens.
//! - [`role`]: a role as a process of its own. [`control`]: the one that takes API calls, and its runner.
//! - [`api`]: what the native API is asked, here or elsewhere. [`completions`]: the words of this command, for shells.
//! - [`backup`]: what control keeps, to a file and back.
//! - [`edge_alone`]: the edge's options, read as the settings they stand for.
//! - [`handover`]: an edge that stands alone is replaced by a successor.

mod api;
mod backup;
mod cli;
mod completions;
mod control;
mod demo;
mod desired;
mod edge_alone;
mod endpoint;
mod fetch;
mod handover;
mod plan;
mod purge;
mod role;
mod supervise;
mod token;
mod workflow;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command = cli::Cli::parse().command;
    let done = match command {
        cli::Command::Plan(options) => return ended(desired::plan(&options)),
        cli::Command::Apply(options) => desired::apply(&options),
        cli::Command::Up(up) => supervise::up(&up),
        cli::Command::Restart(options) => supervise::restart(&options),
        cli::Command::Switch(options) => supervise::switch(&options),
        cli::Command::Quarantine(options) => supervise::quarantine(&options),
        cli::Command::Events(options) => supervise::events::follow::print(&options),
        cli::Command::Api(command) => api::run(&command),
        cli::Command::Ingest(options) => role::ingest(&options),
        cli::Command::Origin(options) => role::origin(&options),
        cli::Command::Edge(options) => role::edge(&options),
        cli::Command::Control(options) => control::control(&options),
        cli::Command::AwsEnv(options) => control::aws_env(&options),
        cli::Command::Backup(options) => backup::backup(&options),
        cli::Command::Restore(options) => backup::restore(&options),
        cli::Command::Purge(options) => purge::purge(&options),
        cli::Command::Token(options) => token::token(&options),
        cli::Command::Completions(options) => completions::print(&options),
    };
    ended(done.map(|()| ExitCode::SUCCESS))
}

fn ended(done: anyhow::Result<ExitCode>) -> ExitCode {
    match done {
        Ok(status) => status,
        Err(fault) => {
            eprintln!("headwater: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
