//! Where and with what a bench was run: figures mean nothing without it.

use std::{fs, path::Path};

use handover::cli::exit::Failure;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    events::PAYLOAD_BYTES,
    plan::Plan,
    process::{self, Process},
    statistics::approximate,
};

/// What stands above all measurements.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReportHeader {
    pub(super) suite: &'static str,
    /// Nothing but that everything works can be learnt from a quick run.
    pub(super) quick: bool,
    pub(super) version: &'static str,
    /// When it began, as RFC 3339.
    pub(super) started: String,
    pub(super) machine: Machine,
    /// The stores that are compared, if others are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) contenders: Vec<Described>,
    /// How the server was started, or where it is.
    pub(super) server: String,
    pub(super) connections: usize,
    pub(super) repeats: usize,
    /// One repeat.
    pub(super) seconds: f64,
    pub(super) event: EventSize,
    /// Payloads follow from it.
    pub(super) seed: u64,
}

/// A store that is compared with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) version: String,
    /// What its server was started with.
    pub(super) settings: String,
}

/// What one event is.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct EventSize {
    pub(super) payload_bytes: usize,
    /// As the server stores and sends it: with names, position and time.
    pub(super) stored_bytes: usize,
}

/// The machine that client and server share.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) processor: String,
    pub(super) memory_gib: u64,
    pub(super) kernel: String,
    /// Of the folder that the data is in.
    pub(super) file_system: String,
}

impl ReportHeader {
    /// Looks at the machine, of which `dir` holds the data.
    pub(super) fn new(suite: &'static str, plan: &Plan, dir: &Path) -> Self {
        Self {
            suite,
            quick: false,
            version: env!("CARGO_PKG_VERSION"),
            started: now(),
            machine: machine(dir),
            contenders: Vec::new(),
            server: String::new(),
            connections: plan.connections,
            repeats: plan.repeats,
            seconds: plan.measured.as_secs_f64(),
            event: EventSize { payload_bytes: PAYLOAD_BYTES, stored_bytes: 0 },
            seed: 0,
        }
    }
}

fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let time = now.replace_nanosecond(0).unwrap_or(now);
    time.format(&Rfc3339).unwrap_or_default()
}

fn machine(dir: &Path) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let memory = read("/proc/meminfo");
    let kib = value(&memory, "MemTotal").split_whitespace().next().map(str::parse::<u64>);
    Machine {
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        processor: value(&processor, "model name").to_owned(),
        memory_gib: kib.and_then(Result::ok).unwrap_or_default() >> 20,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        file_system: file_system(&read("/proc/self/mounts"), dir),
    }
}

/// How busy the machine has been since it was started, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Busy {
    /// All that its processors could have done.
    possible: u64,
    /// All that they did.
    done: u64,
    /// Of it, the work of the bench and its servers.
    own: u64,
}

impl Busy {
    /// Looks at the machine; of the bench's children only `echo` may be running.
    pub(super) fn now(echo: &Process) -> Result<Self, Failure> {
        let stat = fs::read_to_string("/proc/stat")?;
        let own: u64 = process::ticks(&fs::read_to_string("/proc/self/stat")?).iter().sum();
        Ok(Self { own: own + echo.processor_ticks()?, ..Self::of(&stat) })
    }

    fn of(stat: &str) -> Self {
        let all = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks = all.split_whitespace().map(|it| it.parse::<u64>().unwrap_or_default());
        // User, nice, system, idle, waiting, interrupts, soft interrupts, stolen.
        let ticks: Vec<u64> = ticks.take(8).collect();
        let possible = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Self { possible, done: possible - idle, own: 0 }
    }

    /// The share of the processors, from 0 to 1, that others have used from here to `later`.
    pub(super) fn others_until(&self, later: &Self) -> f64 {
        let (own, done) =
            (later.own.saturating_sub(self.own), later.done.saturating_sub(self.done));
        let possible = later.possible.saturating_sub(self.possible).max(1);
        approximate(done.saturating_sub(own)) / approximate(possible)
    }
}

/// The value of the first line `key: value`.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(name, _)| name.trim() == key).map_or("", |(_, value)| value.trim())
}

/// Type and device of the file system that holds `dir`, from the table of mounts.
fn file_system(mounts: &str, dir: &Path) -> String {
    let holding = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (device, at, kind) = (fields.next()?, fields.next()?, fields.next()?);
        dir.starts_with(at).then(|| (at.len(), format!("{kind} on {device}")))
    });
    // Of two at the same place the later hides the earlier.
    holding.max_by_key(|(length, _)| *length).map_or_else(|| "unknown".to_owned(), |(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_the_one_that_lies_deepest() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /work tmpfs rw 0 0\n/dev/b /work/x xfs rw 0 0\n";
        let of = |dir: &str| file_system(mounts, Path::new(dir));
        assert_eq!(of("/home"), "ext4 on /dev/a");
        assert_eq!(of("/work/y"), "tmpfs on tmpfs");
        assert_eq!(of("/work/x/data"), "xfs on /dev/b");
        assert_eq!(file_system("", Path::new("/")), "unknown");
    }

    #[test]
    fn what_others_did_is_what_was_done_without_the_bench() {
        let before = Busy { own: 10, ..Busy::of("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n") };
        let later = Busy { own: 110, ..Busy::of("cpu  200 10 80 950 60 0 10 0 0 0\n") };
        // Of 310 ticks 150 were used, 100 of them by the bench.
        let others = before.others_until(&later);
        assert!((others - 50.0 / 310.0).abs() < 1e-9, "{others}");
        assert_eq!(process::ticks("7 (a) b) S 1 1 1 0 -1 4 1 1 1 1 5 6 7 8 20 0"), [5, 6, 7, 8]);
    }

    #[test]
    fn this_machine_is_described() {
        let machine = machine(Path::new("/"));
        assert!(machine.cores >= 1 && machine.memory_gib >= 1, "{machine:?}");
        assert!(!machine.kernel.is_empty() && machine.file_system != "unknown", "{machine:?}");
    }
}
