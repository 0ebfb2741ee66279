//! Files that a command makes are for its user alone.

use rustix::{fs::Mode, process::umask};

/// What others may not do with files that are made: anything.
const PRIVATE: u32 = 0o077;

/// Makes every file and folder of this process from now on private: they hold the record, which is
/// read through the server.
pub(super) fn keep_private() {
    umask(Mode::from_raw_mode(PRIVATE));
}
