//! `handover access check`: what a policy permits, and whether a call passes.

mod call;
mod meaning;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use crate::{
    cli::exit::{self, Exit, Failure},
    grpc::access::{AccessErrors, AccessFiles},
};

/// What `access` can do.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Print what a policy and tokens permit; with --call, whether that call passes and why
    #[command(after_help = exit::HELP)]
    Check(CheckArgs),
}

/// Arguments of `check`.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// The policy, as `serve --policy` names it
    #[arg(long, env = "HANDOVER_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
    /// File of tokens, as `serve --tokens` names it
    #[arg(long, env = "HANDOVER_TOKENS", value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// The identity that calls [default: a caller without credentials]
    #[arg(long, value_name = "NAME", requires = "call")]
    identity: Option<String>,
    /// The method that it calls, as in `handover.v1.EventStoreService/Append`
    #[arg(long, value_name = "METHOD")]
    call: Option<String>,
    /// The category of streams that the request concerns [default: all]
    #[arg(long, requires = "call")]
    category: Option<String>,
}

impl From<AccessErrors> for Failure {
    fn from(errors: AccessErrors) -> Self {
        Self::usage(errors.to_string())
    }
}

/// Runs the command.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    let Command::Check(args) = command;
    let files = AccessFiles { policy: args.policy.clone(), tokens: args.tokens.clone() };
    if files == AccessFiles::default() {
        return Err(Failure::usage("give --policy, --tokens or both"));
    }
    let rights = files.rights()?;
    let Some(method) = &args.call else {
        io::stdout().write_all(meaning::of(&rights).as_bytes())?;
        return Ok(Exit::Done);
    };
    let (text, passes) =
        call::decided(&rights, method, args.identity.as_deref(), args.category.as_deref())?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(if passes { Exit::Done } else { Exit::Denied })
}
