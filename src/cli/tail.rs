//! `handover tail`: events as they come, one line each.

use std::io::{self, IsTerminal as _, Write as _};

use futures_util::TryStreamExt as _;
use prost_types::Timestamp;

use crate::{
    cli::{
        event_line,
        exit::{Exit, Failure},
        interruption::until_interrupted,
        moment, position, resuming,
        selection::Selection,
        server_args::ServerArgs,
    },
    client::{CallError, Calls, Follow, Followed, Start, Subscription},
    domain::proto::{ReadRequest, RecordedEvent, read_request},
};

/// The arguments of `tail`.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Start after this position; 0 is the beginning, as without the flag
    #[arg(long, value_name = "POSITION", value_parser = position::only,
          conflicts_with_all = ["from_now", "since"])]
    after: Option<u64>,
    /// Start with what is recorded from now on
    #[arg(long, conflicts_with_all = ["since", "no_follow"])]
    from_now: bool,
    /// Start with what is recorded at this time (2024-08-02T12:00:00Z) or from the beginning of
    /// this date in UTC (2024-08-02); either may lie in the future
    #[arg(long, value_name = "TIME|DATE", value_parser = moment::since)]
    since: Option<Timestamp>,
    /// Wait for new events; this is the default
    #[arg(long, conflicts_with = "no_follow")]
    follow: bool,
    /// End when everything that is there has been printed
    #[arg(long)]
    no_follow: bool,
    /// End when the connection is lost, and say how to resume; by default the command resumes
    /// when the server is back
    #[arg(long, conflicts_with = "no_follow")]
    no_reconnect: bool,
    /// End with exit code 9 if the server keeps another store than the one of this name
    /// (urn:uuid:...); by default it may keep any, but not change it
    #[arg(long, value_name = "NAME", value_parser = resuming::store_name)]
    store: Option<String>,
    /// How to print; by default aligned text on a terminal and jsonl elsewhere
    #[arg(long)]
    output: Option<Output>,
    #[command(flatten)]
    server: ServerArgs,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Position, time, stream, type and a summary, aligned
    Table,
    /// The whole event as proto3 JSON, one a line
    Jsonl,
}

/// Prints events until there are no more, the user interrupts it, or the reader has seen enough.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let calls = args.server.connect().await?;
    let terminal = io::stdout().is_terminal();
    let output = args.output.unwrap_or(if terminal { Output::Table } else { Output::Jsonl });
    until_interrupted(async move {
        if args.no_follow {
            read(&calls, read_request(args), Printer::new(output)).await
        } else {
            let reconnects = !args.no_reconnect;
            let client = resuming::client(calls, args.store.clone());
            let following = client.subscribe(what(args));
            follow(following, reconnects, Printer::new(output)).await
        }
    })
    .await
}

fn read_request(args: Args) -> ReadRequest {
    use read_request::Start;
    let start = args.since.map(Start::RecordedFrom).or(args.after.map(Start::AfterPosition));
    let (filter, store) = (args.selection.into_filter(), args.store.unwrap_or_default());
    ReadRequest { filter, start, store, ..Default::default() }
}

fn what(args: Args) -> Follow {
    let start = match (args.since, args.after) {
        (Some(time), _) => Start::RecordedFrom(time),
        (None, Some(position)) => Start::After(position),
        (None, None) if args.from_now => Start::Now,
        (None, None) => Start::Beginning,
    };
    let follow = Follow::all().start(start);
    match args.selection.into_filter() {
        Some(filter) => follow.filter(filter),
        None => follow,
    }
}

async fn read(calls: &Calls, request: ReadRequest, mut printer: Printer) -> Result<Exit, Failure> {
    let mut batches = calls.read(request);
    while let Some(batch) = batches.try_next().await? {
        printer.print(&batch.events)?;
    }
    Ok(Exit::Done)
}

async fn follow(
    mut following: Subscription,
    reconnects: bool,
    mut printer: Printer,
) -> Result<Exit, Failure> {
    let mut seen = None;
    loop {
        let item = match following.next().await {
            Ok(Followed::Interrupted { error, .. }) if !reconnects => Err(CallError::from(error)),
            item => item,
        };
        match item {
            Ok(Followed::Event(event)) => {
                let mut events = vec![*event];
                events.append(&mut following.received());
                printer.print(&events)?;
                seen = events.last().map(|event| event.position);
            }
            Ok(
                Followed::CaughtUp(mark) | Followed::Checkpoint(mark) | Followed::FellBehind(mark),
            ) => seen = Some(mark.position),
            Ok(Followed::Interrupted { error, failed: 1, .. }) => resuming::waits(&error)?,
            Ok(Followed::Interrupted { .. }) => {}
            Err(error) => return Err(resuming::resumable(error.into(), seen, following.store())),
        }
    }
}

/// Prints events, batch by batch.
struct Printer {
    output: Output,
    columns: event_line::Columns,
}

impl Printer {
    fn new(output: Output) -> Self {
        Self { output, columns: event_line::Columns::default() }
    }

    fn print(&mut self, events: &[RecordedEvent]) -> Result<(), Failure> {
        let text = match self.output {
            Output::Table => self.columns.lines(events),
            Output::Jsonl => {
                let mut text = String::new();
                for event in events {
                    text += &event_line::json(event)?;
                    text.push('\n');
                }
                text
            }
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }
}
