//! A server within the test, on a temporary store, which is stopped and started again.

use std::{path::PathBuf, sync::Arc};

use futures_util::TryStreamExt as _;
use handover::{
    domain::proto::{GetHeadRequest, ReadRequest, RecordedEvent},
    engine::{Engine, EngineSettings},
    grpc::{client::Client, serve::Services, web::Origins},
    log::LogSettings,
};
use rand::{Rng as _, rngs::StdRng};

use super::record;

/// The server and what was recorded on it.
pub(super) struct World {
    pub(super) client: Client,
    data: PathBuf,
    engine: Arc<Engine>,
    /// The claims that were recorded, any of which may be withdrawn.
    claims: Vec<u64>,
    _dir: tempfile::TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let (engine, client) = open(&data).await;
        Self { client, data, engine, claims: Vec::new(), _dir: dir }
    }

    /// Appends some events in one to three requests.
    pub(super) async fn append(&mut self, chance: &mut StdRng) {
        for _ in 0..chance.random_range(1..4) {
            let request = record::request(chance, &self.claims);
            let claim = record::is_claim(&request);
            // A claim that was withdrawn before can't be withdrawn again.
            if let Ok(receipt) = self.client.append(request).await {
                self.claims.extend(claim.then_some(receipt.first_position));
            }
        }
    }

    /// Appends what changes the answer of every watcher.
    pub(super) async fn append_last(&self) {
        for request in record::last() {
            self.client.append(request).await.expect("it is acknowledged");
        }
    }

    pub(super) async fn restart(&mut self) {
        close(&self.engine).await;
        (self.engine, self.client) = open(&self.data).await;
    }

    pub(super) async fn stop(self) {
        close(&self.engine).await;
    }

    pub(super) async fn head(&self) -> u64 {
        self.client.get_head(GetHeadRequest::default()).await.expect("a head").position
    }

    /// The whole log.
    pub(super) async fn log(&self) -> Vec<RecordedEvent> {
        let read = self.client.read(ReadRequest::default());
        let batches: Vec<_> = read.try_collect().await.expect("the log can be read");
        batches.into_iter().flat_map(|batch| batch.events).collect()
    }
}

async fn open(data: &std::path::Path) -> (Arc<Engine>, Client) {
    let log = LogSettings {
        journal_file_bytes: 1 << 20,
        volume_bytes: 1 << 16,
        ..LogSettings::default()
    };
    let settings = EngineSettings { log, ..EngineSettings::default() };
    let data = data.to_owned();
    let runtime = tokio::runtime::Handle::current();
    let opened = tokio::task::spawn_blocking(move || {
        let _within = runtime.enter();
        Engine::open(&data, settings)
    });
    let engine = opened.await.expect("no panic").expect("the store opens");
    let services = Services::new(&engine, false, Origins::default()).await;
    let client = services.in_process().await.expect("the server can be reached");
    (engine, client)
}

async fn close(engine: &Arc<Engine>) {
    engine.begin_stop();
    let engine = Arc::clone(engine);
    let stopped = tokio::task::spawn_blocking(move || engine.stop());
    stopped.await.expect("no panic").expect("the store closes");
}
