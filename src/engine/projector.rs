//! Runs the projection of claims: follows the head, applies events in order, saves its state.
//!
//! The state is saved together with its position, so that it starts from there the next time; a
//! saved state that does not fit is not used, and the projection starts from the beginning.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::{Filter, FilterItem},
        known::Known,
        name::TypeName,
        recorded::{decode_run, micros},
    },
    engine::{
        BeyondHead, ReadError,
        reader::{Reader, Span},
    },
    log::files::{RealFiles, write_atomically},
    projections::{
        Event, Projection,
        claims::Claims,
        counts::{Change, CountAnswer, CountQuery, changes, country_counts},
        snapshot::{self, StoreId},
    },
};

/// How long a query without a deadline of its own waits for a position to be reached.
const REACH_TIMEOUT: Duration = Duration::from_secs(30);
/// Events after which the state is saved while running; it is saved at a stop as well.
const SAVE_EVERY: u64 = 50_000;

/// The running projection.
#[derive(Debug)]
pub(super) struct Projector {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
    runtime: Handle,
}

/// What the projection's task and its readers share.
#[derive(Debug)]
struct Shared {
    reader: Reader,
    claims: RwLock<Claims>,
    progress: watch::Sender<Progress>,
    file: PathBuf,
    store: StoreId,
}

/// How far the projection has come.
#[derive(Clone, Debug, Default)]
struct Progress {
    position: Position,
    failed: Option<Arc<str>>,
}

/// The moment of the record that a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Now.
    Now,
    /// Just after this position.
    Position(Position),
    /// Just after everything recorded up to this time.
    Time(Micros),
}

/// Answers queries about figures.
#[derive(Clone, Debug)]
pub struct CountsReader(Arc<Shared>);

impl Projector {
    /// Starts the projection, from its saved state in `dir` if there is a good one.
    pub(super) fn start(
        dir: &Path,
        store: StoreId,
        reader: Reader,
        stopping: CancellationToken,
    ) -> Self {
        let file = dir.join(Claims::NAME);
        let claims = load(&file, store, reader.head().position).unwrap_or_default();
        let progress = Progress { position: claims.position(), failed: None };
        let shared = Arc::new(Shared {
            reader,
            claims: RwLock::new(claims),
            progress: watch::Sender::new(progress),
            file,
            store,
        });
        let task = tokio::spawn(follow(Arc::clone(&shared), stopping));
        Self { shared, task: Mutex::new(Some(task)), runtime: Handle::current() }
    }

    pub(super) fn counts(&self) -> CountsReader {
        CountsReader(Arc::clone(&self.shared))
    }

    /// Waits for the projection to end, which it does once the engine is stopping, and saves it.
    pub(super) fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends at its next step; a panic was logged where it happened.
            let _ = self.runtime.block_on(task);
            self.shared.save();
        }
    }
}

/// Applies what is durable, then waits for more, until the engine stops or an event cannot be
/// applied.
async fn follow(shared: Arc<Shared>, stopping: CancellationToken) {
    let mut head = shared.reader.watch_head();
    loop {
        let available = head.borrow_and_update().position;
        let caught_up = tokio::select! {
            caught_up = shared.catch_up(available) => caught_up,
            () = stopping.cancelled() => return,
        };
        if let Err(error) = caught_up {
            let reason: Arc<str> = error.to_string().into();
            tracing::error!(projection = Claims::NAME, %reason, "the projection stops");
            shared.progress.send_modify(|progress| progress.failed = Some(reason));
            return;
        }
        tokio::select! {
            moved = head.changed() => if moved.is_err() { return },
            () = stopping.cancelled() => return,
        }
    }
}

impl Shared {
    async fn catch_up(&self, end: Position) -> Result<(), ReadError> {
        let filter = Filter::of_server(vec![FilterItem {
            types: Known::TYPE_NAMES.iter().filter_map(|name| TypeName::parse(name).ok()).collect(),
            ..FilterItem::default()
        }]);
        let mut cursor = self.progress.borrow().position;
        let mut saved = cursor;
        while cursor < end {
            let span = Span { cursor, end, direction: Direction::Forwards };
            cursor = match self.reader.next(&filter, span, u64::MAX).await? {
                Some(run) => {
                    self.apply(run.events)?;
                    run.last
                }
                None => end,
            };
            self.progress.send_modify(|progress| progress.position = cursor);
            if cursor - saved >= SAVE_EVERY {
                self.save();
                saved = cursor;
            }
        }
        Ok(())
    }

    fn apply(&self, run: bytes::Bytes) -> Result<(), ReadError> {
        let failed =
            |reason: String| ReadError::Projection { name: Claims::NAME, reason: reason.into() };
        let events = decode_run(run).map_err(|error| failed(error.to_string()))?;
        let mut claims = self.claims.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let payload = event.payload.unwrap_or_default();
            let event = Event {
                position: event.position,
                recorded_at: event.recorded_at.as_ref().map_or(0, micros),
                type_name: payload.type_name(),
                payload: &payload.value,
            };
            claims.apply(&event).map_err(|error| failed(error.to_string()))?;
        }
        Ok(())
    }

    fn claims(&self) -> RwLockReadGuard<'_, Claims> {
        self.claims.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Saves the state. A failure costs time at the next start, nothing else.
    fn save(&self) {
        let bytes = snapshot::encode(&*self.claims(), self.store);
        let dir = self.file.parent().unwrap_or(Path::new("."));
        let saved =
            fs::create_dir_all(dir).and_then(|()| write_atomically(&RealFiles, &self.file, &bytes));
        if let Err(error) = saved {
            tracing::warn!(%error, file = %self.file.display(), "a projection was not saved");
        }
    }
}

/// A saved state that fits the store and does not reach beyond its head.
fn load(file: &Path, store: StoreId, head: Position) -> Option<Claims> {
    let bytes = fs::read(file).ok()?;
    let loaded = snapshot::decode::<Claims>(&bytes, store);
    let claims = loaded
        .inspect_err(|error| tracing::info!(%error, "the claims are projected from the beginning"))
        .ok()?;
    (claims.position() <= head).then_some(claims)
}

impl CountsReader {
    /// Waits until the figures include `position`.
    pub async fn reached(&self, position: Position) -> Result<(), ReadError> {
        let mut progress = self.0.progress.subscribe();
        let reached = progress.wait_for(|it| it.position >= position || it.failed.is_some());
        let Ok(reached) = tokio::time::timeout(REACH_TIMEOUT, reached).await else {
            let head = self.0.progress.borrow().position;
            return Err(ReadError::NotReached { position, head });
        };
        let progress = reached.map_err(|_| ReadError::Stopping)?;
        match &progress.failed {
            Some(reason) => {
                Err(ReadError::Projection { name: Claims::NAME, reason: Arc::clone(reason) })
            }
            None => Ok(()),
        }
    }

    /// The figures as of a moment; a moment that has not come yet is refused.
    pub async fn get(&self, query: CountQuery, as_of: AsOf) -> Result<CountAnswer, ReadError> {
        let head = self.0.reader.head();
        let wanted = match as_of {
            AsOf::Now => 0,
            AsOf::Position(position) => within("as_of.position", position, head.position)?,
            AsOf::Time(time) => {
                let last = u64::try_from(head.recorded_at.unwrap_or(Micros::MAX)).unwrap_or(0);
                within("as_of.recorded_time", u64::try_from(time).unwrap_or(0), last)?;
                // The time may fall between the events that the figures include so far and the head.
                head.position
            }
        };
        self.reached(wanted).await?;
        let shown = self.0.progress.borrow().position;
        let claims = self.0.claims();
        let at = match as_of {
            AsOf::Now => shown,
            AsOf::Position(position) => position,
            AsOf::Time(time) => self.0.reader.index().position_at(time.saturating_add(1)),
        };
        let answer = country_counts(&claims, &CountQuery { as_of: Some(at), ..query });
        Ok(CountAnswer { position: at, ..answer })
    }

    /// The figures now, and then every change of them.
    pub async fn watch(
        &self,
        query: CountQuery,
        stopping: CancellationToken,
    ) -> Result<(CountAnswer, CountsWatch), ReadError> {
        let progress = self.0.progress.subscribe();
        let first = self.get(query.clone(), AsOf::Now).await?;
        let watch = CountsWatch {
            shared: Arc::clone(&self.0),
            progress,
            query,
            stopping,
            shown: first.clone(),
            changes: VecDeque::new(),
        };
        Ok((first, watch))
    }
}

fn within(field: &'static str, given: u64, end: u64) -> Result<u64, ReadError> {
    if given > end {
        return Err(ReadError::BeyondHead(BeyondHead { field, given, end }));
    }
    Ok(given)
}

/// Somebody who watches figures: what was shown last, and changes that are still to be told.
#[derive(Debug)]
pub struct CountsWatch {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    query: CountQuery,
    stopping: CancellationToken,
    shown: CountAnswer,
    changes: VecDeque<Change>,
}

impl CountsWatch {
    /// The next change with the position that it is true for; `None`: the server is stopping.
    ///
    /// Changes that follow each other quickly are told as one, with all the events that caused it.
    pub async fn next(&mut self) -> Result<Option<(Change, Position)>, ReadError> {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return Ok(Some((change, self.shown.position)));
            }
            let progress = self.progress.borrow_and_update().clone();
            if let Some(reason) = progress.failed {
                return Err(ReadError::Projection { name: Claims::NAME, reason });
            }
            if progress.position > self.shown.position {
                self.compare(progress.position);
                continue;
            }
            let moved = tokio::select! {
                moved = self.progress.changed() => moved.is_ok(),
                () = self.stopping.cancelled() => false,
            };
            if !moved {
                return Ok(None);
            }
        }
    }

    /// Finds what differs between what was shown and the figures now.
    fn compare(&mut self, position: Position) {
        let claims = self.shared.claims();
        let since = self.shown.position;
        let (changes, answer) = changes(&claims, &self.shown.rows, since, &self.query);
        self.changes.extend(changes);
        self.shown = CountAnswer { position: claims.position().max(position), ..answer };
    }
}
