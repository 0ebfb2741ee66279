//! `handover export`: events as JSON Lines that `import` reads back to the same events, or claims
//! as the tables that it reads.
//!
//! What the server derives (its tags, positions, times) is left out: the importing server derives
//! it again. Claims are named by id, because positions differ from store to store.

mod csv;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use futures_util::TryStreamExt as _;
use serde_json::{Map, Value};

use crate::{
    cli::{
        ServerArgs,
        exit::{Exit, Failure},
        json, payload,
        selection::Selection,
    },
    domain::{
        name::RESERVED_TAG_KEYS,
        proto::{ReadRequest, RecordedEvent, read_request::Start},
    },
    grpc::client::Client,
};

/// What `export` can be asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to write: every event, or claims as a table that spreadsheets open
    #[arg(long, default_value = "jsonl")]
    format: Format,
    /// Of csv, which table
    #[arg(long)]
    form: Option<csv::Form>,
    #[command(flatten)]
    selection: Selection,
    /// Only events after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
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
    let exit = if args.format == Format::Csv {
        csv::export(&client, args.form.unwrap_or_default(), &mut out).await?
    } else {
        let start = Some(Start::AfterPosition(args.after));
        let filter = args.selection.into_filter();
        let request = ReadRequest { filter, start, ..Default::default() };
        export(&client, request, args.with_positions, &mut out).await?;
        Exit::Done
    };
    out.flush()?;
    Ok(exit)
}

/// A table is made of the whole record: of a part of it, corrections and the states of exchanges
/// could be missing.
fn check(args: &Args) -> Result<(), Failure> {
    let table = args.format == Format::Csv;
    if args.form.is_some() && !table {
        return Err(Failure::usage("--form is of tables: add --format csv"));
    }
    if table && (args.selection.is_some() || args.after > 0 || args.with_positions) {
        let problem = "csv is made of the whole record; leave out --stream, --category, --type, \
                       --tag, --after and --with-positions, or write jsonl";
        return Err(Failure::usage(problem));
    }
    Ok(())
}

/// Writes the events that `request` asks for as lines.
async fn export(
    client: &Client,
    request: ReadRequest,
    with_positions: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut batches = client.read(request);
    let mut exporter = Exporter { with_positions, written: HashSet::new() };
    while let Some(batch) = batches.try_next().await? {
        for event in &batch.events {
            writeln!(out, "{}", Value::Object(exporter.line(event)?))?;
        }
    }
    Ok(())
}

/// Writes events as lines.
#[derive(Debug, Default)]
struct Exporter {
    with_positions: bool,
    /// Positions of claims written so far: what a later line can name.
    written: HashSet<u64>,
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
            if !self.written.contains(&claim) {
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
        let own = |tag: &&String| {
            let key = tag.split_once(':').map_or("", |(key, _)| key);
            !RESERVED_TAG_KEYS.contains(&key)
        };
        let tags: Vec<Value> =
            event.tags.iter().filter(own).map(|tag| tag.clone().into()).collect();
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
mod tests {
    use super::*;
    use crate::{
        cli::{
            import::{Options, Terminal, import},
            lines,
        },
        domain::{
            known::Known,
            proto::{
                Any, AppendRequest, Attribution, ClaimRetracted, NewEvent, StreamWrite,
                SuperlativeClaimed,
            },
        },
        grpc::client::fake::Fake,
    };

    fn event(position: u64, payload: Any) -> RecordedEvent {
        RecordedEvent {
            position,
            stream: "exchange/demo-1".to_owned(),
            revision: position,
            recorded_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            payload: Some(payload),
            tags: vec!["desk:a".to_owned(), "exchange:demo-1".to_owned()],
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            recorded_by: "desk".to_owned(),
        }
    }

    fn said() -> Attribution {
        Attribution { source_id: "demo-source".to_owned(), ..Default::default() }
    }

    fn claim() -> Any {
        Any::pack(&SuperlativeClaimed {
            attribution: Some(said()),
            text: "the first".to_owned(),
            exchange_id: "demo-1".to_owned(),
            ..Default::default()
        })
    }

    fn about(claim: u64) -> Any {
        Any::pack(&ClaimRetracted { attribution: Some(said()), claim, ..Default::default() })
    }

    #[test]
    fn what_is_exported_reads_back_as_the_same_event_elsewhere() {
        for with_positions in [false, true] {
            let mut exporter = Exporter { with_positions, ..Default::default() };
            let first = Value::Object(exporter.line(&event(4, claim())).unwrap()).to_string();
            let second = Value::Object(exporter.line(&event(9, about(4))).unwrap()).to_string();
            assert_eq!(second.contains("recordedAt"), with_positions, "{second}");
            let first = lines::read(first.as_bytes(), 1).unwrap();
            let second = lines::read(second.as_bytes(), 2).unwrap();
            let expected = |payload| NewEvent {
                payload: Some(payload),
                tags: vec!["desk:a".to_owned()],
                metadata: [("k".to_owned(), "v".to_owned())].into(),
            };
            assert_eq!(first.event(None), expected(claim()));
            assert_eq!(second.payload.claim.as_ref().unwrap().id, first.id.unwrap());
            assert_eq!(second.event(Some(1)), expected(about(1)));
            assert_eq!(second.stream.unwrap().as_str(), "exchange/demo-1");
        }
    }

    #[tokio::test]
    async fn an_exported_store_imports_into_an_empty_one_as_the_same_events() {
        let (source, target) = (Fake::default(), Fake::default());
        let client = source.client().await;
        for (position, payload) in [claim(), claim(), about(2), about(1)].into_iter().enumerate() {
            let tags = vec!["desk:a".to_owned()];
            let event = NewEvent { payload: Some(payload), tags, ..Default::default() };
            let stream = "exchange/demo-1".to_owned();
            let write = StreamWrite { stream, events: vec![event], ..Default::default() };
            let request = AppendRequest { writes: vec![write], ..Default::default() };
            let response = client.append(request).await.unwrap();
            assert_eq!(response.first_position, position as u64 + 1);
        }
        let mut lines = Vec::new();
        export(&client, ReadRequest::default(), true, &mut lines).await.unwrap();
        // Something else is there first, so that every position differs.
        let lines =
            [br#"{"stream":"x/y","payload":{"@type":"x.Y","@bytes":""}}"#, b"\n".as_slice()]
                .concat()
                .into_iter()
                .chain(lines)
                .collect::<Vec<u8>>();
        let mut report = Terminal::new("test");
        let client = target.client().await;
        let done =
            import(&client, lines.as_slice(), Options::default(), &mut report).await.unwrap();
        assert_eq!((done.added, done.refused), (5, 0));
        let events = target.events();
        for (old, new) in source.events().into_iter().zip(&events[1..]) {
            assert_eq!(new.position, old.position + 1);
            let same_but = |e: &RecordedEvent| (e.stream.clone(), e.revision, e.metadata.clone());
            assert_eq!(same_but(&old), same_but(new));
            let known = |e: &RecordedEvent| {
                let any = e.payload.clone().unwrap();
                Known::decode(any.type_name(), &any.value).unwrap().unwrap()
            };
            match (known(&old).about(), known(new).about()) {
                (None, None) => assert_eq!((&old.payload, &old.tags), (&new.payload, &new.tags)),
                (old, new) => assert_eq!(old.map(|claim| claim + 1), new),
            }
        }
    }

    #[test]
    fn a_claim_that_is_left_out_is_not_pointed_at() {
        let failure = Exporter::default().line(&event(9, about(4))).unwrap_err();
        assert!(failure.message.contains("event 9 is about event 4"), "{failure}");
    }
}
