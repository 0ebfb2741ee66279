//! The server's host: the real engine over a real store, and the real services over the simulated
//! network.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use handover::{
    engine::{Engine, EngineSettings},
    grpc::{peers::ConnectionLimits, serve::Services, web::Origins},
    log::LogSettings,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::network;

/// When the simulation begins, in microseconds since the Unix epoch.
const EPOCH: i64 = 1_800_000_000_000_000;
/// How long a stop waits for the calls under way.
const GRACE: Duration = Duration::from_secs(5);
/// How long a subscription is silent. A filter that matches nothing passes events by that.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the writer may take in real time.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server: what is left of it when its host has crashed, too.
pub(super) struct Server {
    data: PathBuf,
    /// The simulated time, which events are recorded with.
    now: Arc<AtomicI64>,
    running: Mutex<Option<Running>>,
    /// Waits for the engine in real time.
    real: Runtime,
    _dir: tempfile::TempDir,
}

#[derive(Clone)]
struct Running {
    engine: Arc<Engine>,
    stop: CancellationToken,
}

impl Server {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let real = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (data, now) = (dir.path().join("data"), Arc::new(AtomicI64::new(EPOCH)));
        Self { data, now, running: Mutex::default(), real, _dir: dir }
    }

    /// What runs on the host: a server from its start to its stop.
    pub(super) async fn serve(self: Arc<Self>) -> turmoil::Result {
        let engine = self.open().await;
        let running = Running { engine: Arc::clone(&engine), stop: CancellationToken::new() };
        *self.lock() = Some(running.clone());
        let services = Services::new(&engine, false, Origins::default()).await;
        let stopping = async {
            running.stop.cancelled().await;
            engine.begin_stop();
        };
        let limits = ConnectionLimits::new(256, None);
        let served = services.serve_connections(network::connections().await?, limits, stopping);
        let late = async {
            running.stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = served => served?,
            () = late => {}
        }
        drop(services);
        self.lock().take();
        closed(engine).await;
        Ok(())
    }

    async fn open(&self) -> Arc<Engine> {
        let log = LogSettings {
            journal_file_bytes: 1 << 20,
            volume_bytes: 1 << 16,
            ..LogSettings::default()
        };
        let (data, now) = (self.data.clone(), Arc::clone(&self.now));
        let settings = EngineSettings {
            log,
            clock: Arc::new(move || now.load(Ordering::SeqCst)),
            heartbeat: HEARTBEAT,
            ..EngineSettings::default()
        };
        let runtime = Handle::current();
        let opened = tokio::task::spawn_blocking(move || {
            let _within = runtime.enter();
            Engine::open(&data, settings)
        });
        opened.await.expect("no panic").expect("the store opens")
    }

    /// Begins a stop, as a signal does.
    pub(super) fn begin_stop(&self) {
        if let Some(running) = &*self.lock() {
            running.stop.cancel();
        }
    }

    /// Closes the store after its host has crashed: another process would have ended with it.
    pub(super) fn close(&self) {
        let running = self.lock().take();
        if let Some(running) = running {
            running.engine.stop().expect("the store closes");
        }
    }

    /// Sets the clock, and waits until the writer has answered all that was queued.
    pub(super) fn settle(&self, elapsed: Duration) {
        let elapsed = i64::try_from(elapsed.as_micros()).expect("a short simulation");
        self.now.store(EPOCH + elapsed, Ordering::SeqCst);
        let engine = self.lock().as_ref().map(|running| Arc::clone(&running.engine));
        if let Some(engine) = engine {
            let answers = async { timeout(PATIENCE, engine.writer_answers()).await };
            // A writer that has ended has answered everything.
            let _ = self.real.block_on(answers).expect("the writer answers");
        }
    }

    /// The position of the last event; none: the server does not run.
    pub(super) fn head(&self) -> Option<u64> {
        self.lock().as_ref().map(|running| running.engine.head().position)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the engine on a thread of its own. A blocking task would hold up the clock of the host,
/// and what is to end on it may wait for the clock.
async fn closed(engine: Arc<Engine>) {
    let (stopped, awaited) = oneshot::channel();
    std::thread::spawn(move || stopped.send(engine.stop()));
    awaited.await.expect("no panic").expect("the store closes");
}
