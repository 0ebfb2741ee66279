//! The parts of a count that a claim may name: minors, women, civilians, wounded.

use serde::{Deserialize, Serialize};

use crate::domain::proto;

/// Something for each part. The parts overlap; they are never added to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OfWhich<T> {
    /// Persons under age.
    pub minors: T,
    /// Women.
    pub women: T,
    /// Civilians.
    pub civilians: T,
    /// Wounded or sick.
    pub wounded: T,
}

impl<T> OfWhich<T> {
    /// The same with `change` made to each part.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> OfWhich<U> {
        OfWhich {
            minors: change(self.minors),
            women: change(self.women),
            civilians: change(self.civilians),
            wounded: change(self.wounded),
        }
    }

    /// A reference to each part.
    pub fn as_ref(&self) -> OfWhich<&T> {
        let Self { minors, women, civilians, wounded } = self;
        OfWhich { minors, women, civilians, wounded }
    }

    /// The same for changes.
    pub fn as_mut(&mut self) -> OfWhich<&mut T> {
        let Self { minors, women, civilians, wounded } = self;
        OfWhich { minors, women, civilians, wounded }
    }

    /// Each part with the same part of `with`.
    pub fn zip<U>(self, with: OfWhich<U>) -> OfWhich<(T, U)> {
        OfWhich {
            minors: (self.minors, with.minors),
            women: (self.women, with.women),
            civilians: (self.civilians, with.civilians),
            wounded: (self.wounded, with.wounded),
        }
    }
}

impl From<proto::OfWhich> for OfWhich<Option<u32>> {
    fn from(parts: proto::OfWhich) -> Self {
        let proto::OfWhich { minors, women, civilians, wounded } = parts;
        Self { minors, women, civilians, wounded }
    }
}
