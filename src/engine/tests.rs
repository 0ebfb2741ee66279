//! The engine at its edges: a disk that waits or fails, clocks, claims about claims, followers.

mod appends;
mod back_pressure;
mod checkpoints;
mod claims;
mod deliveries;
mod durability;
mod followers;
mod groups;
mod leases;
mod lists;
mod projections;
mod reads;
mod rebuild;
mod restoring;
mod spellings;
mod starts;
mod watches;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::*;
use crate::{
    domain::{
        event::{Condition, Direction, Micros, NewEvent, Write},
        filter::FilterItem,
        known::Known,
        name::{StreamName, Tag, TypeName},
        proto::RecordedEvent,
        recorded::decode_events,
    },
    log::gate,
};

/// A store in a folder of its own, with a clock that the test sets.
struct Store {
    _dir: tempfile::TempDir,
    data: PathBuf,
    clock: Arc<AtomicI64>,
    /// How far the clock goes on at each look at it.
    tick: Arc<AtomicI64>,
    accept_clock_behind: bool,
    engine: Option<Arc<Engine>>,
}

impl Store {
    fn new() -> Self {
        Self::on(Arc::new(RealFiles))
    }

    fn on(files: Arc<dyn Files>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let clock = Arc::new(AtomicI64::new(1_000_000_000));
        let mut store = Self {
            _dir: dir,
            data,
            clock,
            tick: Arc::default(),
            accept_clock_behind: false,
            engine: None,
        };
        store.open(files);
        store
    }

    fn engine(&self) -> &Arc<Engine> {
        self.engine.as_ref().unwrap()
    }

    fn set_clock(&self, time: Micros) {
        self.clock.store(time, Ordering::SeqCst);
    }

    fn open(&mut self, files: Arc<dyn Files>) {
        let (clock, tick) = (Arc::clone(&self.clock), Arc::clone(&self.tick));
        let log = LogSettings {
            journal_file_bytes: 1 << 20,
            volume_bytes: 1 << 20,
            ..LogSettings::default()
        };
        let settings = EngineSettings {
            log,
            clock: Arc::new(move || clock.fetch_add(tick.load(Ordering::SeqCst), Ordering::SeqCst)),
            files,
            accept_clock_behind: self.accept_clock_behind,
            ..EngineSettings::default()
        };
        self.engine = Some(Engine::open(&self.data, settings).unwrap());
    }

    async fn try_close(&mut self) -> Result<(), LogError> {
        let engine = self.engine.take().unwrap();
        tokio::task::spawn_blocking(move || engine.stop()).await.unwrap()
    }

    async fn close(&mut self) {
        self.try_close().await.unwrap();
    }

    async fn reopen(&mut self) {
        self.close().await;
        self.open(Arc::new(RealFiles));
    }

    async fn all(&self) -> Vec<RecordedEvent> {
        self.read(spec(Start::Unset, Direction::Forwards, None)).await
    }

    async fn read(&self, spec: ReadSpec) -> Vec<RecordedEvent> {
        let mut scan = self.engine().read(spec).await.unwrap();
        let mut events = Vec::new();
        while let Some(encoded) = scan.next().await.unwrap() {
            let batch = decode_events(encoded.events).unwrap();
            assert_eq!(batch.len(), encoded.count);
            events.extend(batch);
        }
        events
    }
}

fn spec(start: Start, direction: Direction, limit: Option<u64>) -> ReadSpec {
    ReadSpec { filter: Filter::all(), start, direction, limit }
}

/// The events that carry the tag.
fn tagged(tag: &str) -> Filter {
    let tags = vec![Tag::parse(tag).unwrap()];
    Filter::new(vec![FilterItem { tags, ..FilterItem::default() }]).unwrap()
}

/// An event of a type that the server does not know.
fn noted(payload: &str, tags: &[&str]) -> NewEvent {
    NewEvent {
        type_url: "x/demo.Noted".into(),
        type_name: TypeName::parse("demo.Noted").unwrap(),
        payload: payload.as_bytes().to_vec().into(),
        tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
        metadata: BTreeMap::new(),
    }
}

fn write(stream: &str, events: Vec<NewEvent>) -> Write {
    Write { stream: StreamName::parse(stream).unwrap(), expected_revision: None, events }
}

fn append(stream: &str, payload: &str) -> Append {
    let writes = vec![write(stream, vec![noted(payload, &[])])];
    Append { request_id: None, writes, condition: None, recorded_by: None }
}

/// An append of known events to one stream.
fn known(stream: &str, events: &[Known]) -> Append {
    let events = events.iter().map(|known| {
        let payload = known.pack();
        NewEvent {
            type_name: TypeName::parse(payload.type_name()).unwrap(),
            type_url: payload.type_url,
            payload: payload.value,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
        }
    });
    let writes = vec![write(stream, events.collect())];
    Append { request_id: None, writes, condition: None, recorded_by: None }
}

fn text(event: &RecordedEvent) -> String {
    let payload = event.payload.as_ref().unwrap();
    String::from_utf8(payload.value.to_vec()).unwrap()
}
