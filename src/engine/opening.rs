//! Opens a store and starts what runs over it: the writer's thread, the tasks that follow the log.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::event::Position,
    engine::{
        Engine, EngineSettings, Groups, Head,
        appender::Appender,
        back_pressure::{self, BackPressure, Followers, Sensors},
        backup::BackupReader,
        bounds::{QUEUE_APPENDS, QUEUE_BYTES, QUEUE_CALLERS, SUBMITTED_BYTES},
        head::HeadSender,
        measures::Measures,
        projector::Projector,
        reader::Reader,
        writer::{BATCHES, Message, PermanentFailure, Writer, give},
    },
    log::{Hooks, Log, LogError, name_in, store},
};

impl Engine {
    /// Opens the store in `dir`, making it if there is none, and starts its threads.
    ///
    /// Must be called within a tokio runtime. It reads what is needed to serve, so it blocks.
    pub fn open(dir: &Path, settings: EngineSettings) -> Result<Arc<Self>, LogError> {
        let indexed = Arc::new(watch::Sender::new(0));
        let followers = Arc::new(Followers::default());
        let hooks = hooks(&indexed, &followers);
        let log = Log::open(dir, &settings.log, Arc::clone(&settings.files), hooks)?;
        // The hook does not report what was indexed while the log was opened.
        raise(&indexed, log.index().watermark());
        let last = Head::of(&log, log.tip()?.position)?;
        let (head_sender, head) = HeadSender::new(last);
        let (fault, measures) = (Arc::new(PermanentFailure::default()), Arc::<Measures>::default());
        let back_pressure = back_pressure_of(dir, &settings, followers);
        back_pressure.look(&log, last.recorded_at.unwrap_or(0));
        let (queue, messages) = mpsc::channel(QUEUE_APPENDS);
        let (answers, given) = mpsc::channel(BATCHES);
        tokio::spawn(give(given));
        let pressing = Arc::clone(&back_pressure);
        let writer = Writer::new(Arc::clone(&log), log.tip()?, head_sender, pressing, answers)
            .last_recorded(last.recorded_at)
            .reports_to(Arc::clone(&fault))
            .counts_in(Arc::clone(&measures))
            .clock(Arc::clone(&settings.clock));
        let writer = start(writer, messages, dir)?;
        let stopping = CancellationToken::new();
        let (looking, looked_at) = (Arc::clone(&back_pressure), Arc::clone(&log));
        tokio::spawn(back_pressure::follow(looking, looked_at, head.clone(), stopping.clone()));
        let stop = stopping.clone();
        let reader = Reader::new(Arc::clone(&log), head.clone(), indexed.subscribe(), stop)
            .with_heartbeat(settings.heartbeat);
        let projections = projections_dir(dir);
        let clock = Arc::clone(&settings.clock);
        let of_projector = reader.with_own_turns();
        let projector =
            Projector::start(&projections, log.store_id(), of_projector, settings.clock);
        let appender = Appender {
            reader: reader.clone(),
            look_ups: reader.with_own_turns(),
            queue,
            budget: Arc::new(Semaphore::new(QUEUE_BYTES)),
            submitted: Arc::new(Semaphore::new(SUBMITTED_BYTES)),
            callers: Arc::new(Semaphore::new(QUEUE_CALLERS)),
            fault,
            measures: Arc::clone(&measures),
            record: projector.record(),
            recorded_by: settings.recorded_by.into(),
        };
        let backup = BackupReader::new(log.backup_source(), stopping.clone());
        let groups = Groups::start(appender.clone(), clock);
        let name = name_in(log.store_id(), log.history().id());
        Ok(Arc::new(Self {
            log,
            name,
            reader,
            head,
            appender,
            groups,
            back_pressure,
            backup,
            projector,
            measures,
            verifying: Arc::new(Semaphore::new(1)),
            stopping,
            writer: Mutex::new(Some(writer)),
        }))
    }
}

fn back_pressure_of(
    dir: &Path,
    settings: &EngineSettings,
    followers: Arc<Followers>,
) -> Arc<BackPressure> {
    let sensors = Sensors {
        files: Arc::clone(&settings.files),
        dir: dir.to_owned(),
        clock: Arc::clone(&settings.clock),
        accept_clock_behind: settings.accept_clock_behind,
    };
    Arc::new(BackPressure::new((&settings.log).into(), sensors, followers))
}

fn start(
    writer: Writer,
    messages: mpsc::Receiver<Message>,
    dir: &Path,
) -> Result<JoinHandle<()>, LogError> {
    let thread = std::thread::Builder::new().name("writer".into());
    let started = thread.spawn(move || writer.run(messages));
    started.map_err(|source| LogError::io("start the writer's thread of", dir, source))
}

/// What is done about what the log reports.
fn hooks(indexed: &Arc<watch::Sender<Position>>, followers: &Arc<Followers>) -> Hooks {
    let indexed = Arc::clone(indexed);
    let [moved, done, failed] = std::array::from_fn(|_| Arc::clone(followers));
    Hooks {
        on_indexed: Box::new(move |position| {
            raise(&indexed, position);
            moved.note_indexed();
        }),
        on_done: Box::new(move |follower| done.note_done(follower)),
        on_fault: Box::new(move |follower, fault| failed.note_failed(follower, fault)),
        ..Hooks::default()
    }
}

fn raise(indexed: &watch::Sender<Position>, position: Position) {
    indexed.send_modify(|indexed| *indexed = position.max(*indexed));
}

fn projections_dir(dir: &Path) -> PathBuf {
    dir.join(store::PROJECTIONS)
}
