//! Numbers that are kept while legs come and go, so that a leg costs what it changes.
//!
//! The rules are those of [`whole`](crate::domain::whole) and `unattributed`, and the same
//! functions decide. The results of each step are kept, so that few of the functions have to run
//! again:
//!
//! - Legs that cannot speak of the same persons, directly or through others, are never joined. So
//!   a sum is that of **components** of flows, and a leg makes a difference to its own one alone.
//! - Portions, and exchanges within another, that leave sums of the same flows are joined alike. So
//!   they are kept as **one sum**, however many they are.

mod attributed;
mod beside;
mod cells;
mod components;
mod flows;
mod joint;
mod members;
mod open_by_party;
mod remainders;
mod subtotal;
mod sum;
mod unattributed;
mod unit;

pub(super) use beside::beside;
pub use cells::Aggregate;
pub use unit::{Changes, Legs, Unit};

use flows::{Flows, LegId};
use remainders::{Open, Remainders};
use sum::{Context, Sum};

#[cfg(test)]
mod tests;
