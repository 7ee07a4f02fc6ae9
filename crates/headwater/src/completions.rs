//! `headwater completions`: the words of this command, for shells.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::{Cli, CompletedShell, Completions};

/// Prints the script for a shell.
pub(crate) fn print(options: &Completions) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(&script(options.shell)) {
        Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => Err(fault.into()),
        _ => Ok(()),
    }
}

fn script(shell: CompletedShell) -> Vec<u8> {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "headwater", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_learns_every_command_people_use() {
        for shell in [CompletedShell::Bash, CompletedShell::Zsh, CompletedShell::Fish] {
            let script = String::from_utf8(script(shell)).expect("text");
            for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
                assert!(script.contains(command.get_name()), "{shell:?} {}", command.get_name());
            }
            assert!(script.contains("replace") && script.contains("endpoint"), "{shell:?}");
        }
    }

    #[test]
    fn the_words_of_the_command_line_agree_with_each_other() {
        Cli::command().debug_assert();
    }
}
