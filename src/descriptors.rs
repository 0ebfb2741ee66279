//! The descriptors that the process may have: as many as the system allows, shared out between the
//! store and connections, so that connections never take what the store needs to record.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the store and the process keep for themselves where there is enough: 128 volumes that are
/// read, two databases with their copies, files of journal and index, and some more.
const STORE: u64 = 256;
/// More are not of use, and some systems reserve memory for each.
const MOST: u64 = 1 << 20;

/// How many descriptors there are for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// For the store.
    pub store: usize,
    /// For connections.
    pub connections: usize,
}

impl Descriptors {
    /// Raises the soft limit as far as the hard one allows.
    pub fn raise() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(MOST).min(MOST);
        let current = limit.current.unwrap_or(MOST);
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if wanted <= current || setrlimit(Resource::Nofile, raised).is_ok() {
            return Self::shared(wanted.max(current));
        }
        tracing::warn!(current, "the number of open files cannot be raised");
        Self::shared(current)
    }

    /// Half of a small number is for the store.
    fn shared(all: u64) -> Self {
        let store = STORE.min(all / 2);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self { store: count(store), connections: count(all - store) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_has_its_share_however_few_there_are() {
        for (all, store, connections) in
            [(64, 32, 32), (1_024, 256, 768), (1 << 20, 256, 1_048_320)]
        {
            assert_eq!(Descriptors::shared(all), Descriptors { store, connections });
        }
    }
}
