//! `handover groups`: how far consumer groups are, what they have parked, and looking after them.

mod change;
mod list;
mod parked;

use super::exit::{self, Exit, Failure};

/// The arguments of `groups`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::Args,
}

/// What can be done about groups; without any, they are listed.
#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Print how far each group is, its consumers, and how much is parked
    #[command(after_help = exit::HELP)]
    List(list::Args),
    /// Create a group
    #[command(after_help = exit::HELP)]
    Create(change::CreateArgs),
    /// Print the events that a group has parked, and why
    #[command(after_help = exit::HELP)]
    Parked(parked::Args),
    /// Put parked events back, to be delivered again
    #[command(after_help = exit::HELP)]
    Replay(change::ReplayArgs),
    /// Delete a group and its progress
    #[command(after_help = exit::HELP)]
    Delete(change::DeleteArgs),
}

/// Runs the command.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    match args.command {
        None => list::run(args.list).await,
        Some(Command::List(args)) => list::run(args).await,
        Some(Command::Create(args)) => change::create(args).await,
        Some(Command::Parked(args)) => parked::run(args).await,
        Some(Command::Replay(args)) => change::replay(args).await,
        Some(Command::Delete(args)) => change::delete(args).await,
    }
}
