//! Commands that go on over restarts of the server: their notes, and how watches are printed.

use std::io::{self, Write as _};

use crate::{
    cli::{
        exit::{Exit, Failure, words},
        position,
    },
    client::{CallError, Calls, Client, ClientError, Watch, Watched},
    domain::history::HistoryId,
};

/// How names of stores begin.
const NAMED: &str = "urn:uuid:";

/// How a watch begins, and whether it outlives the connection.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WatchArgs {
    /// With --watch: begin with what has changed since this position, the last one that was shown
    #[arg(long, value_name = "POSITION", value_parser = position::only,
          requires = "watch")]
    pub(super) after: Option<u64>,
    /// With --watch: end when the connection is lost, and say how to resume; by default
    /// the command resumes when the server is back
    #[arg(long, requires = "watch")]
    pub(super) no_reconnect: bool,
    /// With --watch: end with exit code 9 if the server keeps another store than the one of this
    /// name (urn:uuid:...); by default it may keep any, but not change it
    #[arg(long, value_name = "NAME", value_parser = store_name, requires = "watch")]
    pub(super) store: Option<String>,
}

/// Prints what a watch reports, until it cannot go on.
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
                let text =
                    text.map_err(|failure| resumable(failure, watch.position(), watch.store()))?;
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            Ok(Watched::Interrupted { error, failed: 1, .. }) => waits(&error)?,
            Ok(Watched::Interrupted { .. }) => {}
            Err(error) => return Err(resumable(error.into(), watch.position(), watch.store())),
        }
    }
}

/// Notes that the connection is lost and that the command goes on.
pub(super) fn waits(error: &ClientError) -> io::Result<()> {
    writeln!(io::stderr(), "note: {}; the command goes on when the server is back", words(error))
}

/// A client over a connection, for the store of this name or else for the server's store.
pub(super) fn client(calls: Calls, store: Option<String>) -> Client {
    match store {
        Some(name) => Client::over(calls).of_store(name),
        None => Client::over(calls),
    }
}

/// Reads the name of a store.
pub(super) fn store_name(text: &str) -> Result<String, String> {
    let (store, history) = match text.split_once('#') {
        Some((store, history)) => (store, HistoryId::parse(history).map(|id| format!("#{id}"))),
        None => (text, Some(String::new())),
    };
    let id = store.strip_prefix(NAMED).and_then(|id| uuid::Uuid::try_parse(id).ok());
    // The bytes of their names distinguish stores, so a name has one way to be written.
    let name = id.zip(history).map(|(id, history)| format!("{NAMED}{}{history}", id.hyphenated()));
    name.ok_or_else(|| {
        format!(
            "it is not the name of a store, as in \
             {NAMED}cd2948ff-a784-8fdc-a72d-56b596a76a19; `handover export --format cloudevents` \
             has it as the source"
        )
    })
}

/// The failure, with the position to resume after if anything was printed, and its store: in
/// another one the position is another event. A request that is refused for what it says would be
/// refused again.
pub(super) fn resumable(failure: Failure, seen: Option<u64>, store: Option<&str>) -> Failure {
    let of_store = store.map(|name| format!(" --store {name}")).unwrap_or_default();
    let resume = seen.map(|position| match failure.exit {
        Exit::AnotherStore => format!("; there, resume with --after {position}{of_store}"),
        Exit::Failed | Exit::Unavailable | Exit::Damaged | Exit::Denied => {
            format!("; resume with --after {position}{of_store}")
        }
        Exit::Done
        | Exit::Usage
        | Exit::NotFound
        | Exit::Conflict
        | Exit::RowsRefused
        | Exit::Forbidden
        | Exit::Rebuildable
        | Exit::Undone
        | Exit::HistoryChanged => String::new(),
    });
    Failure { message: failure.message + &resume.unwrap_or_default(), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_advised_where_it_can_be_resumed_after() {
        let reported =
            |exit| resumable(Failure::new(exit, "it ended"), Some(8), Some("one")).message;
        assert_eq!(reported(Exit::Unavailable), "it ended; resume with --after 8 --store one");
        assert_eq!(
            reported(Exit::AnotherStore),
            "it ended; there, resume with --after 8 --store one"
        );
        assert_eq!(reported(Exit::Usage), "it ended", "it would be refused again");
        let failure = Failure::new(Exit::Unavailable, "it ended");
        let early = resumable(failure, None, None).message;
        assert_eq!(early, "it ended", "nothing was printed");
    }

    #[test]
    fn a_store_is_named_by_its_uuid() {
        let name = "urn:uuid:cd2948ff-a784-8fdc-a72d-56b596a76a19";
        assert_eq!(store_name(name).as_deref(), Ok(name));
        let upper = name.replace("cd2948ff", "CD2948FF");
        assert_eq!(store_name(&upper).as_deref(), Ok(name), "as servers write it");
        let restored = format!("{name}#0123456789abcdef0123456789abcdef");
        assert_eq!(store_name(&restored), Ok(restored.clone()), "after a restore");
        for bad in [&format!("{name}#"), &format!("{name}#12")] {
            assert!(store_name(bad).is_err(), "{bad}");
        }
        for bad in ["", "junk", "cd2948ff-a784-8fdc-a72d-56b596a76a19", "urn:uuid:", "urn:uuid:1"] {
            assert!(store_name(bad).unwrap_err().contains("name of a store"), "{bad}");
        }
    }
}
