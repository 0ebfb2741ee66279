//! `handover claims`: what a claim says, and what is recorded about it.

mod recording;
mod replacement;
mod shown;

use clap::Subcommand;

use crate::cli::exit::{self, Exit, Failure};

/// What `claims` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print what a claim says, and everything that was recorded about it
    #[command(after_help = exit::HELP)]
    Show(shown::Args),
    /// Record how a claim should read
    #[command(after_help = exit::HELP)]
    Correct(replacement::Args),
    /// Record that a claim is withdrawn
    #[command(after_help = exit::HELP)]
    Retract(recording::Args),
    /// Record that a claim is contested
    #[command(after_help = exit::HELP)]
    Dispute(recording::Args),
    /// Record that a claim is confirmed
    #[command(after_help = exit::HELP)]
    Confirm(recording::Args),
    /// Record that a claim is to be used, for its leg or for a country's figure in its exchange
    #[command(after_help = exit::HELP)]
    Prefer(recording::PreferArgs),
}

/// Does it.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Show(args) => shown::run(args).await,
        Command::Correct(args) => replacement::run(args).await,
        Command::Retract(args) => recording::retract(args).await,
        Command::Dispute(args) => recording::dispute(args).await,
        Command::Confirm(args) => recording::confirm(args).await,
        Command::Prefer(args) => recording::prefer(args).await,
    }
}
