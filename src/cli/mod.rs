//! The command line: each command is a file that reads its arguments, calls, and prints.
//!
//! `main` parses a [`Cli`] and calls [`run`]; what the program serves is elsewhere.

pub mod counts;
pub mod exit;
pub mod import;
pub mod json;
pub mod lines;
mod members;
mod moment;
pub mod payload;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use self::exit::{Exit, Failure};
use crate::grpc::client::Client;

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
