//! What a command has recorded is in the figures when the command ends.
//!
//! Figures follow the log by some milliseconds, and by more under load. Counts that are requested
//! after the import of a table have to include that table.

use crate::{
    domain::proto::{GetHeadRequest, ListSourcesRequest},
    grpc::client::{Client, ClientError},
};

/// Waits until the projections have everything that is recorded now. The server bounds the wait. A
/// wait in vain is no failure: what is recorded stays so, and each answer says for which position
/// it is true.
pub(super) async fn settled(client: &Client) {
    let _: Result<(), ClientError> = async {
        let min_position = client.get_head(GetHeadRequest::default()).await?.position;
        let request = ListSourcesRequest { min_position, page_size: 1, ..Default::default() };
        client.sources(request).await.map(drop)
    }
    .await;
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;

    use crate::{
        cli::{Cli, Command, append, claims, exit::Exit, import},
        grpc::client::fake::Fake,
    };

    /// Runs a command that records, at a server.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other commands record nothing")]
    async fn run(server: &str, arguments: &[&str]) -> Exit {
        let whole = [&["handover"], arguments, &["--server", server]].concat();
        let done = match Cli::try_parse_from(whole).unwrap().command {
            Command::Append(args) => append::run(args).await,
            Command::Import(args) => import::command::run(args).await,
            Command::Claims(command) => claims::run(command).await,
            other => panic!("{other:?} is not tested here"),
        };
        done.unwrap()
    }

    #[tokio::test]
    async fn what_records_ends_when_the_figures_have_all_that_is_recorded() {
        let (fake, dir) = (Fake::default(), tempfile::tempdir().unwrap());
        let server = fake.listen().await;
        let [event, lines] = ["event.json", "lines.jsonl"].map(|name| dir.path().join(name));
        let source = |id: &str| {
            format!("{{\"@type\": \"handover.v1.SourceRegistered\", \"sourceId\": \"{id}\"}}")
        };
        fs::write(&event, source("a")).unwrap();
        let line = |id| format!("{{\"payload\": {}}}\n", source(id));
        fs::write(&lines, [line("b"), line("c")].concat()).unwrap();
        let [event, lines] = [&event, &lines].map(|path| path.to_str().unwrap());
        for (arguments, head) in [
            (&["append", event, "--stream", "source/a"][..], 1),
            (&["import", lines], 3),
            (&["import", "--atomic", lines], 3),
            (&["import", "--again", lines], 3),
            (&["claims", "retract", "1", "--source", "a"], 3),
        ] {
            let before = fake.waited_for();
            assert_eq!(run(&server, arguments).await, Exit::Done, "{arguments:?}");
            assert_eq!(fake.waited_for(), [before, vec![head]].concat(), "{arguments:?}");
        }
        run(&server, &["import", "--dry-run", lines]).await;
        assert_eq!(fake.waited_for().len(), 5, "nothing was recorded");
    }
}
