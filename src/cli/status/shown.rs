//! A status on a screen.

use crate::{
    cli::{moment, words},
    domain::proto::{
        AppendsStatus, BudgetStatus, ConnectionsStatus, GetStatusResponse, Group, GroupState,
        Measured, MethodStatus, ProcessStatus, Projection, ReloadStatus, StatusUnit, StorageStatus,
        SubscriptionsStatus, TlsStatus, WritingState,
    },
};

/// Where the second column of the lines begins.
const MARGIN: usize = 15;

/// The status for people; every line ends.
pub(super) fn table(status: &GetStatusResponse) -> String {
    let mut sections = vec![server(status)];
    sections.extend(status.appends.as_ref().map(steps));
    sections.push(groups(&status.groups));
    sections.push(projections(&status.projections));
    sections.push(methods(&status.methods));
    sections.push(refusals(status));
    sections.push(budgets(&status.budgets));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

fn line(name: &str, text: &str) -> String {
    let mut lines = words::wrapped(text, words::WIDTH - MARGIN).into_iter();
    let first = format!("{name:<MARGIN$}{}\n", lines.next().unwrap_or_default());
    lines.fold(first, |all, next| all + &format!("{:MARGIN$}{next}\n", ""))
}

fn server(status: &GetStatusResponse) -> String {
    let since = moment::to_the_second(status.started_at.as_ref());
    let mut text = line("server", &format!("handover {}, started at {since}", status.version));
    text += &line("store", &status.store);
    if let Some(after) = status.branched_after {
        let after = words::thousands(after);
        text +=
            &line("history", &format!("restored from a backup, branched after position {after}"));
    }
    let recorded = status.recorded_at.as_ref();
    let recorded = recorded.map(|it| format!(", recorded at {}", moment::to_the_second(Some(it))));
    let head = words::thousands(status.position);
    text += &line("head", &format!("position {head}{}", recorded.unwrap_or_default()));
    text.extend(status.appends.as_ref().map(appends));
    text.extend(status.storage.as_ref().map(storage));
    text.extend(status.subscriptions.as_ref().map(subscriptions));
    text.extend(status.connections.as_ref().map(connections));
    text.extend(status.process.as_ref().map(process));
    text.extend(status.tls.as_ref().map(certificate));
    text.extend(status.reloads.iter().filter_map(reload));
    text.extend(status.warnings.iter().map(|warning| line("EXPOSED", warning)));
    let (listed, all) = (status.groups.len() as u64, status.group_count);
    if all > listed {
        text += &line("groups", &format!("{all}, of which {listed} are shown"));
    }
    text
}

fn appends(appends: &AppendsStatus) -> String {
    let state = match appends.state() {
        WritingState::Accepted | WritingState::Unspecified => "accepted".to_owned(),
        WritingState::Paused => format!("PAUSED: {}", appends.obstacle),
        WritingState::Stopped => format!("STOPPED: {}", appends.obstacle),
    };
    let AppendsStatus { accepted, events, repeated, conflicts, .. } = *appends;
    let [accepted, events] = [accepted, events].map(words::thousands);
    let counts = format!(
        "{accepted} recorded with {events} events, {} repeated, {} in conflict",
        words::thousands(repeated),
        words::thousands(conflicts)
    );
    line("appends", &state) + &line("since start", &counts)
}

fn storage(storage: &StorageStatus) -> String {
    let volumes = format!(
        "{} sealed, {} of events in {} of files{}",
        words::thousands(storage.volumes),
        bytes(storage.volume_event_bytes),
        bytes(storage.volume_file_bytes),
        match storage.damaged_volumes {
            0 => String::new(),
            damaged => format!(", {damaged} DAMAGED"),
        }
    );
    let files = storage.journal_file_bytes.map(|it| format!(" in {} of files", bytes(it)));
    let journal =
        format!("{} not sealed yet{}", bytes(storage.unsealed_bytes), files.unwrap_or_default());
    let index = format!(
        "up to position {}, {} of files",
        words::thousands(storage.indexed_position),
        bytes(storage.index_file_bytes)
    );
    line("volumes", &volumes) + &line("journal", &journal) + &line("index", &index)
}

fn subscriptions(subscriptions: &SubscriptionsStatus) -> String {
    let SubscriptionsStatus { open, behind, largest_lag } = *subscriptions;
    let lag = largest_lag
        .filter(|_| behind > 0)
        .map(|lag| format!(", {behind} behind, by {} positions at most", words::thousands(lag)));
    line("subscriptions", &format!("{open} open{}", lag.unwrap_or_default()))
}

fn connections(connections: &ConnectionsStatus) -> String {
    let ConnectionsStatus { open, limit, accepted, cut, failed_handshakes, refused } = *connections;
    let [open, limit] = [open, limit].map(words::thousands);
    let accepted = words::thousands(accepted);
    let text = format!(
        "{open} of {limit} open, {accepted} accepted, {refused} refused, {cut} cut, \
         {failed_handshakes} handshakes failed"
    );
    line("connections", &text)
}

fn process(process: &ProcessStatus) -> String {
    let limit = process.open_files_limit.map(words::thousands);
    let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let known = [
        process.resident_bytes.map(|it| format!("{} of memory", bytes(it))),
        process.open_files.map(|it| format!("{it}{limit} files open")),
        process.processor_seconds.map(|it| format!("{it:.1} s of processors")),
    ];
    line("process", &known.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn certificate(tls: &TlsStatus) -> String {
    let until = tls.certificate_expires_at.as_ref();
    let until = until.map(|it| format!("until {}", moment::to_the_second(Some(it))));
    line("certificate", &format!("valid {}", until.as_deref().unwrap_or("for ever")))
}

/// What cannot be taken up, and keys that are fetched. What is in use otherwise has no line.
fn reload(reload: &ReloadStatus) -> Option<String> {
    let ReloadStatus { what, problem, issuer, fetched_at, .. } = reload;
    let at = |it| moment::to_the_second(Some(it));
    let failing =
        reload.failing_since.as_ref().map(|since| format!("since {}: {problem}", at(since)));
    if issuer.is_empty() {
        let text = format!("{what}, {}", failing?);
        return Some(line("NOT TAKEN UP", &text));
    }
    let fetched = fetched_at
        .as_ref()
        .map_or("never fetched".to_owned(), |it| format!("fetched at {}", at(it)));
    let failing = failing.map(|failing| format!("; NOT FETCHED {failing}")).unwrap_or_default();
    Some(line("keys", &format!("of {issuer}, {fetched}{failing}")))
}

fn steps(appends: &AppendsStatus) -> String {
    let steps = [
        ("look up an append", &appends.lookup),
        ("wait for the writer", &appends.queue),
        ("write and sync a batch", &appends.journal),
        ("sync alone", &appends.sync),
        ("index a batch", &appends.index),
    ];
    let row = |(name, times): (&str, &Option<Measured>)| {
        let times = times.as_ref().filter(|it| it.count > 0)?;
        let mut row = vec![name.to_owned(), words::thousands(times.count)];
        row.extend([times.half_at_most, times.most_at_most].map(time));
        Some(row)
    };
    let mut rows: Vec<_> = steps.into_iter().filter_map(row).collect();
    let batch = appends.batch_appends.as_ref().filter(|it| it.count > 0);
    rows.extend(batch.map(|batch| {
        let sizes = [batch.half_at_most, batch.most_at_most].map(size);
        [vec!["appends of a batch".to_owned(), words::thousands(batch.count)], sizes.to_vec()]
            .concat()
    }));
    grid(&["step of appends", "times", "half at most", "99 % at most"], rows)
}

fn groups(groups: &[Group]) -> String {
    let row = |group: &Group| {
        let known = group.state() == GroupState::Ready;
        let number = |number: u64| known.then(|| words::thousands(number));
        let lag = group
            .lag
            .as_ref()
            .map(|it| format!("{} s", words::thousands(it.seconds.max(0).cast_unsigned())));
        let state = words::spoken(group.state().as_str_name(), "GROUP_STATE_");
        let stalled = if group.stalled.is_empty() { state } else { format!("{state}, stalled") };
        let cells = [number(group.lag_events), lag, number(group.parked.into())];
        let cells = cells.map(|cell| cell.unwrap_or_else(|| words::NOTHING.to_owned()));
        [vec![group.name.clone(), stalled], cells.to_vec()].concat()
    };
    grid(&["group", "state", "lag", "for", "parked"], groups.iter().map(row).collect())
}

fn projections(projections: &[Projection]) -> String {
    let row = |it: &Projection| {
        let state = words::spoken(it.state().as_str_name(), "PROJECTION_STATE_");
        let [position, lag] = [it.position, it.lag].map(words::thousands);
        vec![it.name.clone(), state, position, lag]
    };
    grid(&["projection", "state", "position", "lag"], projections.iter().map(row).collect())
}

fn methods(methods: &[MethodStatus]) -> String {
    let row = |method: &MethodStatus| {
        let all: u64 = method.codes.iter().map(|it| it.count).sum();
        let with = |code| {
            let those = method.codes.iter().filter(|it| it.code == code);
            those.map(|it| it.count).sum::<u64>()
        };
        let (good, given_up) = (with("OK"), with("CANCELLED"));
        let name = method.method.trim_start_matches("handover.v1.").to_owned();
        let counts = [method.open, good, given_up, all - good - given_up].map(words::thousands);
        let times = method.time.unwrap_or_default();
        let times = [times.half_at_most, times.most_at_most].map(time);
        [vec![name], counts.to_vec(), times.to_vec()].concat()
    };
    let header = ["method", "open", "OK", "cancelled", "failed", "half at most", "99 % at most"];
    grid(&header, methods.iter().map(row).collect())
}

fn refusals(status: &GetStatusResponse) -> String {
    let refusals = status.refusals.iter();
    let rows = refusals.map(|it| vec![it.reason.clone(), words::thousands(it.count)]);
    grid(&["refused because of", "calls"], rows.collect())
}

fn budgets(budgets: &[BudgetStatus]) -> String {
    let row = |budget: &BudgetStatus| {
        let [used, limit] = [budget.used, budget.limit].map(|number| match budget.unit() {
            StatusUnit::Bytes => bytes(number),
            StatusUnit::Number | StatusUnit::Unspecified => words::thousands(number),
        });
        vec![budget.name.replace('_', " "), used, limit]
    };
    grid(&["budget", "used", "limit"], budgets.iter().map(row).collect())
}

fn grid(header: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() { String::new() } else { words::grid(header, rows) }
}

/// Seconds in the unit that gives them few digits.
fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => words::NOTHING.to_owned(),
        Some(seconds) if seconds < 0.001 => format!("{:.0} us", seconds * 1e6),
        Some(seconds) if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        Some(seconds) => format!("{seconds:.1} s"),
    }
}

fn size(number: Option<f64>) -> String {
    number.map_or_else(|| words::NOTHING.to_owned(), |number| format!("{number:.0}"))
}

/// Bytes in the unit that gives them few digits.
fn bytes(number: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.into_iter().find(|(_, unit)| number >= *unit);
    let Some((name, unit)) = unit else { return format!("{number} bytes") };
    let tenths = u128::from(number) * 10 / u128::from(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_the_unit_that_gives_few_digits() {
        for (number, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_536, "1.5 KiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        for (seconds, text) in [
            (None, "-"),
            (Some(0.000_05), "50 us"),
            (Some(0.0025), "2.5 ms"),
            (Some(10.0), "10.0 s"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn what_stops_appends_is_said_and_what_is_not_known_is_not_0() {
        let appends = AppendsStatus {
            state: WritingState::Stopped.into(),
            obstacle: "the disk".to_owned(),
            ..Default::default()
        };
        let group = Group {
            name: "desk".to_owned(),
            state: GroupState::Restoring.into(),
            ..Default::default()
        };
        let status =
            GetStatusResponse { appends: Some(appends), groups: vec![group], ..Default::default() };
        let text = table(&status);
        assert!(text.contains("appends        STOPPED: the disk\n"), "{text}");
        let row = text.lines().find(|line| line.contains("desk")).unwrap();
        assert_eq!(row.matches(" - ").count() + usize::from(row.ends_with(" -")), 3, "{row}");
        assert!(text.lines().all(|line| line.chars().count() <= words::WIDTH), "{text}");
    }
}
