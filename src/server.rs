//! Runs a server from start to graceful stop.
//!
//! The caller owns the socket and the requests to stop, so that tests can bind any port and stop
//! when they like. On stop, health turns first, streams end, calls under way are answered, and last
//! the data directory is released. Each further request ends the step of the stop that is under
//! way: the first of them the wait for calls, one after that the wait for the store to close.

mod notify;
mod watch;

use std::{io, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _};
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinHandle, JoinSet},
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

/// Why the server ends before its store is closed. Appends are durable before they are answered,
/// so nothing of them is lost.
const UNCLOSED: &str = "another signal ended the server before its store was closed; what was \
                        acknowledged is kept, and the next start makes up for the rest";

/// Serves on `listening`, as `settings` say, until the first item of `stops`.
///
/// `load` is called with a client of the server while it answers but does not report ready yet; if
/// it fails, the server stops. `announce` is called, once the server is ready, with its URL and
/// what `load` returned.
pub async fn run<T>(
    settings: Settings,
    listening: Listening,
    load: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
    announce: impl FnOnce(&str, T),
    mut stops: impl Stream<Item = ()> + Unpin,
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
    let served = running.serve(load, announce, &mut stops).await;
    tracing::info!("stopping");
    manager.stopping();
    let stopped = running.stop(settings.stop_grace(), &mut stops).await;
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

    /// Loads, reports ready, and waits for a request to stop.
    async fn serve<T>(
        &self,
        load: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
        announce: impl FnOnce(T),
        stops: &mut (impl Stream<Item = ()> + Unpin),
    ) -> anyhow::Result<()> {
        let loaded = tokio::select! {
            loaded = async { load(self.services.in_process().await?).await } => loaded?,
            // A signal during a long import ends it; what it has recorded stays recorded.
            () = requested(stops) => return Ok(()),
        };
        let first = watch::look(&self.engine);
        self.services.health.ready(first).await;
        tracing::info!(position = self.engine.head().position, "serving");
        announce(loaded);
        tokio::select! {
            () = requested(stops) => {}
            () = watch::usable(&self.engine, &self.services.health, first) => {}
        }
        Ok(())
    }

    async fn stop(
        self,
        grace: Duration,
        stops: &mut (impl Stream<Item = ()> + Unpin),
    ) -> anyhow::Result<()> {
        self.services.health.not_ready().await;
        self.engine.begin_stop();
        self.listening_stops.cancel();
        let listened = drained(self.listening, grace, stops).await;
        drop(self.beside);
        let engine = self.engine;
        let closing = tokio::task::spawn_blocking(move || engine.stop());
        let closed = tokio::select! {
            closed = closing => closed,
            () = requested(stops) => anyhow::bail!(UNCLOSED),
        };
        closed.context("the engine's stop failed")?.context("the store did not close cleanly")?;
        listened.context("the listener's task failed")?.context("the listener failed")
    }
}

/// Waits for the next request to stop.
async fn requested(stops: &mut (impl Stream<Item = ()> + Unpin)) {
    if stops.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Waits until the calls under way have ended, and how the listener did. Not for ever: a stream
/// that its client never reads does not end.
async fn drained(
    listening: JoinHandle<io::Result<()>>,
    grace: Duration,
    stops: &mut (impl Stream<Item = ()> + Unpin),
) -> Result<io::Result<()>, JoinError> {
    tokio::select! {
        listened = listening => return listened,
        () = tokio::time::sleep(grace) => {
            tracing::warn!("calls were still under way when the grace period ended");
        }
        () = requested(stops) => {
            tracing::warn!("another signal: calls that are still under way are not waited for");
        }
    }
    Ok(Ok(()))
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
