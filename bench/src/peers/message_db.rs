//! Message DB: functions of PostgreSQL over its protocol. Several events of a request are one
//! transaction, and a condition is the expected version of a stream.

mod wire;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use handover::cli::exit::Failure;

use self::wire::{Answer, NAME, Wire, execution};
use super::{
    connection::{Arrivals, Connection, Progress, failed},
    work::{Batch, Event, Place, Selection, Source, json},
};

/// The login that its scripts make, and its database.
const LOGIN: (&str, &str) = ("message_store", "message_store");
/// Where its functions find its table and each other.
const SETTINGS: [(&str, &str); 1] = [("search_path", "message_store,public")];
/// Categories of the streams that are only appended to. Appends to one of them wait for each other.
const CATEGORIES: u64 = 16;
/// Messages of a page, as its clients read them.
const PAGE: u64 = 1_000;
/// Columns of a message, by their places.
const GLOBAL_POSITION: usize = 4;

const WRITE: (&str, &str) = (
    "write",
    "SELECT message_store.write_message($1::varchar, $2::varchar, $3::varchar, $4::jsonb)",
);
const WRITE_AFTER: (&str, &str) = (
    "write_after",
    "SELECT message_store.write_message($1::varchar, $2::varchar, $3::varchar, $4::jsonb, NULL, \
     $5::bigint)",
);
const OF_STREAM: (&str, &str) =
    ("of_stream", "SELECT * FROM message_store.get_stream_messages($1::varchar)");
const OF_CATEGORY: (&str, &str) = (
    "of_category",
    "SELECT * FROM message_store.get_category_messages($1::varchar, $2::bigint, $3::bigint)",
);
const LAST: (&str, &str) =
    ("last", "SELECT * FROM message_store.get_last_stream_message($1::varchar, $2::varchar)");

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct MessageDb {
    wire: Arc<Wire>,
    source: Arc<Source>,
}

/// Whether the server takes logins.
pub(super) async fn serves(address: &str) -> Result<(), Failure> {
    Wire::connect(address, ("postgres", "postgres"), &[]).await.map(drop)
}

impl MessageDb {
    pub(super) async fn connect(address: &str, source: Arc<Source>) -> Result<Self, Failure> {
        let wire = Wire::connect(address, LOGIN, &SETTINGS).await?;
        for (name, statement) in [WRITE, WRITE_AFTER, OF_STREAM, OF_CATEGORY, LAST] {
            wire.prepare(name, statement).await?;
        }
        Ok(Self { wire: Arc::new(wire), source })
    }

    fn add(&self, request: &mut BytesMut, (event, place): (&Event, Place), version: Option<&str>) {
        let id = self.source.id(event.number).to_string();
        let data = json(&self.source.identity.payload(event.number));
        let (stream, kind) = (stream(event, place), kind(event));
        match version {
            None => execution(request, WRITE.0, &[&id, &stream, &kind, &data]),
            Some(version) => {
                execution(request, WRITE_AFTER.0, &[&id, &stream, &kind, &data, version]);
            }
        }
    }

    async fn run(&self, name: &str, parameters: &[&str]) -> Result<Answer, Failure> {
        let mut request = BytesMut::new();
        execution(&mut request, name, parameters);
        self.wire.request(request).await
    }

    /// Reads a category page by page.
    async fn read_all(&self, progress: Progress<'_>) -> Result<(), Failure> {
        let (mut position, page) = (1, PAGE.to_string());
        loop {
            let parameters = [READ, &position.to_string(), &page];
            let answer = self.run(OF_CATEGORY.0, &parameters).await?;
            if !progress(answer.rows) || answer.rows < PAGE {
                return Ok(());
            }
            position = number(answer.last.get(GLOBAL_POSITION))? + 1;
        }
    }
}

/// The category of the log that is read. There is no read of all categories.
const READ: &str = "bench";

fn stream(event: &Event, place: Place) -> String {
    match place {
        Place::Tens => format!("{READ}-{}", event.stream),
        Place::Stream(stream) => format!("bench{}-{stream}", stream % CATEGORIES),
    }
}

fn kind(event: &Event) -> String {
    format!("Kind{}", event.kind)
}

fn number(column: Option<&Option<Bytes>>) -> Result<u64, Failure> {
    let text = column.and_then(Option::as_ref).map(|it| String::from_utf8_lossy(it));
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| failed(NAME, "a row has no number where one is expected"))
}

#[tonic::async_trait]
impl Connection for MessageDb {
    async fn append(&self, batch: &Batch) -> Result<(), Failure> {
        let mut request = BytesMut::new();
        for event in batch.events() {
            self.add(&mut request, (&event, batch.place), None);
        }
        let answer = self.wire.request(request).await?;
        if answer.rows != u64::from(batch.count) {
            return Err(failed(NAME, "a batch was not written whole"));
        }
        Ok(())
    }

    async fn append_after(&self, batch: &Batch, seen: Option<u64>) -> Result<u64, Failure> {
        // Versions begin at 0; a stream without messages has -1.
        let version = seen.map_or_else(|| "-1".to_owned(), |seen| seen.to_string());
        let mut request = BytesMut::new();
        for event in batch.events().take(1) {
            self.add(&mut request, (&event, batch.place), Some(&version));
        }
        number(self.wire.request(request).await?.last.first())
    }

    async fn read(&self, selection: Selection, progress: Progress<'_>) -> Result<(), Failure> {
        let rows = match selection {
            Selection::All => return self.read_all(progress).await,
            Selection::Share(_) => return Err(failed(NAME, "Message DB has no labels")),
            Selection::Stream(stream) => {
                self.run(OF_STREAM.0, &[&format!("{READ}-{stream}")]).await?.rows
            }
            Selection::One(event) => {
                let stream = stream(&event, Place::Tens);
                self.run(LAST.0, &[&stream, &kind(&event)]).await?.rows
            }
        };
        progress(rows);
        Ok(())
    }

    async fn follow(&self) -> Result<Arrivals, Failure> {
        Err(failed(NAME, "Message DB has no subscriptions"))
    }
}
