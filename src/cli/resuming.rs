//! Commands that go on over restarts of the server: their notes, and how watches are printed.

use std::io::{self, Write as _};

use crate::{
    cli::exit::{Exit, Failure, words},
    client::{CallError, Calls, Client, ClientError, Watch, Watched},
};

/// How a watch begins, and whether it outlives the connection.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WatchArgs {
    /// With --watch: begin with what has changed since this position, the last one that was shown
    #[arg(long, value_name = "POSITION", requires = "watch")]
    pub(super) after: Option<u64>,
    /// With --watch: end when the connection is lost, and say how to resume; without it, it goes on
    /// where it was once the server is back
    #[arg(long, requires = "watch")]
    pub(super) no_reconnect: bool,
    /// With --watch: end with exit code 9 if the server keeps another store than the one of this
    /// name (urn:uuid:...); without it, the one that it keeps at the beginning is meant
    #[arg(long, value_name = "NAME", requires = "watch")]
    pub(super) store: Option<String>,
}

/// Prints what a watch tells, until it cannot go on.
pub(super) async fn print<T>(
    mut watch: Watch<T>,
    reconnects: bool,
    text: impl AsyncFn(T) -> Result<String, Failure>,
) -> Result<Exit, Failure> {
    loop {
        let item = match watch.next().await {
            Ok(Watched::Interrupted { error, .. }) if !reconnects => Err(CallError::from(error)),
            item => item,
        };
        match item {
            Ok(Watched::Update(update)) => {
                let text = text(*update).await;
                let text = text.map_err(|failure| resumable(failure, watch.position()))?;
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            Ok(Watched::Interrupted { error, failed: 1, .. }) => waits(&error)?,
            Ok(Watched::Interrupted { .. }) => {}
            Err(error) => return Err(resumable(error.into(), watch.position())),
        }
    }
}

/// Notes that the connection is lost and that the command goes on.
pub(super) fn waits(error: &ClientError) -> io::Result<()> {
    writeln!(io::stderr(), "note: {}; it goes on when the server is back", words(error))
}

/// A client over a connection, for the store of this name or else for the server's store.
pub(super) fn client(calls: Calls, store: Option<String>) -> Client {
    match store {
        Some(name) => Client::over(calls).of_store(name),
        None => Client::over(calls),
    }
}

/// The failure, with the position to resume after if anything was printed.
pub(super) fn resumable(failure: Failure, seen: Option<u64>) -> Failure {
    let resume = seen.map(|position| match failure.exit {
        Exit::AnotherStore => format!("; there, resume with --after {position}"),
        Exit::Done
        | Exit::Failed
        | Exit::Usage
        | Exit::NotFound
        | Exit::Conflict
        | Exit::RowsRefused
        | Exit::Unavailable
        | Exit::Damaged
        | Exit::Forbidden
        | Exit::Undone => format!("; resume with --after {position}"),
    });
    Failure { message: failure.message + &resume.unwrap_or_default(), ..failure }
}
