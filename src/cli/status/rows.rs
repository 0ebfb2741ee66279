//! The numbers of a status as rows: of what, which one, which number. What is not known has no row.

use crate::domain::proto::{
    AppendsStatus, ConnectionsStatus, GetStatusResponse, Group, GroupState, Measured,
    ProcessStatus, StorageStatus, SubscriptionsStatus,
};

/// The columns.
pub(super) const COLUMNS: [&str; 4] = ["about", "name", "number", "value"];

/// Rows of as many fields.
pub(super) fn of(status: &GetStatusResponse) -> Vec<Vec<String>> {
    let mut rows = Rows::default();
    rows.add("server", "", "position", Some(status.position));
    rows.add("server", "", "branched_after", status.branched_after);
    status.appends.iter().for_each(|it| appends(&mut rows, it));
    status.storage.iter().for_each(|it| storage(&mut rows, it));
    status.subscriptions.iter().for_each(|it| subscriptions(&mut rows, it));
    rows.add("groups", "", "count", Some(status.group_count));
    status.groups.iter().for_each(|it| group(&mut rows, it));
    for projection in &status.projections {
        rows.add("projection", &projection.name, "position", Some(projection.position));
        rows.add("projection", &projection.name, "lag_events", Some(projection.lag));
    }
    for budget in &status.budgets {
        rows.add("budget", &budget.name, "used", Some(budget.used));
        rows.add("budget", &budget.name, "limit", Some(budget.limit));
    }
    for method in &status.methods {
        rows.add("method", &method.method, "open", Some(method.open));
        for code in &method.codes {
            rows.add("method", &method.method, &code.code, Some(code.count));
        }
        method.time.iter().for_each(|it| measured(&mut rows, "method", &method.method, it));
    }
    for refusal in &status.refusals {
        rows.add("refused", &refusal.reason, "count", Some(refusal.count));
    }
    status.connections.iter().for_each(|it| connections(&mut rows, it));
    status.process.iter().for_each(|it| process(&mut rows, it));
    let expires = status.tls.as_ref().and_then(|it| it.certificate_expires_at.as_ref());
    rows.add("tls", "", "certificate_expires_at", expires.map(|it| it.seconds));
    for reload in &status.reloads {
        let since = reload.failing_since.as_ref();
        let of = match reload.issuer.as_str() {
            "" => reload.what.clone(),
            issuer => format!("{} of {issuer}", reload.what),
        };
        rows.add("reload", &of, "failed", Some(u8::from(since.is_some())));
        rows.add("reload", &of, "failures", Some(reload.failures));
        rows.add("reload", &of, "failing_since", since.map(|it| it.seconds));
        let fetched = reload.fetched_at.as_ref();
        rows.add("reload", &of, "fetched_at", fetched.map(|it| it.seconds));
    }
    rows.0
}

#[derive(Default)]
struct Rows(Vec<Vec<String>>);

impl Rows {
    fn add(&mut self, about: &str, name: &str, number: &str, value: Option<impl ToString>) {
        let Some(value) = value else { return };
        self.0.push([about, name, number].map(str::to_owned).to_vec());
        self.0.iter_mut().last().into_iter().for_each(|row| row.push(value.to_string()));
    }
}

fn appends(rows: &mut Rows, appends: &AppendsStatus) {
    let AppendsStatus { accepted, events, repeated, conflicts, .. } = appends;
    let counts = [("accepted", accepted), ("events", events), ("repeated", repeated)];
    for (number, count) in counts.into_iter().chain([("conflicts", conflicts)]) {
        rows.add("appends", "", number, Some(*count));
    }
    let steps = [
        ("lookup", &appends.lookup),
        ("queue", &appends.queue),
        ("journal", &appends.journal),
        ("sync", &appends.sync),
        ("index", &appends.index),
        ("batch_appends", &appends.batch_appends),
        ("batch_bytes", &appends.batch_bytes),
    ];
    for (step, values) in steps {
        if let Some(values) = values {
            measured(rows, "appends", step, values);
        }
    }
}

fn measured(rows: &mut Rows, about: &str, name: &str, of: &Measured) {
    rows.add(about, name, "count", Some(of.count));
    rows.add(about, name, "sum", Some(of.sum));
    rows.add(about, name, "half_at_most", of.half_at_most);
    rows.add(about, name, "most_at_most", of.most_at_most);
}

fn storage(rows: &mut Rows, storage: &StorageStatus) {
    let numbers = [
        ("volumes", Some(storage.volumes)),
        ("volume_event_bytes", Some(storage.volume_event_bytes)),
        ("volume_file_bytes", Some(storage.volume_file_bytes)),
        ("damaged_volumes", Some(storage.damaged_volumes)),
        ("journal_file_bytes", storage.journal_file_bytes),
        ("unsealed_bytes", Some(storage.unsealed_bytes)),
        ("index_runs", Some(storage.index_runs)),
        ("index_file_bytes", Some(storage.index_file_bytes)),
        ("indexed_position", Some(storage.indexed_position)),
    ];
    for (number, value) in numbers {
        rows.add("storage", "", number, value);
    }
}

fn subscriptions(rows: &mut Rows, subscriptions: &SubscriptionsStatus) {
    rows.add("subscriptions", "", "open", Some(subscriptions.open));
    rows.add("subscriptions", "", "behind", Some(subscriptions.behind));
    rows.add("subscriptions", "", "largest_lag", subscriptions.largest_lag);
}

/// The numbers of a group that is not restored are not known.
fn group(rows: &mut Rows, group: &Group) {
    if group.state() != GroupState::Ready {
        return;
    }
    rows.add("group", &group.name, "position", Some(group.position));
    rows.add("group", &group.name, "lag_events", Some(group.lag_events));
    rows.add("group", &group.name, "lag_seconds", group.lag.as_ref().map(|it| it.seconds));
    rows.add("group", &group.name, "parked", Some(group.parked));
}

fn connections(rows: &mut Rows, connections: &ConnectionsStatus) {
    let ConnectionsStatus { open, limit, accepted, cut, failed_handshakes, refused } = connections;
    let numbers = [
        ("open", open),
        ("limit", limit),
        ("accepted", accepted),
        ("refused", refused),
        ("cut", cut),
        ("failed_handshakes", failed_handshakes),
    ];
    for (number, value) in numbers {
        rows.add("connections", "", number, Some(*value));
    }
}

fn process(rows: &mut Rows, process: &ProcessStatus) {
    rows.add("process", "", "open_files", process.open_files);
    rows.add("process", "", "open_files_limit", process.open_files_limit);
    rows.add("process", "", "resident_bytes", process.resident_bytes);
    rows.add("process", "", "processor_seconds", process.processor_seconds);
}
