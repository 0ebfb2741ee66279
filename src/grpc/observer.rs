//! What a server reports of itself, gathered from the engine, the calls and the connections.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    domain::event::{Micros, Position},
    engine::{Budget, Engine, EngineUsage, GroupPlace, GroupStatus, system_clock},
    grpc::{
        calls::{Calls, MethodUsage},
        connections::{Connections, ConnectionsUsage},
        intake::BoundedIntake,
        protection::{Protection, ProtectionUsage},
        unread::Unread,
    },
};

/// Groups that are reported one by one: each is counted for it, and is a label of metrics.
const GROUPS: usize = 100;
/// How long groups may take to be counted.
const GROUPS_TIMEOUT: Duration = Duration::from_secs(2);

/// Gathers what a server reports of itself.
#[derive(Clone, Debug)]
pub struct Observer {
    engine: Arc<Engine>,
    calls: Calls,
    intake: BoundedIntake,
    unread: Unread,
    pub(super) connections: Arc<Connections>,
    protection: Arc<OnceLock<Protection>>,
    started: Micros,
}

/// What a server reports of itself.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When it started.
    pub started: Micros,
    /// The store's name.
    pub store: String,
    /// The position after which its history begins; absent: it was never restored.
    pub branched_after: Option<Position>,
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
    /// What protects the server.
    pub protection: ProtectionUsage,
}

impl Observer {
    /// One for a server that starts now, with these layers around its services.
    pub(super) fn new(
        engine: &Arc<Engine>,
        calls: &Calls,
        intake: &BoundedIntake,
        unread: &Unread,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            calls: calls.clone(),
            intake: intake.clone(),
            unread: unread.clone(),
            connections: Arc::default(),
            protection: Arc::default(),
            started: system_clock()(),
        }
    }

    /// Notes what protects the server, once it listens.
    pub(super) fn protected_by(&self, protection: &Protection) {
        // A server listens once.
        let _ = self.protection.set(protection.clone());
    }

    /// What the server reports now. It waits for the groups alone, and for these 2 s at most.
    pub async fn observe(&self) -> Observed {
        let groups = self.groups().await;
        let mut engine = self.engine.usage();
        engine.budgets.push(Budget::bytes("requests_held", self.intake.held()));
        engine.budgets.push(Budget::bytes("calls_waiting", self.intake.waiting()));
        engine.budgets.push(Budget::bytes("answers_unread", self.unread.held()));
        Observed {
            started: self.started,
            store: self.engine.store_name(),
            branched_after: self.engine.history().newest().map(|branch| branch.after),
            groups,
            engine,
            methods: self.calls.methods(),
            refusals: self.calls.refusals(),
            connections: self.connections.usage(),
            protection: self.protection.get().map(Protection::usage).unwrap_or_default(),
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
