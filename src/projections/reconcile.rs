//! What the claimants say of one exchange, side by side, and what differs.
//!
//! Nothing is decided here and no average is formed: two numbers stand beside each other with the
//! amount between them, and with what the record holds to explain it. An explanation without a
//! number may explain any part of a difference, so nothing is called unexplained beside it.

mod differences;
mod matrix;
mod operand;
mod reasons;

use crate::domain::proto;
use crate::projections::{claims::View, extent::Extent, story};
use matrix::ClaimMatrix;

/// Claims that a cell, a side or an explanation names, and places that a side does.
const NAMED: usize = 1_000;
/// Sources that a cell names.
const SOURCES: usize = 256;
/// Lines of a scope.
const SCOPES: usize = 64;

/// The first of a list, and how many more there are.
fn first<T>(mut list: Vec<T>, most: usize) -> (Vec<T>, u32) {
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    (list, u32::try_from(more).unwrap_or(u32::MAX))
}

/// The reconciliation of the exchange with an id; the caller fills in its position. Absent:
/// nothing was recorded of it or of a portion of it.
pub fn reconcile(view: &View<'_>, id: &str) -> Option<proto::ReconcileExchangeResponse> {
    let exchange = story::find(view, id)?;
    let extent = Extent::of(view, exchange);
    let matrix = ClaimMatrix::new(&extent);
    Some(proto::ReconcileExchangeResponse {
        claimants: matrix.claimants(),
        legs: matrix.legs(),
        cells: matrix.cells(),
        lines: differences::all(&matrix),
        ..proto::ReconcileExchangeResponse::default()
    })
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
