//! What other users can do with a file that says who may do what, or that proves who this is.
//!
//! The mode says what others may do now. The owner may write to the file and change its mode,
//! whatever the mode says, so the file of another user is open to that user. Root may do that with
//! every file, so its files are taken.

use std::{
    fs::Metadata,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::process::geteuid;

/// The user that may do everything.
const ROOT: u32 = 0;
/// What others may not do with a secret: anything.
pub(crate) const ANY_ACCESS: u32 = 0o077;
/// What others may not do with a file that is no secret: change it.
pub(crate) const CHANGES: u32 = 0o022;

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadBy {
    /// A server, which goes by the file.
    Server,
    /// A command that shows or changes the file of a server, or a client. Root does that for
    /// servers of other users, to which the files belong.
    Command,
}

/// What others must not be able to do with a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// The bits that its mode must not have.
    pub(crate) forbidden: u32,
    /// What they could do, as in "lets others than its owner ...".
    pub(crate) harm: &'static str,
    /// What the file is read for.
    pub(crate) by: ReadBy,
}

impl Demand {
    /// What others can do with a file, and the command that mends it. Pipes and devices have
    /// neither a mode nor an owner that counts.
    pub(crate) fn problem(self, path: &Path, metadata: &Metadata) -> Option<String> {
        if !metadata.is_file() {
            return None;
        }
        let (mode, shown) = (metadata.permissions().mode() & 0o7777, path.display());
        if mode & self.forbidden != 0 {
            let (harm, mended) = (self.harm, mode & 0o777 & !self.forbidden);
            return Some(format!(
                "has mode {mode:04o}, which lets others than its owner {harm}; \
                 `chmod {mended:o} {shown}` mends that"
            ));
        }
        let (owner, own) = (metadata.uid(), geteuid().as_raw());
        (!may_own(owner, own, self.by)).then(|| {
            let right = if own == ROOT { "root".to_owned() } else { format!("root or user {own}") };
            format!(
                "belongs to user {owner}, which can {}; it has to belong to {right}: \
                 `chown {own} {shown}` mends that",
                self.harm
            )
        })
    }
}

/// Whether the user `own` takes a file of `owner`.
fn may_own(owner: u32, own: u32, by: ReadBy) -> bool {
    owner == ROOT || owner == own || (by == ReadBy::Command && own == ROOT)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};

    use super::*;

    #[test]
    fn a_file_is_of_root_or_of_the_user_that_reads_it_and_root_may_look_at_all() {
        for (owner, own, server, command) in [
            (0, 0, true, true),
            (0, 998, true, true),
            (998, 998, true, true),
            (1000, 998, false, false),
            (1000, 0, false, true),
        ] {
            assert_eq!(may_own(owner, own, ReadBy::Server), server, "{owner} {own}");
            assert_eq!(may_own(owner, own, ReadBy::Command), command, "{owner} {own}");
        }
    }

    #[test]
    fn a_mode_is_named_with_what_mends_it_and_a_device_has_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let demand = |forbidden| Demand { forbidden, harm: "do harm", by: ReadBy::Server };
        let found = |forbidden, path: &Path| {
            demand(forbidden).problem(path, &path.metadata().unwrap()).unwrap_or_default()
        };
        for (mode, forbidden, mended) in [
            (0o600, ANY_ACCESS, None),
            (0o640, ANY_ACCESS, Some("600")),
            (0o444, ANY_ACCESS, Some("400")),
            (0o644, CHANGES, None),
            (0o664, CHANGES, Some("644")),
        ] {
            set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            let problem = found(forbidden, file.path());
            assert_eq!(problem.is_empty(), mended.is_none(), "{mode:o}: {problem}");
            let command = mended.map(|it| format!("`chmod {it} "));
            assert!(command.is_none_or(|it| problem.contains(&it)), "{mode:o}: {problem}");
        }
        assert_eq!(found(ANY_ACCESS, Path::new("/dev/null")), "");
    }
}
