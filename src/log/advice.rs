//! What to do about what went wrong, as it stands behind errors.

use std::io;

/// What to do about damage.
pub(super) const RESTORE: &str = "put it back from a backup (`handover restore`)";

const ROOM: &str = "; make room on the disk";
const WRITABLE: &str =
    "; make it writable for the user who runs this, or choose another data directory";
const ELSEWHERE: &str = "; choose another data directory";

const ADVICE: [(io::ErrorKind, &str); 6] = [
    (io::ErrorKind::StorageFull, ROOM),
    (io::ErrorKind::QuotaExceeded, ROOM),
    (io::ErrorKind::ReadOnlyFilesystem, WRITABLE),
    (io::ErrorKind::PermissionDenied, WRITABLE),
    (io::ErrorKind::NotADirectory, ELSEWHERE),
    (io::ErrorKind::AlreadyExists, ELSEWHERE),
];

/// What to do about an operating system's error, to be put behind it; empty: nothing in particular.
pub(super) fn advice(error: &io::Error) -> &'static str {
    ADVICE.iter().find(|(kind, _)| *kind == error.kind()).map_or("", |(_, advice)| advice)
}
