//! `handover-bench`: measures a running server as its clients use it, beside what the machine
//! allows.
//!
//! A suite (`log`, `claims`, `peers`) is a list of cases. Each case starts a server, puts a
//! load on it, and measures its limits right beside it, because machines change from minute to
//! minute: `case` is the seam between the two. The report gives every figure, met or missed.

mod acknowledged;
mod args;
mod backups;
mod case;
mod claims;
mod echo;
mod encoded;
mod events;
mod follow;
mod followers;
mod limits;
mod load;
mod log;
mod login;
mod machine;
mod markdown;
mod meter;
mod network;
mod peers;
mod plan;
mod process;
mod report;
mod runner;
mod shares;
mod statistics;
mod subject;
mod table;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;
use handover::cli::{
    self,
    exit::{Exit, Failure},
};
use tokio::runtime::Builder;

use self::{args::Args, process::Role};

/// The same as the product's: the servers that are measured are children of this executable.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match Role::of_this_process() {
        // The whole program `handover`, with the arguments that this process has.
        Some(Role::Server | Role::Backup | Role::Restore | Role::Token) => cli::main(),
        Some(Role::Echo) => cli::exit_code(run(echo::run())),
        None => {
            let args = Args::parse();
            cli::exit_code(run(args::run(args)))
        }
    }
}

fn run(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
