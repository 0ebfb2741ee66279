//! The command line: each command is a file that reads its arguments, calls, and prints.
//!
//! [`main`] parses a [`Cli`] and calls [`run`]; what the program serves is elsewhere.

pub mod append;
pub mod counts;
mod event_line;
pub mod exit;
pub mod export;
pub mod import;
pub mod json;
pub mod lines;
mod members;
mod moment;
pub mod payload;
mod selection;
pub mod serve;
pub mod tail;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _};

use self::exit::{Exit, Failure};
use crate::{config::ServeArgs, grpc::client::Client};

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
    /// Add the events of a JSON Lines file; what is there already is not added again
    #[command(after_help = exit::HELP)]
    Import(import::Args),
    /// Write events as JSON Lines that `import` reads back
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
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The whole program: reads the command line, runs the command, and tells how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => exit_code(Err(Failure::from(error))),
    }
}

/// Runs a command. What went wrong is told on standard error, and by the exit code.
pub async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Append(args) => append::run(args).await,
        Command::Tail(args) => tail::run(args).await,
        Command::Counts(args) => counts::run(args).await,
        Command::Completions { shell } => completions(shell),
    };
    exit_code(done)
}

/// Tells a failure on standard error and turns the end of a command into its exit code.
pub fn exit_code(done: Result<Exit, Failure>) -> ExitCode {
    let exit = done.unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            // If even standard error is closed, the exit code is all that is left to tell.
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

/// Where the server is.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArgs {
    /// Address of the server
    #[arg(
        long,
        env = "HANDOVER_SERVER",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL"
    )]
    server: String,
}

impl ServerArgs {
    async fn connect(&self) -> Result<Client, Failure> {
        Ok(Client::connect(&self.server).await?)
    }
}

/// Runs what has no end of its own until the user interrupts it, which is a clean end.
async fn ended_by_user(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::select! {
        done = work => done,
        signal = tokio::signal::ctrl_c() => signal.map(|()| Exit::Done).map_err(Failure::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_never_ends_passes_on_how_it_failed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failure = Failure::new(Exit::Unavailable, "gone");
        let done = runtime.block_on(ended_by_user(std::future::ready(Err(failure.clone()))));
        assert_eq!(done, Err(failure));
    }
}
