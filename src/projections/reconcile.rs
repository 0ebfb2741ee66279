//! What the claimants say of one exchange, side by side, and what differs.
//!
//! Nothing is decided here and no average is formed: two numbers stand beside each other with the
//! amount between them, and with what the record holds to explain it. An explanation without a
//! number may explain any part of a difference, so nothing is called unexplained beside it.

mod differences;
mod limits;
mod matrix;
mod operand;
mod reasons;

use crate::domain::proto;
use crate::projections::{claims::View, extent::Extent, story};
use matrix::ClaimMatrix;

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
