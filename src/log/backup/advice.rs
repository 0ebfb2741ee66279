//! What to do about what went wrong with a backup, as it stands behind errors.

use std::io;

/// What to do about an operating system's error; empty: nothing in particular.
pub(super) fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    if [StorageFull, QuotaExceeded].contains(&error.kind()) {
        "; make room there and run this again: what was copied whole is not copied again"
    } else if [ReadOnlyFilesystem, PermissionDenied].contains(&error.kind()) {
        "; make it accessible for the user who runs this, or choose another folder"
    } else {
        ""
    }
}

/// What to do about a piece that is not what was put there. Nothing is to be deleted: what is
/// left of it may be needed, if the store turns out not to have it.
pub(super) const DAMAGED: &str = "look at the disk, then move that piece out of the folder: \
     the next backup of the same store into this folder puts it there again, if the store \
     still has it. To restore now, name a backup that does not need it (--backup), or take \
     another copy of this folder";
/// The same where pieces are objects.
pub(super) const DAMAGED_OBJECT: &str = "copy that object elsewhere, then delete it: the next \
     backup of the same store to this address puts it there again, if the store still has \
     it. To restore now, name a backup that does not need it (--backup), or have the bucket \
     bring back an earlier version of the object";
/// What to do about a manifest that cannot be read.
pub(super) const UNREADABLE: &str = "the pieces that it lists may be whole, so delete nothing: \
     to restore now, name another backup (--backup); to back up into this folder again, \
     copy the folder, then move that file out of it. The next backup removes what no other \
     one needs";
/// What to do about the piece that says what the target is.
pub(super) const TITLE: &str = "each backup names the store too, so a restore does not need \
     it; the next backup of the same store into this folder puts it there again";
