//! Groups are created and deleted, and parked events put back.

use prost_types::{Duration, Timestamp};

use crate::{
    cli::{
        exit::{Exit, Failure},
        moment, position, receipt, resuming,
        selection::Selection,
        server_args::ServerArgs,
        undone::{self, Repeated},
    },
    domain::proto::{
        CreateGroupRequest, DeleteGroupRequest, GroupSettings, ListGroupsRequest,
        ReplayParkedRequest, create_group_request::Start,
    },
    grpc::client::{Client, ClientErrorKind},
};

/// What makes a request safe to repeat, and how its answer is printed.
#[derive(Clone, Debug, clap::Args)]
struct RecordArgs {
    /// A UUID that makes it safe to repeat this
    #[arg(long, value_name = "UUID")]
    request_id: Option<uuid::Uuid>,
    #[command(flatten)]
    server: ServerArgs,
}

impl RecordArgs {
    fn id(&self) -> String {
        self.request_id.map(|id| id.to_string()).unwrap_or_default()
    }
}

/// A group that is to be created.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// Its name: lower-case letters, digits, _, - and . after a letter
    #[arg(value_name = "GROUP")]
    group: String,
    #[command(flatten)]
    selection: Selection,
    /// Begin after this position; by default at the beginning
    #[arg(long, value_name = "POSITION", value_parser = position::only,
          conflicts_with_all = ["from_now", "since"])]
    after: Option<u64>,
    /// Begin with what is recorded from now on
    #[arg(long, conflicts_with = "since")]
    from_now: bool,
    /// Begin with what is recorded at this time (2024-08-02T12:00:00Z) or from the beginning of
    /// this date in UTC (2024-08-02); either may lie in the future
    #[arg(long, value_name = "TIME|DATE", value_parser = moment::since)]
    since: Option<Timestamp>,
    /// Seconds that a consumer keeps events without a sign of life; by default 30
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    lease: Option<Duration>,
    /// How often an event is tried before it is parked; by default 5
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,
    /// Seconds that an event rests before its second try, doubled with each; by default 1
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    retry_delay: Option<Duration>,
    /// Create it only in the store of this name (urn:uuid:...), and end with exit code 9 if the
    /// server keeps another one
    #[arg(long, value_name = "NAME", value_parser = resuming::store_name)]
    store: Option<String>,
    #[command(flatten)]
    recording: RecordArgs,
}

/// Parked events that are to be put back.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,
    /// Their positions
    #[arg(value_name = "POSITION", value_parser = position::only,
          required_unless_present = "all")]
    positions: Vec<u64>,
    /// All that are parked, at most 10000 at once
    #[arg(long, conflicts_with = "positions")]
    all: bool,
    /// Only in the store of this name (urn:uuid:...); exit code 9 if the server keeps another one
    #[arg(long, value_name = "NAME", value_parser = resuming::store_name)]
    store: Option<String>,
    #[command(flatten)]
    recording: RecordArgs,
}

/// A group that is to be deleted.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DeleteArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,
    #[command(flatten)]
    recording: RecordArgs,
}

/// Creates a group.
pub(super) async fn create(args: CreateArgs) -> Result<Exit, Failure> {
    let client = args.recording.server.connect().await?;
    let start = args.since.map(Start::RecordedFrom).or(args.after.map(Start::AfterPosition));
    let settings = GroupSettings {
        lease: args.lease,
        max_attempts: args.max_attempts.unwrap_or_default(),
        retry_delay: args.retry_delay,
    };
    let response = client.create_group(CreateGroupRequest {
        request_id: args.recording.id(),
        name: args.group.clone(),
        filter: args.selection.into_filter(),
        start: start.or(args.from_now.then_some(Start::FromNow(true))),
        settings: Some(settings),
        store: args.store.unwrap_or_default(),
    });
    let response = response.await?;
    let receipt = response.receipt.clone().unwrap_or_default();
    let words = format!("{} is created, recorded at position {}", args.group, receipt.position);
    print_done(&response, &words)?;
    let exists = receipt.undone.is_some() && exists(&client, &args.group).await?;
    undone::end(&client, &receipt.undone, Repeated::Group { exists }).await
}

/// Whether there is a group of this name.
async fn exists(client: &Client, name: &str) -> Result<bool, Failure> {
    let request = ListGroupsRequest { name: name.to_owned(), ..ListGroupsRequest::default() };
    match client.list_groups(request).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind == ClientErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Puts parked events back.
pub(super) async fn replay(args: ReplayArgs) -> Result<Exit, Failure> {
    let client = args.recording.server.connect().await?;
    let response = client.replay_parked(ReplayParkedRequest {
        request_id: args.recording.id(),
        group: args.group.clone(),
        positions: args.positions,
        store: args.store.unwrap_or_default(),
    });
    let response = response.await?;
    let receipt = response.receipt.clone().unwrap_or_default();
    let words = format!("{} will be delivered again by {}", response.replayed, args.group);
    print_done(&response, &words)?;
    undone::end(&client, &receipt.undone, Repeated::Replay).await
}

/// Deletes a group.
pub(super) async fn delete(args: DeleteArgs) -> Result<Exit, Failure> {
    let client = args.recording.server.connect().await?;
    let request = DeleteGroupRequest { request_id: args.recording.id(), name: args.group.clone() };
    let response = client.delete_group(request).await?;
    let receipt = response.receipt.clone().unwrap_or_default();
    let words = format!("{} is deleted, recorded at position {}", args.group, receipt.position);
    print_done(&response, &words)?;
    undone::end(&client, &receipt.undone, Repeated::Deletion).await
}

/// Says what was done: in words on a terminal, as proto3 JSON elsewhere.
fn print_done<M: prost::Message + prost::Name>(response: &M, words: &str) -> Result<(), Failure> {
    receipt::print(None, receipt::Form::Jsonl, response, words)
}

/// A time span in seconds, as in `30` and `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is not a number of seconds; write for example 30 or 0.5");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let span = std::time::Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_parts_and_nothing_else_is_taken() {
        assert_eq!(seconds("30"), Ok(Duration { seconds: 30, nanos: 0 }));
        assert_eq!(seconds("0.25"), Ok(Duration { seconds: 0, nanos: 250_000_000 }));
        for wrong in ["", "-1", "a", "1s", "inf", "NaN"] {
            assert!(seconds(wrong).is_err(), "{wrong:?} was taken");
        }
    }
}
