//! What a server reports of itself, gathered from the engine, the calls and the connections.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    engine::{Engine, EngineUsage, GroupPlace, GroupStatus},
    grpc::{
        calls::{Calls, MethodUsage},
        connections::{Connections, ConnectionsUsage},
    },
};

/// Groups that are reported one by one: each is counted for it, and is a label of metrics.
const GROUPS: usize = 100;
/// How long groups may take to be counted.
const GROUPS_TIMEOUT: Duration = Duration::from_secs(2);

/// Gathers what a server reports of itself.
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) engine: Arc<Engine>,
    pub(super) calls: Calls,
    pub(super) connections: Arc<Connections>,
    started: SystemTime,
}

/// What a server reports of itself.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When it started.
    pub started: SystemTime,
    /// The store's name.
    pub store: String,
    /// The engine.
    pub engine: EngineUsage,
    /// The first groups, by name; absent: they could not be counted in time.
    pub groups: Option<Vec<GroupStatus>>,
    /// The methods that were called.
    pub methods: Vec<MethodUsage>,
    /// The reasons for which calls can be refused, and how many were.
    pub refusals: Vec<(&'static str, u64)>,
    /// The connections.
    pub connections: ConnectionsUsage,
}

impl Observer {
    /// One for a server that starts now.
    pub(super) fn new(engine: &Arc<Engine>) -> Self {
        Self {
            engine: Arc::clone(engine),
            calls: Calls::default(),
            connections: Arc::default(),
            started: SystemTime::now(),
        }
    }

    /// What the server reports now. It waits for the groups alone, and for these 2 s at most.
    pub async fn observe(&self) -> Observed {
        Observed {
            started: self.started,
            store: self.engine.store_name(),
            groups: self.groups().await,
            engine: self.engine.usage(),
            methods: self.calls.methods(),
            refusals: self.calls.refusals(),
            connections: self.connections.usage(),
        }
    }

    async fn groups(&self) -> Option<Vec<GroupStatus>> {
        let mut groups = Vec::new();
        let first = GroupPlace::default();
        let listed = self.engine.groups().list_after(&first, |_, status| {
            groups.push(status);
            groups.len() < GROUPS
        });
        let listed = tokio::time::timeout(GROUPS_TIMEOUT, listed).await;
        matches!(listed, Ok(Ok(_))).then_some(groups)
    }
}
