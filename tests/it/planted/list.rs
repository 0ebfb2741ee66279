//! The planted faults, what each breaks, and the tests that are to catch it, the fastest first.

mod backups;
mod events;
mod histories;

/// A planted fault.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// The promise that it breaks, and how.
    pub(super) breaks: &'static str,
    pub(super) caught_by: &'static [Catcher],
}

/// A test, and what it says when it has caught the fault.
#[derive(Debug)]
pub(super) struct Catcher {
    pub(super) test: &'static str,
    /// It is a unit test of the library; else it is one of this executable.
    pub(super) unit: bool,
    /// Part of its message, or one of several divided by `|`: another failure does not count.
    pub(super) says: &'static str,
}

const fn unit(test: &'static str, says: &'static str) -> Catcher {
    Catcher { test, unit: true, says }
}

const fn whole(test: &'static str, says: &'static str) -> Catcher {
    Catcher { test, unit: false, says }
}

/// All of them.
pub(super) fn faults() -> impl Iterator<Item = &'static Fault> + Clone {
    [events::EVENTS, backups::BACKUPS, histories::HISTORIES].into_iter().flatten()
}
