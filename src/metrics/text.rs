//! The names and helps of all metrics, and their text (format 0.0.4).

mod families;

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text},
    registry::Registry,
};

use self::families::Families;
use crate::{
    domain::event::Micros,
    engine::{
        AppendsUsage, Budget, EngineUsage, GroupStatus, Pause, Process, ProjectionState,
        ProjectionStatus, Unit, Writing,
    },
    grpc::{observer::Observed, protection::ProtectionUsage, reloads::Reloaded},
    log::usage::LogUsage,
    telemetry::SpanCounts,
};

/// The type of the text.
pub(super) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// What can keep appends from being accepted.
const OBSTACLES: [&str; 5] = ["store_failed", "disk_full", "backlog", "resources_short", "clock"];

/// What was observed as the text that Prometheus scrapes.
pub(super) fn of(observed: Observed, spans: Option<Arc<SpanCounts>>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(observed, spans)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Page(Observed, Option<Arc<SpanCounts>>);

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (mut families, Observed { started, engine, groups, .. }) = (Families(encoder), &self.0);
        about(&mut families, *started, engine.process)?;
        head(&mut families, engine)?;
        appends(&mut families, &engine.appends)?;
        storage(&mut families, &engine.log)?;
        subscriptions(&mut families, engine)?;
        consumer_groups(&mut families, engine.groups, groups.as_deref().unwrap_or_default())?;
        projections(&mut families, &engine.projections)?;
        budgets(&mut families, &engine.budgets)?;
        calls(&mut families, &self.0)?;
        connections(&mut families, &self.0)?;
        protection(&mut families, &self.0.protection)?;
        spans(&mut families, self.1.as_deref())
    }
}

/// The names that each process has by convention, and what runs in it.
fn about(to: &mut Families<'_>, started: Micros, process: Process) -> fmt::Result {
    let Process { open_files, open_files_limit, resident_bytes, processor_seconds } = process;
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    to.gauges("handover_build_info", "The version of the program", [(version, 1)])?;
    let start = "process_start_time_seconds";
    to.gauge(start, "When the server started, since 1970", Some(seconds(started)))?;
    to.gauge("process_open_fds", "Descriptors that are open", open_files)?;
    to.gauge("process_max_fds", "Descriptors that may be open", open_files_limit)?;
    to.gauge("process_resident_memory_bytes", "Memory of the process", resident_bytes)?;
    to.counter("process_cpu_seconds", "Seconds of processors that were used", processor_seconds)
}

fn head(to: &mut Families<'_>, engine: &EngineUsage) -> fmt::Result {
    let obstacle = obstacle(&engine.writing);
    to.gauge(
        "handover_head_position",
        "Position of the last durable event",
        Some(engine.head.position),
    )?;
    to.gauge(
        "handover_head_recorded_timestamp_seconds",
        "When the last durable event was recorded, since 1970",
        engine.head.recorded_at.map(seconds),
    )?;
    to.gauge(
        "handover_writable",
        "Whether appends are accepted",
        Some(u64::from(obstacle.is_none())),
    )?;
    let each = OBSTACLES.map(|reason| ([("reason", reason)], u64::from(obstacle == Some(reason))));
    to.gauges("handover_appends_blocked", "Whether appends are refused for this reason", each)
}

fn seconds(micros: Micros) -> f64 {
    Duration::from_micros(micros.max(0).cast_unsigned()).as_secs_f64()
}

fn obstacle(writing: &Writing) -> Option<&'static str> {
    let [failed, full, backlog, short, clock] = OBSTACLES;
    Some(match writing {
        Writing::Accepted => return None,
        Writing::Stopped(_) => failed,
        Writing::Paused(Pause::Full { .. }) => full,
        Writing::Paused(Pause::Backlog { .. }) => backlog,
        Writing::Paused(Pause::Short { .. }) => short,
        Writing::Paused(Pause::ClockBehind { .. }) => clock,
    })
}

fn appends(to: &mut Families<'_>, appends: &AppendsUsage) -> fmt::Result {
    to.counter("handover_events_recorded", "Events that were recorded", Some(appends.events))?;
    let outcomes = [
        ([("outcome", "recorded")], appends.accepted),
        ([("outcome", "repeated")], appends.repeated),
        ([("outcome", "conflict")], appends.conflicts),
        ([("outcome", "looked_up_again")], appends.stale),
    ];
    to.counters("handover_appends", "Appends, by what became of them", outcomes)?;
    let seconds = [
        ("handover_append_lookup_seconds", "Looking an append up in the index", &appends.lookup),
        ("handover_append_queue_seconds", "An append's wait for the writer", &appends.queue),
        ("handover_append_journal_seconds", "Writing and syncing a batch", &appends.journal),
    ];
    for (name, help, times) in seconds {
        to.times(name, help, times)?;
    }
    to.sizes("handover_batch_appends", "Appends of a batch", &appends.batch_appends)?;
    to.sizes("handover_batch_bytes", "Bytes of the events of a batch", &appends.batch_bytes)
}

fn storage(to: &mut Families<'_>, log: &LogUsage) -> fmt::Result {
    let index = &log.index.indexing;
    to.times("handover_append_index_seconds", "Indexing a batch, after its answer", index)?;
    if let Some(syncs) = &log.journal.syncs {
        to.times("handover_journal_sync_seconds", "Syncs of the journal", syncs)?;
    }
    let gauges = [
        ("handover_journal_file_bytes", "Bytes of the journal's files", log.journal.file_bytes),
        (
            "handover_journal_unsealed_bytes",
            "Bytes of frames that are in no sealed volume",
            Some(log.journal.unsealed_bytes),
        ),
        ("handover_volumes", "Sealed volumes", Some(log.volumes.sealed as u64)),
        (
            "handover_volume_event_bytes",
            "Bytes of the events in sealed volumes",
            Some(log.volumes.event_bytes),
        ),
        (
            "handover_volume_file_bytes",
            "Bytes of the files of sealed volumes",
            Some(log.volumes.file_bytes),
        ),
        (
            "handover_volumes_damaged",
            "Volumes in which damage was met since the start",
            Some(log.volumes.damaged as u64),
        ),
        ("handover_index_runs", "Runs of the index", Some(log.index.runs as u64)),
        ("handover_index_file_bytes", "Bytes of the runs of the index", Some(log.index.file_bytes)),
        ("handover_index_position", "The last position that is indexed", Some(log.index.watermark)),
    ];
    gauges.into_iter().try_for_each(|(name, help, value)| to.gauge(name, help, value))
}

fn subscriptions(to: &mut Families<'_>, engine: &EngineUsage) -> fmt::Result {
    let subscribers = engine.subscribers;
    to.gauge("handover_subscriptions", "Open subscriptions", Some(subscribers.open as u64))?;
    let behind = Some(subscribers.behind as u64);
    to.gauge("handover_subscriptions_behind", "Subscriptions with events left to send", behind)?;
    to.gauge(
        "handover_subscription_largest_lag_events",
        "Positions from the head to the subscription farthest behind it",
        subscribers.largest_lag,
    )
}

/// Groups that are not restored have no numbers.
fn consumer_groups(to: &mut Families<'_>, count: usize, groups: &[GroupStatus]) -> fmt::Result {
    to.gauge("handover_groups", "Consumer groups", Some(count as u64))?;
    let named = groups.iter().filter(|group| !group.name.is_empty());
    let label = |group: &GroupStatus| [("group", group.name.clone())];
    let stalled = named.clone().map(|it| (label(it), u64::from(!it.stalled.is_empty())));
    to.gauges("handover_group_stalled", "Whether a group delivers nothing", stalled)?;
    let counted = named.filter_map(|group| Some((label(group), group.progress.as_ref()?)));
    let lag = counted.clone().map(|(label, it)| (label, it.lag_events));
    to.gauges("handover_group_lag_events", "Events that a group has not finished", lag)?;
    let seconds =
        counted.clone().map(|(label, it)| (label, it.lag.unwrap_or_default().as_secs_f64()));
    to.gauges("handover_group_lag_seconds", "Age of the first of them; 0: there is none", seconds)?;
    let parked = counted.clone().map(|(label, it)| (label, it.parked as u64));
    to.gauges("handover_group_parked_events", "Events that a group has parked", parked)?;
    let consumers = counted.map(|(label, it)| (label, it.consumers.len() as u64));
    to.gauges("handover_group_consumers", "Consumers of a group", consumers)
}

fn projections(to: &mut Families<'_>, projections: &[ProjectionStatus]) -> fmt::Result {
    let each = |value: fn(&ProjectionStatus) -> u64| {
        projections.iter().map(move |it| ([("projection", it.name)], value(it)))
    };
    let lag = each(|it| it.head.saturating_sub(it.position));
    let failed = each(|it| u64::from(it.state == ProjectionState::Failed));
    to.gauges(
        "handover_projection_position",
        "The last position taken in",
        each(|it| it.position),
    )?;
    to.gauges("handover_projection_lag_events", "Durable events still to be taken in", lag)?;
    to.gauges("handover_projection_failed", "Whether a projection has stopped", failed)
}

/// Bytes and numbers have metrics of their own: a name says its unit.
fn budgets(to: &mut Families<'_>, budgets: &[Budget]) -> fmt::Result {
    let of = |unit| budgets.iter().filter(move |budget| budget.unit == unit);
    let used = |it: &Budget| ([("budget", it.name)], it.used.used);
    let limit = |it: &Budget| ([("budget", it.name)], it.used.limit);
    let (bytes, numbers) = (of(Unit::Bytes), of(Unit::Number));
    to.gauges("handover_budget_used_bytes", "Bytes of a budget in use", bytes.clone().map(used))?;
    to.gauges("handover_budget_limit_bytes", "Bytes of a budget", bytes.map(limit))?;
    to.gauges("handover_budget_used", "How much of a budget is in use", numbers.clone().map(used))?;
    to.gauges("handover_budget_limit", "How much a budget has", numbers.map(limit))
}

fn calls(to: &mut Families<'_>, observed: &Observed) -> fmt::Result {
    let Observed { methods, refusals, .. } = observed;
    let codes = methods.iter().flat_map(|method| {
        let label = |code| [("method", method.name.clone()), ("code", String::from(code))];
        method.codes.iter().map(move |(code, count)| (label(*code), *count))
    });
    to.counters("handover_calls", "Calls that have ended", codes)?;
    let open = methods.iter().map(|method| ([("method", method.name.clone())], method.open));
    to.gauges("handover_calls_open", "Calls that are under way", open)?;
    let times =
        methods.iter().filter_map(|it| Some(([("method", it.name.clone())], it.time.as_ref()?)));
    to.times_by("handover_call_seconds", "Calls that are answered with one message", times)?;
    let refused = refusals.iter().map(|(reason, count)| ([("reason", *reason)], *count));
    to.counters("handover_refusals", "Calls that were refused, by the reason in ErrorInfo", refused)
}

fn connections(to: &mut Families<'_>, observed: &Observed) -> fmt::Result {
    let connections = observed.connections;
    to.gauge("handover_connections", "Open connections", Some(connections.open.used))?;
    let limit = Some(connections.open.limit);
    to.gauge("handover_connections_limit", "Connections that may be open", limit)?;
    let counters = [
        ("handover_connections_accepted", "Connections that were accepted", connections.accepted),
        (
            "handover_connections_refused",
            "Connections that were refused, because their peer had as many as it may have",
            connections.refused,
        ),
        ("handover_connections_cut", "Connections cut by the server", connections.cut),
        (
            "handover_tls_handshakes_failed",
            "TLS handshakes that failed",
            connections.failed_handshakes,
        ),
    ];
    counters.into_iter().try_for_each(|(name, help, count)| to.counter(name, help, Some(count)))
}

/// A file that the server does not have has not failed.
fn protection(to: &mut Families<'_>, protection: &ProtectionUsage) -> fmt::Result {
    to.gauge(
        "handover_tls_certificate_expires_timestamp_seconds",
        "Until when the certificate in use is valid, since 1970",
        protection.certificate.and_then(|it| it.valid_until).map(seconds),
    )?;
    let label = |what: Reloaded| [("what", what.name())];
    let failing = |what| (label(what), protection.failures(what).0);
    to.gauges(
        "handover_reload_failed",
        "How many files or sets of keys that the running server reads again cannot be taken up",
        Reloaded::ALL.map(failing),
    )?;
    let fetched = protection.reloads.iter().filter(|it| !it.issuer.is_empty());
    let fetched = fetched.filter_map(|it| Some(([("issuer", it.issuer.clone())], it.fetched?)));
    to.gauges(
        "handover_issuer_keys_fetched_timestamp_seconds",
        "When the keys of an issuer were fetched last, since 1970",
        fetched.map(|(issuer, at)| (issuer, seconds(at))),
    )?;
    let failures = |what| (label(what), protection.failures(what).1);
    to.counters(
        "handover_reload_failures",
        "How many times such a file or set of keys could not be taken up",
        Reloaded::ALL.map(failures),
    )
}

fn spans(to: &mut Families<'_>, spans: Option<&SpanCounts>) -> fmt::Result {
    let outcomes = spans.into_iter().flat_map(|spans| {
        let outcomes =
            [("sent", &spans.sent), ("failed", &spans.failed), ("dropped", &spans.dropped)];
        outcomes.map(|(outcome, count)| ([("outcome", outcome)], count.get()))
    });
    to.counters("handover_spans", "Spans that have ended, by what became of them", outcomes)
}
