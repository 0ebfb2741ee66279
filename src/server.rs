//! Runs a server from start to graceful stop.
//!
//! The caller owns the socket and the stop signal, so that tests can bind any port and stop when
//! they like. On stop, health turns first, streams end, calls under way are answered, and last
//! the data directory is released.

mod notify;
mod watch;

use std::{io, pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Settings,
    descriptors::Descriptors,
    engine::Engine,
    grpc::{client::Client, protection::Protection, serve::Services},
    metrics,
    telemetry::SpanCounts,
};
use notify::Manager;

/// Where clients reach the server, and how.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: TcpListener,
    /// What protects it.
    pub protection: Protection,
    /// Where metrics are scraped; `None`: nowhere.
    pub metrics: Option<TcpListener>,
    /// What becomes of spans; `None`: they are not sent.
    pub spans: Option<Arc<SpanCounts>>,
}

/// Serves on `listening`, as `settings` say, until `stop`.
///
/// `load` is called with a client of the server while it answers but does not report ready yet; if
/// it fails, the server stops. `announce` is called, once the server is ready, with its URL and
/// what `load` returned.
pub async fn run<T>(
    settings: Settings,
    listening: Listening,
    load: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
    announce: impl FnOnce(&str, T),
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let address = listening.listener.local_addr();
    let address = address.context("the listening socket has no address")?;
    let tls = listening.protection.tls.is_some();
    let (version, data) = (env!("CARGO_PKG_VERSION"), settings.data.display().to_string());
    let metrics = listening.metrics.as_ref().and_then(|it| it.local_addr().ok());
    let metrics = metrics.map(tracing::field::display);
    tracing::info!(version, data, %address, tls, metrics, "starting");
    let url = format!("{}://{address}", if tls { "https" } else { "http" });
    let manager = Arc::new(Manager::of_environment());
    let starting = starting(Arc::clone(&manager));
    let running = Running::start(&settings, listening, &manager).await?;
    let announce = |loaded| {
        drop(starting);
        manager.ready(&url);
        announce(&url, loaded);
    };
    let served = running.serve(load, announce, stop).await;
    tracing::info!("stopping");
    manager.stopping();
    let stopped = running.stop(settings.stop_grace()).await;
    served.and(stopped)
}

/// A server that answers.
struct Running {
    engine: Arc<Engine>,
    services: Services,
    listening: JoinHandle<io::Result<()>>,
    listening_stops: CancellationToken,
    /// Ends with the server.
    beside: JoinSet<()>,
}

impl Running {
    async fn start(
        settings: &Settings,
        at: Listening,
        manager: &Arc<Manager>,
    ) -> anyhow::Result<Self> {
        let descriptors = Descriptors::raise();
        let engine = open(settings, descriptors).await?;
        let services = Services::new(&engine, settings.reflection, settings.web_origins()).await;
        let listening_stops = CancellationToken::new();
        let (serving, stops) = (services.clone(), listening_stops.clone());
        let limits = settings.connection_limits(descriptors.connections);
        let listening = tokio::spawn(async move {
            let stop = stops.cancelled_owned();
            serving.listen(at.listener, at.protection, limits, stop).await
        });
        let mut beside = JoinSet::new();
        let health = services.health.clone();
        beside.spawn(watch::alive(Arc::clone(&engine), health, Arc::clone(manager)));
        if let Some(listener) = at.metrics {
            beside.spawn(metrics::serve(listener, services.observer().clone(), at.spans));
        }
        Ok(Self { engine, services, listening, listening_stops, beside })
    }

    /// Loads, reports ready, and waits for `stop`.
    async fn serve<T>(
        &self,
        load: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
        announce: impl FnOnce(T),
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let mut stop = pin!(stop);
        let loaded = tokio::select! {
            loaded = async { load(self.services.in_process().await?).await } => loaded?,
            // A signal during a long import ends it; what it has recorded stays recorded.
            () = &mut stop => return Ok(()),
        };
        let first = watch::look(&self.engine);
        self.services.health.ready(first).await;
        tracing::info!(position = self.engine.head().position, "serving");
        announce(loaded);
        tokio::select! {
            () = stop => {}
            () = watch::usable(&self.engine, &self.services.health, first) => {}
        }
        Ok(())
    }

    async fn stop(self, grace: Duration) -> anyhow::Result<()> {
        self.services.health.not_ready().await;
        self.engine.begin_stop();
        self.listening_stops.cancel();
        // Not for ever: a stream that its client never reads does not end.
        let drained = tokio::time::timeout(grace, self.listening).await;
        let listened = drained.unwrap_or_else(|_| {
            tracing::warn!("calls were still under way when the grace period ended");
            Ok(Ok(()))
        });
        drop(self.beside);
        let engine = self.engine;
        let closed = tokio::task::spawn_blocking(move || engine.stop()).await;
        closed.context("the engine's stop failed")?.context("the store did not close cleanly")?;
        listened.context("the listener's task failed")?.context("the listener failed")
    }
}

/// Tells the service manager that the start is under way, until this is dropped.
fn starting(manager: Arc<Manager>) -> JoinSet<()> {
    let mut starting = JoinSet::new();
    starting.spawn(async move {
        loop {
            manager.starting();
            tokio::time::sleep(Manager::STARTING_EVERY).await;
        }
    });
    starting
}

async fn open(settings: &Settings, descriptors: Descriptors) -> anyhow::Result<Arc<Engine>> {
    let (dir, mut engine) = (settings.data.clone(), settings.engine());
    // The other half is for everything that is not a sealed volume.
    engine.log.open_files = engine.log.open_files.min(descriptors.store / 2);
    let opened = tokio::task::spawn_blocking(move || Engine::open(&dir, engine)).await;
    opened
        .context("opening the store failed")?
        .with_context(|| format!("cannot open the store in {}", settings.data.display()))
}
