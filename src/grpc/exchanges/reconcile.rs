//! The reconciliation of one exchange, from the question to a page of the answer.

use std::sync::Arc;

use super::story::{check_id, not_found};
use crate::{
    domain::{event::Position, proto, violation::Violations},
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        page::{Page, Paging, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::reconcile::reconcile,
};

/// Answers with what the claimants say, side by side, or goes on with it.
pub(super) async fn reconcile_exchange(
    engine: &Engine,
    request: proto::ReconcileExchangeRequest,
) -> Result<proto::ReconcileExchangeResponse, RpcError> {
    let (id, as_of, page) = question(request, Tokens::of(engine))?;
    let at = page.position(engine, as_of).await?;
    let (record, key) = (engine.record().for_one().await?, page.list(at));
    let kept: Option<Arc<proto::ReconcileExchangeResponse>> = record.kept(key);
    let whole = if let Some(whole) = &kept {
        Arc::clone(whole)
    } else {
        let exchange_id = id.clone();
        let found = record.query(move |register| reconcile(&register.at(at), &exchange_id)).await?;
        Arc::new(found.ok_or_else(|| not_found(&id, at))?)
    };
    let answer = respond(&whole, &page, at);
    if kept.is_none() && !answer.next_page_token.is_empty() {
        record.keep(key, &whole);
    }
    Ok(answer)
}

fn question(
    mut request: proto::ReconcileExchangeRequest,
    tokens: Tokens,
) -> Result<(String, AsOf, Page), Violations> {
    request.exchange_id = request::name(&request.exchange_id);
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let proto::ReconcileExchangeRequest { exchange_id, as_of, min_position: _, page_token: _ } =
        request;
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    check_id(&exchange_id, &mut wrong);
    wrong.into_result((exchange_id, as_of, page))
}

/// One of a list, by its place in it.
#[derive(Clone, Copy)]
enum Item {
    Claimant(usize),
    Leg(usize),
    Cell(usize),
    Line(usize),
}

/// Everything in the order of the answer: a claimant or a leg comes before what names it.
fn items(whole: &proto::ReconcileExchangeResponse) -> Vec<Item> {
    let count = |place: u32| usize::try_from(place).unwrap_or(usize::MAX).saturating_add(1);
    let (mut claimants, mut legs) = (0..whole.claimants.len(), 0..whole.legs.len());
    let mut items = Vec::new();
    for (place, cell) in whole.cells.iter().enumerate() {
        let named = count(cell.claimant).saturating_sub(claimants.start);
        items.extend(claimants.by_ref().take(named).map(Item::Claimant));
        let named = count(cell.leg).saturating_sub(legs.start);
        items.extend(legs.by_ref().take(named).map(Item::Leg));
        items.push(Item::Cell(place));
    }
    items.extend(claimants.map(Item::Claimant).chain(legs.map(Item::Leg)));
    items.extend((0..whole.lines.len()).map(Item::Line));
    items
}

fn respond(
    whole: &proto::ReconcileExchangeResponse,
    page: &Page,
    at: Position,
) -> proto::ReconcileExchangeResponse {
    let items = items(whole);
    let begins = page.begins().offset.min(items.len());
    let mut budget = Budget::default();
    let mut answer = proto::ReconcileExchangeResponse { position: at, ..Default::default() };
    let rest = items.get(begins..).unwrap_or_default();
    let taken = rest.iter().map_while(|item| match *item {
        Item::Claimant(place) => {
            budget.put(&mut answer.claimants, whole.claimants.get(place)?.clone())
        }
        Item::Leg(place) => budget.put(&mut answer.legs, whole.legs.get(place)?.clone()),
        Item::Cell(place) => budget.put(&mut answer.cells, whole.cells.get(place)?.clone()),
        Item::Line(place) => budget.put(&mut answer.lines, whole.lines.get(place)?.clone()),
    });
    let taken = taken.count();
    answer.next_page_token = page.next(taken, items.len(), at);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_names_comes_before_it_and_everything_comes_once() {
        let cell = |leg, claimant| proto::ReconciliationCell { leg, claimant, ..<_>::default() };
        let whole = proto::ReconcileExchangeResponse {
            claimants: vec![proto::Actor::default(); 4],
            legs: vec![proto::Leg::default(); 3],
            cells: vec![cell(0, 0), cell(0, 2), cell(1, 1), cell(1, 2)],
            lines: vec![proto::Difference::default()],
            ..Default::default()
        };
        let taken = items(&whole).into_iter().map(|item| match item {
            Item::Claimant(place) => format!("claimant {place}"),
            Item::Leg(place) => format!("leg {place}"),
            Item::Cell(place) => format!("cell {place}"),
            Item::Line(place) => format!("line {place}"),
        });
        let expected = [
            "claimant 0",
            "leg 0",
            "cell 0",
            "claimant 1",
            "claimant 2",
            "cell 1",
            "leg 1",
            "cell 2",
            "cell 3",
            "claimant 3",
            "leg 2",
            "line 0",
        ];
        assert_eq!(taken.collect::<Vec<_>>(), expected);
    }
}
