//! Runs a server from start to graceful stop.
//!
//! The caller owns the socket and the stop signal, so that tests can bind any port and stop when
//! they like. On stop, health turns first, streams end, calls under way are answered, and last
//! the data directory is released.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    engine::Engine,
    grpc::{
        client::Client,
        serve::{Health, Services},
    },
};

/// Serves `config` on `listener` until `stop`.
///
/// `prepare` is called with a client of the server before it reports ready, while it already
/// answers; it imports, or prints that the server is there. If it fails, the server stops.
pub async fn run(
    config: Config,
    listener: TcpListener,
    prepare: impl AsyncFnOnce(Client, SocketAddr) -> anyhow::Result<()>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut stop = pin!(stop);
    let address = listener.local_addr().context("the listening socket has no address")?;
    let engine = open(&config).await?;
    let services = Services::new(&engine, config.reflection).await;
    let listening_stops = CancellationToken::new();
    let listening = {
        let (services, stops) = (services.clone(), listening_stops.clone());
        tokio::spawn(async move { services.listen(listener, stops.cancelled_owned()).await })
    };
    let watching = tokio::spawn(watch_faults(Arc::clone(&engine), services.health.clone()));
    let prepared = match services.in_process().await {
        Ok(client) => tokio::select! {
            prepared = prepare(client, address) => prepared.map(|()| true),
            // A signal during a long import stops it; what it has recorded stays recorded.
            () = &mut stop => Ok(false),
        },
        Err(error) => Err(error.into()),
    };
    if let Ok(true) = prepared {
        services.health.ready().await;
        tracing::info!(%address, "serving");
        stop.await;
    }
    tracing::info!("stopping");
    watching.abort();
    services.health.not_ready().await;
    engine.begin_stop();
    listening_stops.cancel();
    match tokio::time::timeout(config.stop_grace, listening).await {
        Ok(Ok(served)) => served.context("the listener failed")?,
        Ok(Err(panicked)) => tracing::error!(%panicked, "the listener's task failed"),
        Err(_) => tracing::warn!("calls were still under way when the grace period ended"),
    }
    let stopped = tokio::task::spawn_blocking(move || engine.stop()).await;
    stopped.context("the engine's stop failed")?.context("the store did not close cleanly")?;
    prepared.map(|_| ())
}

async fn open(config: &Config) -> anyhow::Result<Arc<Engine>> {
    let (dir, settings) = (config.data.clone(), config.engine.clone());
    let opened = tokio::task::spawn_blocking(move || Engine::open(&dir, settings)).await;
    opened
        .context("opening the store failed")?
        .with_context(|| format!("cannot open the store in {}", config.data.display()))
}

/// Tells by health when the store stops accepting appends.
async fn watch_faults(engine: Arc<Engine>, health: Health) {
    let mut fault = engine.fault();
    if fault.wait_for(Option::is_some).await.is_ok() {
        health.read_only().await;
    }
}
