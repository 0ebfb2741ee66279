//! What a check has seen of a store beside what is wrong with it.

use crate::log::index::Sums;

/// What was seen of a volume beside what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct VolumeFacts {
    /// What an index of it must hold; absent: not all of it could be read.
    pub(super) sums: Option<Sums>,
    /// It has events of a wanted type.
    pub(super) is_wanted: bool,
    /// It is not read at its offsets.
    pub(super) needs_sled: bool,
}

/// What was seen beside what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub(super) volumes: Vec<VolumeFacts>,
    pub(super) unsealed_wanted: bool,
}
