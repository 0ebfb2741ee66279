//! What the process takes of the system, as Linux tells it in `/proc/self`. What cannot be read is
//! absent.

use std::fs;

use rustix::{param, process::Resource};

/// What the process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Descriptors that are open.
    pub open_files: Option<u64>,
    /// Descriptors that may be open.
    pub open_files_limit: Option<u64>,
    /// Memory that it has, in bytes.
    pub resident_bytes: Option<u64>,
    /// Seconds of processors that it has used.
    pub processor_seconds: Option<f64>,
}

impl Process {
    /// What it takes now.
    pub fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").ok();
        let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| resident(&text));
        Self {
            // The folder that is listed is open as well.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|all| all.count() as u64 - 1),
            open_files_limit: rustix::process::getrlimit(Resource::Nofile).current,
            resident_bytes: pages.map(|pages| pages * param::page_size() as u64),
            processor_seconds: stat.and_then(|text| processor(&text)),
        }
    }
}

/// The pages in memory: the second number.
fn resident(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

/// User and system time: the twelfth and thirteenth field behind the name, which stands in
/// parentheses and may hold anything.
fn processor(stat: &str) -> Option<f64> {
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<u32> = fields.skip(11).take(2).map_while(|it| it.parse().ok()).collect();
    let [user, system] = ticks.as_slice() else { return None };
    let per_second = u32::try_from(param::clock_ticks_per_second()).ok()?;
    Some((f64::from(*user) + f64::from(*system)) / f64::from(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_all_of_it() {
        let Process { open_files, open_files_limit, resident_bytes, processor_seconds } =
            Process::read();
        assert!(open_files.is_some_and(|count| (3..10_000).contains(&count)), "{open_files:?}");
        assert!(open_files_limit.is_none_or(|limit| Some(limit) > open_files));
        assert!(resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{resident_bytes:?}");
        assert!(processor_seconds.is_some(), "{processor_seconds:?}");
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        let per_second = u32::try_from(param::clock_ticks_per_second()).unwrap();
        assert_eq!(processor(stat), Some(200.0 / f64::from(per_second)));
        assert_eq!(processor("7 (a"), None);
        assert_eq!(resident("100 25 3"), Some(25));
    }
}
