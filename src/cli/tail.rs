//! `handover tail`: events as they come, one line each.

use std::io::{self, IsTerminal as _, Write as _};

use futures_util::TryStreamExt as _;
use prost_types::Timestamp;

use crate::{
    cli::{
        ServerArgs, ended_by_user, event_line,
        exit::{Exit, Failure},
        moment,
        selection::Selection,
    },
    domain::proto::{
        ReadRequest, RecordedEvent, SubscribeRequest, read_request, subscribe_request,
        subscribe_response::Frame,
    },
    grpc::client::Client,
};

/// What `tail` can be asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Start after this position; 0 is the beginning, as without the flag
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["from_now", "since"])]
    after: Option<u64>,
    /// Start with what is recorded from now on
    #[arg(long, conflicts_with_all = ["since", "no_follow"])]
    from_now: bool,
    /// Start with what was recorded at this time (2024-08-02T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = moment::timestamp)]
    since: Option<Timestamp>,
    /// Wait for new events; this is what happens without any flag
    #[arg(long, conflicts_with = "no_follow")]
    follow: bool,
    /// End when everything that is there has been printed
    #[arg(long)]
    no_follow: bool,
    /// How to print; without it aligned text on a terminal and jsonl elsewhere
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
    let client = args.server.connect().await?;
    let terminal = io::stdout().is_terminal();
    let output = args.output.unwrap_or(if terminal { Output::Table } else { Output::Jsonl });
    ended_by_user(async move {
        if args.no_follow {
            read(&client, read_request(args), Printer::new(output)).await
        } else {
            follow(&client, subscribe_request(args), Printer::new(output)).await
        }
    })
    .await
}

fn read_request(args: Args) -> ReadRequest {
    use read_request::Start;
    let start = args.since.map(Start::RecordedFrom).or(args.after.map(Start::AfterPosition));
    ReadRequest { filter: args.selection.into_filter(), start, ..Default::default() }
}

fn subscribe_request(args: Args) -> SubscribeRequest {
    use subscribe_request::Start;
    let start = args.since.map(Start::RecordedFrom).or(args.after.map(Start::AfterPosition));
    let start = start.or(args.from_now.then_some(Start::FromNow(true)));
    SubscribeRequest { filter: args.selection.into_filter(), start }
}

async fn read(
    client: &Client,
    request: ReadRequest,
    mut printer: Printer,
) -> Result<Exit, Failure> {
    let mut batches = client.read(request);
    while let Some(batch) = batches.try_next().await? {
        printer.print(&batch.events)?;
    }
    Ok(Exit::Done)
}

async fn follow(
    client: &Client,
    request: SubscribeRequest,
    mut printer: Printer,
) -> Result<Exit, Failure> {
    let mut frames = client.subscribe(request);
    let mut seen = None;
    loop {
        let frame = match frames.try_next().await {
            Ok(Some(response)) => response.frame,
            Ok(None) => return Err(interrupted("the server ended the subscription", seen)),
            Err(error) if seen.is_some() => {
                let failure = Failure::from(error);
                return Err(Failure {
                    message: interrupted(&failure.message, seen).message,
                    ..failure
                });
            }
            Err(error) => return Err(error.into()),
        };
        match frame {
            Some(Frame::Events(batch)) => {
                printer.print(&batch.events)?;
                seen = batch.events.last().map(|event| event.position).or(seen);
            }
            Some(Frame::CaughtUp(mark)) => seen = Some(mark.position),
            Some(Frame::Checkpoint(mark)) => seen = Some(mark.position),
            Some(Frame::FellBehind(mark)) => seen = Some(mark.position),
            // A frame of a newer server; what it says is beyond this client.
            None => {}
        }
    }
}

fn interrupted(what: &str, seen: Option<u64>) -> Failure {
    let resume = seen.map(|position| format!("; resume with --after {position}"));
    Failure::new(Exit::Unavailable, format!("{what}{}", resume.unwrap_or_default()))
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
