//! The command line: each command is a file that reads its arguments, calls, and prints.
//!
//! [`main`] parses a [`Cli`] and calls [`run`]; what the program serves is elsewhere.

pub mod access;
mod actor;
pub mod append;
pub mod backup;
mod cell;
mod choice;
mod claimed;
pub mod claims;
pub mod config;
pub mod counts;
mod environment;
mod event_line;
pub mod exchange;
pub mod exit;
pub mod explain;
pub mod export;
mod figure;
mod given;
pub mod groups;
pub mod history;
pub mod import;
mod input;
mod interruption;
pub mod json;
pub mod lines;
pub mod lists;
mod members;
mod moment;
mod output;
mod pages;
pub mod payload;
mod place;
mod position;
mod private;
mod receipt;
pub mod reconcile;
pub mod restore;
mod resuming;
mod selection;
pub mod serve;
mod server_args;
mod settled;
pub mod status;
mod strict;
pub mod tail;
pub mod token;
mod undone;
pub mod verify;
mod words;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::CommandFactory as _;

use self::exit::{Exit, Failure};
use crate::config::ServeArgs;

/// The public record of prisoner exchanges: who was handed over, and who said so.
#[derive(Debug, clap::Parser)]
#[command(name = "handover", version, after_help = exit::HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Keep the record and serve it over gRPC
    #[command(after_help = exit::HELP)]
    Serve(ServeArgs),
    /// Print or check the settings of `serve`
    #[command(subcommand, after_help = exit::HELP)]
    Config(config::Command),
    /// Add the events of a JSON Lines or CSV file; what is there already is not added again
    #[command(after_help = exit::HELP)]
    Import(import::command::Args),
    /// Write events as JSON Lines, or claims as tables, that `import` reads back
    #[command(after_help = exit::HELP)]
    Export(export::Args),
    /// Append one event
    #[command(after_help = exit::HELP)]
    Append(append::Args),
    /// Print events as they come
    #[command(after_help = exit::HELP)]
    Tail(tail::Args),
    /// Print how many each country received and sent
    #[command(after_help = exit::HELP)]
    Counts(counts::Args),
    /// Print the whole story of one exchange
    #[command(after_help = exit::HELP)]
    Exchange(exchange::Args),
    /// Print the claims behind a country's figure, with who says so, and where
    #[command(after_help = exit::HELP)]
    Explain(explain::Args),
    /// Print how a country's figure changed, and by which event
    #[command(after_help = exit::HELP)]
    History(history::Args),
    /// Compare what claims say about an exchange or a running total
    #[command(after_help = exit::HELP)]
    Reconcile(reconcile::Args),
    /// Print what claims say, and correct, retract, dispute, confirm or prefer them
    #[command(subcommand, after_help = exit::HELP)]
    Claims(claims::Command),
    /// Print what was said, by words, speaker, topic and more
    #[command(after_help = exit::HELP)]
    Statements(lists::statements::Args),
    /// Print claims of how many were handed over, are to be, or were not
    #[command(after_help = exit::HELP)]
    Transfers(lists::transfers::Args),
    /// Print what exchanges there are
    #[command(after_help = exit::HELP)]
    Exchanges(lists::exchanges::Args),
    /// Print where claims come from
    #[command(after_help = exit::HELP)]
    Sources(lists::sources::Args),
    /// Show, create and delete consumer groups, and replay what they parked
    #[command(after_help = exit::HELP)]
    Groups(groups::Args),
    /// Print how the server is: what it takes, what lags, what was refused
    #[command(after_help = exit::HELP)]
    Status(status::Args),
    /// Copy the record of a server, or of a stopped data directory, to a folder
    #[command(after_help = exit::HELP)]
    Backup(backup::Args),
    /// Make a data directory of a backup, up to its end or to a position or time
    #[command(after_help = exit::HELP)]
    Restore(restore::Args),
    /// Check everything that a store keeps, and say what is wrong and what to do
    #[command(after_help = exit::HELP)]
    Verify(verify::Args),
    /// Make, list and revoke the tokens by which clients log in
    #[command(subcommand, after_help = exit::HELP)]
    Token(token::Command),
    /// Say what a policy permits, and whether a call passes
    #[command(subcommand, after_help = exit::HELP)]
    Access(access::Command),
    /// Print a completion script for a shell
    #[command(after_help = exit::HELP)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The whole program: reads the command line, runs the command, and reports how it ended.
pub fn main() -> ExitCode {
    let cli: Cli = given::parsed().unwrap_or_else(|error| error.exit());
    if let Err(misspelt) = environment::check(&Cli::command()) {
        let Command::Serve(args) = &cli.command else { return exit_code(Err(misspelt)) };
        return exit_code(Err(serve::refused(args, misspelt)));
    }
    // The server has a log for it, and a script of completions is read at every start of a shell.
    if !matches!(cli.command, Command::Serve(_) | Command::Completions { .. }) {
        environment::warn(&Cli::command());
    }
    if matches!(cli.command, Command::Backup(_)) {
        backup::give_way();
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli.command));
            // What has to be finished was awaited. A thread that is stuck, as on a disk that does
            // not answer, must not keep a command from ending.
            runtime.shutdown_background();
            code
        }
        Err(error) => exit_code(Err(Failure::from(error))),
    }
}

/// Runs a command. Standard error and the exit code say what went wrong.
pub async fn run(command: Command) -> ExitCode {
    let done = match command {
        // Far larger than the others, which would all be as large.
        Command::Serve(args) => {
            Box::pin(serve::run(args, environment::strangers(&Cli::command()))).await
        }
        Command::Config(command) => config::run(command).await,
        Command::Import(args) => import::command::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Append(args) => append::run(args).await,
        Command::Tail(args) => tail::run(args).await,
        Command::Counts(args) => counts::run(args).await,
        Command::Exchange(args) => exchange::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::History(args) => history::run(args).await,
        Command::Reconcile(args) => reconcile::run(args).await,
        Command::Claims(command) => claims::run(command).await,
        Command::Statements(args) => lists::statements::run(args).await,
        Command::Transfers(args) => lists::transfers::run(args).await,
        Command::Exchanges(args) => lists::exchanges::run(args).await,
        Command::Sources(args) => lists::sources::run(args).await,
        Command::Groups(args) => groups::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Backup(args) => backup::run(args).await,
        Command::Restore(args) => restore::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Token(command) => token::run(&command),
        Command::Access(command) => access::run(&command),
        Command::Completions { shell } => completions(shell),
    };
    exit_code(done)
}

/// Prints a failure on standard error and turns the end of a command into its exit code.
pub fn exit_code(done: Result<Exit, Failure>) -> ExitCode {
    let exit = done.unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            // If even standard error is closed, only the exit code reports the failure.
            let _ = writeln!(io::stderr(), "error: {failure}");
        }
        failure.exit
    });
    exit.into()
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "handover", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// The commands below one whose `--output` takes a form.
    fn with_form(command: &clap::Command, form: &str, path: &str, found: &mut Vec<String>) {
        let outputs = command.get_arguments().filter(|it| it.get_long() == Some("output"));
        let mut forms = outputs.flat_map(clap::Arg::get_possible_values);
        if forms.any(|value| value.matches(form, false)) {
            found.push(path.to_owned());
        }
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name());
            with_form(below, form, path.trim_start(), found);
        }
    }

    #[test]
    fn a_command_that_does_something_takes_no_form_that_its_answer_cannot_have() {
        let mut found = Vec::new();
        with_form(&Cli::command(), "csv", "", &mut found);
        found.sort();
        let lists = [
            "claims show",
            "config show",
            "counts",
            "exchange",
            "exchanges",
            "explain",
            "groups",
            "groups list",
            "groups parked",
            "history",
            "reconcile",
            "sources",
            "statements",
            "status",
            "transfers",
        ];
        assert_eq!(found, lists, "a table would be refused after the work is done");
    }
}
