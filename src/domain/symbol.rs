//! Names that the rules only compare: exchanges, parties, portions.
//!
//! The rules do not depend on the spelling of a name, so they work on small numbers. The table that
//! gave out a number knows its name. Numbers of two tables cannot be compared.

use serde::{Deserialize, Serialize};

/// A name of one table of names.
///
/// The order of symbols is that in which they were given out. No answer may depend on it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Symbol(u32);

impl Symbol {
    /// The empty name, in every table.
    pub const EMPTY: Self = Self(0);

    /// The name at a place of its table; 0 is the empty name.
    pub const fn at(place: u32) -> Self {
        Self(place)
    }

    /// Its place in its table.
    pub const fn place(self) -> u32 {
        self.0
    }

    /// Whether it is the empty name, which stands for "not said".
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
