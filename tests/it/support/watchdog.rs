//! Ends each process of the binary that runs too long, so that a test that waits for it fails.
//!
//! A wait for an answer, an end or an output ends with the process that it waits for. So one bound
//! on the life of a process bounds every wait for it, however the test has started it.

use std::{fs, path::Path, process::Command, sync::Once, time::Duration};

use super::BINARY;

/// The life of a process. No test needs half of it, on a machine that does much else.
const LIFE: Duration = Duration::from_mins(10);
/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// Starts the watchdog of this test program, once.
#[expect(clippy::disallowed_methods, reason = "only time passes, and no event comes with it")]
pub(super) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(INTERVAL);
                let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
                let ids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
                ids.filter(|&id| is_overdue(id).unwrap_or(false)).for_each(end);
            }
        });
    });
}

/// Whether a process is one of the binary, was started by this program and has run too long; none:
/// it has ended.
fn is_overdue(id: u32) -> Option<bool> {
    if fs::read_link(format!("/proc/{id}/exe")).ok()? != Path::new(BINARY) {
        return Some(false);
    }
    Some(age(id)? > LIFE && descends_from(id, std::process::id()))
}

/// A field of `/proc/ID/stat`, counted from the state, which is 0.
fn field(id: u32, place: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(place)?.parse().ok()
}

fn age(id: u32) -> Option<Duration> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // Ticks of 10 ms since the machine has started.
    let started = Duration::from_millis(10 * field(id, 19)?);
    Some(Duration::from_secs_f64(uptime).saturating_sub(started))
}

fn descends_from(id: u32, ancestor: u32) -> bool {
    let parents = std::iter::successors(Some(id), |&id| u32::try_from(field(id, 1)?).ok());
    parents.skip(1).any(|parent| parent == ancestor)
}

#[expect(clippy::print_stderr, reason = "it says why the test fails")]
fn end(id: u32) {
    let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    eprintln!("ended after {LIFE:?}, because a test waits for it: {command}(process {id})");
    let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
}

#[test]
fn a_process_is_overdue_by_its_age_and_only_if_this_program_has_started_it() {
    let (_dir, data) = super::data_dir();
    let server = super::Server::start(&data, &[]);
    assert_eq!(is_overdue(server.id()), Some(false), "it is young");
    assert!(age(server.id()).is_some_and(|age| age < LIFE / 2));
    assert!(age(1).is_some_and(|first| Some(first) >= age(server.id())));
    assert!(descends_from(server.id(), std::process::id()));
    assert!(!descends_from(std::process::id(), server.id()));
}
