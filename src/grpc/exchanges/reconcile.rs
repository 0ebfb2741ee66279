//! The reconciliation of one exchange, from the question to the answer.

use super::story::{check_id, not_found};
use crate::{
    domain::{proto, violation::Violations},
    engine::Engine,
    grpc::{asked, status::Fault},
    projections::reconcile::reconcile,
};

/// Answers with what the claimants say, side by side.
pub(super) async fn reconcile_exchange(
    engine: &Engine,
    request: proto::ReconcileExchangeRequest,
) -> Result<proto::ReconcileExchangeResponse, Fault> {
    let proto::ReconcileExchangeRequest { exchange_id, as_of, min_position } = request;
    let exchange_id = asked::name(&exchange_id);
    let mut wrong = Violations::default();
    let as_of = asked::as_of(as_of, "as_of", &mut wrong);
    check_id(&exchange_id, &mut wrong);
    wrong.into_result(())?;
    let record = engine.record();
    record.reached(min_position).await?;
    let at = record.moment(as_of).await?;
    let id = exchange_id.clone();
    let answer = record.ask(move |register| reconcile(&register.at(at), &id)).await?;
    let answer = answer.ok_or_else(|| not_found(&exchange_id))?;
    Ok(proto::ReconcileExchangeResponse { position: at, ..answer })
}
