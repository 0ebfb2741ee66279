//! Counts by what is counted.

use std::collections::BTreeMap;

/// How often something is there, by what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Occurrences(pub(super) BTreeMap<String, u64>);

impl Occurrences {
    /// Counts one more of this.
    pub(super) fn add(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}
