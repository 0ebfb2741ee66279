//! `StatusService`: how the server is, for people and programs that look after it.

use tonic::{Request, Response, Status};

use crate::{
    domain::{measure::Distribution, proto, recorded::timestamp},
    engine::{AppendsUsage, Budget, EngineUsage, GroupStatus, Process, Unit, Writing},
    grpc::{
        calls::MethodUsage,
        connections::ConnectionsUsage,
        observer::{Observed, Observer},
        protection::CertificateUsage,
        reloads::ReloadUsage,
        server_stubs::status_service_server::StatusService,
    },
    log::usage::LogUsage,
};

/// How many seconds a microsecond has.
const MICROSECOND: f64 = 1e-6;

#[tonic::async_trait]
impl StatusService for Observer {
    async fn get_status(
        &self,
        _: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        Ok(Response::new(self.observe().await.into()))
    }
}

impl From<Observed> for proto::GetStatusResponse {
    fn from(observed: Observed) -> Self {
        let Observed { started, store, branched_after, engine, groups, methods, refusals, .. } =
            observed;
        let (connections, protection) = (observed.connections, observed.protection);
        let refusals = refusals.into_iter().filter(|(_, count)| *count > 0);
        let (appends, storage) = (appends(&engine), storage(&engine.log));
        let subscribers = engine.subscribers;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(timestamp(started)),
            store,
            position: engine.head.position,
            recorded_at: engine.head.recorded_at.map(timestamp),
            appends: Some(appends),
            storage: Some(storage),
            subscriptions: Some(proto::SubscriptionsStatus {
                open: subscribers.open as u64,
                behind: subscribers.behind as u64,
                largest_lag: subscribers.largest_lag,
            }),
            group_count: engine.groups as u64,
            groups: groups.into_iter().flatten().map(group).collect(),
            projections: engine.projections.into_iter().map(Into::into).collect(),
            budgets: engine.budgets.into_iter().map(budget).collect(),
            methods: methods.into_iter().map(method).collect(),
            refusals: refusals.map(|(reason, count)| refusal(reason, count)).collect(),
            connections: Some(of_connections(connections)),
            process: Some(process(engine.process)),
            tls: protection.certificate.map(of_tls),
            reloads: protection.reloads.into_iter().map(reload).collect(),
            warnings: protection.warnings,
            branched_after,
        }
    }
}

fn appends(engine: &EngineUsage) -> proto::AppendsStatus {
    let (state, obstacle) = match &engine.writing {
        Writing::Accepted => (proto::WritingState::Accepted, String::new()),
        Writing::Paused(pause) => (proto::WritingState::Paused, pause.to_string()),
        Writing::Stopped(reason) => (proto::WritingState::Stopped, reason.to_string()),
    };
    let AppendsUsage { accepted, events, repeated, conflicts, .. } = engine.appends;
    let appends = &engine.appends;
    proto::AppendsStatus {
        state: state.into(),
        obstacle,
        accepted,
        events,
        repeated,
        conflicts,
        lookup: Some(seconds(&appends.lookup)),
        queue: Some(seconds(&appends.queue)),
        journal: Some(seconds(&appends.journal)),
        sync: engine.log.journal.syncs.as_ref().map(seconds),
        index: Some(seconds(&engine.log.index.indexing)),
        batch_appends: Some(measured(&appends.batch_appends, 1.0)),
        batch_bytes: Some(measured(&appends.batch_bytes, 1.0)),
    }
}

fn storage(log: &LogUsage) -> proto::StorageStatus {
    proto::StorageStatus {
        volumes: log.volumes.sealed as u64,
        volume_event_bytes: log.volumes.event_bytes,
        volume_file_bytes: log.volumes.file_bytes,
        damaged_volumes: log.volumes.damaged as u64,
        journal_file_bytes: log.journal.file_bytes,
        unsealed_bytes: log.journal.unsealed_bytes,
        index_runs: log.index.runs as u64,
        index_file_bytes: log.index.file_bytes,
        indexed_position: log.index.watermark,
    }
}

/// A group without its filter and its consumers, which would make the answer large.
fn group(status: GroupStatus) -> proto::Group {
    let mut group = proto::Group::from(status);
    group.consumers.clear();
    group.filter = None;
    group
}

fn budget(budget: Budget) -> proto::BudgetStatus {
    let unit = match budget.unit {
        Unit::Bytes => proto::StatusUnit::Bytes,
        Unit::Number => proto::StatusUnit::Number,
    };
    let (used, limit) = (budget.used.used, budget.used.limit);
    proto::BudgetStatus { name: budget.name.to_owned(), unit: unit.into(), used, limit }
}

fn method(usage: MethodUsage) -> proto::MethodStatus {
    let code = |(code, count): (&str, u64)| proto::CodeCount { code: code.to_owned(), count };
    proto::MethodStatus {
        method: usage.name,
        open: usage.open,
        codes: usage.codes.into_iter().map(code).collect(),
        time: usage.time.as_ref().map(seconds),
    }
}

fn refusal(reason: &str, count: u64) -> proto::RefusalCount {
    proto::RefusalCount { reason: reason.to_owned(), count }
}

fn of_connections(usage: ConnectionsUsage) -> proto::ConnectionsStatus {
    let ConnectionsUsage { open, accepted, refused, cut, failed_handshakes } = usage;
    let (open, limit) = (open.used, open.limit);
    proto::ConnectionsStatus { open, limit, accepted, cut, failed_handshakes, refused }
}

fn of_tls(certificate: CertificateUsage) -> proto::TlsStatus {
    proto::TlsStatus { certificate_expires_at: certificate.valid_until.map(timestamp) }
}

fn reload(usage: ReloadUsage) -> proto::ReloadStatus {
    let ReloadUsage { what, issuer, failures, failing, fetched } = usage;
    let (since, problem) = failing.map(|it| (timestamp(it.since), it.problem)).unzip();
    proto::ReloadStatus {
        what: what.name().to_owned(),
        failures,
        failing_since: since,
        problem: problem.unwrap_or_default(),
        issuer,
        fetched_at: fetched.map(timestamp),
    }
}

fn process(process: Process) -> proto::ProcessStatus {
    let Process { open_files, open_files_limit, resident_bytes, processor_seconds } = process;
    proto::ProcessStatus { open_files, open_files_limit, resident_bytes, processor_seconds }
}

fn seconds(micros: &Distribution) -> proto::Measured {
    measured(micros, MICROSECOND)
}

#[expect(clippy::cast_precision_loss, reason = "a measure of so much need not be exact")]
fn measured(of: &Distribution, unit: f64) -> proto::Measured {
    let at_most = |percent| of.at_most(percent).map(|bound| bound as f64 * unit);
    proto::Measured {
        count: of.count(),
        sum: of.sum as f64 * unit,
        half_at_most: at_most(50),
        most_at_most: at_most(99),
    }
}
