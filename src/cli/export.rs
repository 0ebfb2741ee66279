//! `handover export`: events as JSON Lines that `import` reads back to the same events, or claims
//! as the tables that it reads.
//!
//! What the server derives (its tags, positions, times) is left out: the importing server derives
//! it again. Claims are named by id, because positions differ from store to store.

mod cloudevents;
mod csv;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use futures_util::TryStreamExt as _;
use roaring::RoaringTreemap;
use serde_json::{Map, Value};

use crate::{
    cli::{
        exit::{Exit, Failure},
        json, payload, position,
        selection::Selection,
        server_args::ServerArgs,
    },
    domain::{
        group,
        name::is_of_the_server,
        proto::{ReadRequest, RecordedEvent, read_request::Start},
    },
    grpc::client::Client,
};

/// The arguments of `export`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to write: every event, as `import` or as receivers of CloudEvents read it, or claims as
    /// a table that spreadsheets open
    #[arg(long, default_value = "jsonl")]
    format: Format,
    /// The table that csv writes
    #[arg(long)]
    form: Option<csv::Form>,
    /// The source that cloudevents names instead of the store's own `urn:uuid:`
    #[arg(long, value_name = "URI", value_parser = cloudevents::source)]
    source: Option<String>,
    #[command(flatten)]
    selection: Selection,
    /// Only events after this position
    #[arg(long, value_name = "POSITION", value_parser = position::only,
          default_value_t = 0)]
    after: u64,
    /// Add position, revision and recorded time, which `import` does not use
    #[arg(long)]
    with_positions: bool,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output_file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Every event, one a line, without loss
    Jsonl,
    /// Every event as a CloudEvent 1.0 in JSON, one a line
    Cloudevents,
    /// Claims in their latest correction, without those that are retracted
    Csv,
}

/// Exports events.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    check(&args)?;
    let client = args.server.connect().await?;
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(match &args.output_file {
        Some(path) => Box::new(File::create(path).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
        })?),
        None => Box::new(io::stdout()),
    });
    let exit = write(args, &client, &mut out).await?;
    out.flush()?;
    Ok(exit)
}

async fn write(args: Args, client: &Client, out: &mut dyn Write) -> Result<Exit, Failure> {
    if args.format == Format::Csv {
        return csv::export(client, args.form.unwrap_or_default(), out).await;
    }
    let start = Some(Start::AfterPosition(args.after));
    let request = ReadRequest { filter: args.selection.into_filter(), start, ..Default::default() };
    if args.format == Format::Cloudevents {
        cloudevents::export(client, request, args.source, out).await?;
    } else {
        export(client, request, args.with_positions, out).await?;
    }
    Ok(Exit::Done)
}

/// A table is made of the whole record: of a part of it, corrections and the states of exchanges
/// could be missing.
fn check(args: &Args) -> Result<(), Failure> {
    let table = args.format == Format::Csv;
    if args.form.is_some() && !table {
        return Err(Failure::usage("--form applies to tables: add --format csv"));
    }
    let event = args.format == Format::Cloudevents;
    if args.source.is_some() && !event {
        return Err(Failure::usage("--source applies to CloudEvents: add --format cloudevents"));
    }
    if args.with_positions && event {
        let problem = "every CloudEvent has its position; leave out --with-positions";
        return Err(Failure::usage(problem));
    }
    if table && (args.selection.is_some() || args.after > 0 || args.with_positions) {
        let problem = "csv covers the whole record; leave out --stream, --category, --type, \
                       --tag, --filter, --after and --with-positions, or write jsonl";
        return Err(Failure::usage(problem));
    }
    Ok(())
}

/// Writes the events that `request` selects as lines.
pub(super) async fn export(
    client: &Client,
    request: ReadRequest,
    with_positions: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut batches = client.read(request);
    let mut exporter = Exporter { with_positions, written: RoaringTreemap::new() };
    while let Some(batch) = batches.try_next().await? {
        // How far groups are is of this store only, and no import would take it.
        for event in batch.events.iter().filter(|event| !group::is_of_groups(&event.stream)) {
            writeln!(out, "{}", Value::Object(exporter.line(event)?))?;
        }
    }
    Ok(())
}

/// Writes events as lines.
#[derive(Debug, Default)]
struct Exporter {
    with_positions: bool,
    /// Positions of the events written so far, which a later line can name: a bit each or less.
    written: RoaringTreemap,
}

impl Exporter {
    /// One event as a line. A claim that this export leaves out keeps its position, which is right
    /// only in this store; importing such a line elsewhere is refused or names the wrong event, so
    /// it is not written.
    fn line(&mut self, event: &RecordedEvent) -> Result<Map<String, Value>, Failure> {
        let position = event.position;
        let Some(any) = &event.payload else {
            let problem = format!("event {position} has no payload");
            return Err(Failure::new(Exit::Damaged, problem));
        };
        let mut line = Map::new();
        line.insert("id".to_owned(), id(position).into());
        line.insert("stream".to_owned(), event.stream.clone().into());
        let missing = std::cell::Cell::new(None);
        let payload = payload::write(any, |claim| {
            if !self.written.contains(claim) {
                missing.set(Some(claim));
            }
            Some(id(claim))
        });
        if let Some(claim) = missing.get() {
            return Err(Failure::usage(format!(
                "event {position} is about event {claim}, which this selection leaves out; \
                 select it too (the whole stream has it)"
            )));
        }
        line.insert("payload".to_owned(), payload.into());
        let own = event.tags.iter().filter(|tag| !is_of_the_server(tag));
        let tags: Vec<Value> = own.map(|tag| tag.clone().into()).collect();
        if !tags.is_empty() {
            line.insert("tags".to_owned(), tags.into());
        }
        if !event.metadata.is_empty() {
            let metadata = event.metadata.iter().map(|(k, v)| (k.clone(), v.clone().into()));
            line.insert("metadata".to_owned(), metadata.collect::<Map<_, _>>().into());
        }
        if self.with_positions {
            place(event, &mut line)?;
        }
        self.written.insert(position);
        Ok(line)
    }
}

/// Adds the event's place in its store, spelled as in proto3 JSON.
fn place(event: &RecordedEvent, line: &mut Map<String, Value>) -> Result<(), Failure> {
    let bare = RecordedEvent {
        position: event.position,
        revision: event.revision,
        recorded_at: event.recorded_at,
        ..Default::default()
    };
    if let Value::Object(members) = json::of_message(&bare)? {
        line.extend(members);
    }
    Ok(())
}

fn id(position: u64) -> String {
    format!("e{position}")
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
