//! What a process has cost, by what the system says of it.

use std::{fs, time::Duration};

/// A tick of the system's clock of processor time; it is a hundredth of a second wherever Linux
/// runs.
const TICK: Duration = Duration::from_millis(10);

/// A process, by its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).expect("the process runs")
    }

    fn status(self, name: &str) -> usize {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        let kib: usize = line.trim_end_matches("kB").trim().parse().expect("a number");
        kib << 10
    }

    /// Resident memory now, in bytes; what it had at most is forgotten.
    pub(crate) fn reset_peak(self) -> usize {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").expect("the peak can be reset");
        self.status("VmRSS:")
    }

    /// Resident memory at most since it was reset, in bytes.
    pub(crate) fn peak(self) -> usize {
        self.status("VmHWM:")
    }

    /// Processor time of all threads.
    pub(crate) fn processor(self) -> Duration {
        let stat = self.read("stat");
        // The name of the program, which may hold anything, ends with the last parenthesis.
        let (_, after) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<u32>().expect("a number");
        TICK * (ticks(11) + ticks(12))
    }
}
