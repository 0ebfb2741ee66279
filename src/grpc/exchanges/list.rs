//! Lists of exchanges, from the question to the answer.

use std::sync::Arc;

use crate::{
    domain::{
        limits,
        proto::{self, ExchangeKind, ExchangeStatus, ListOrder},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        page::{Page, Paging, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::story::{ExchangeQuery, ListWalk, Mediator, SummaryWalk},
};

/// Answers with one page.
pub(super) async fn list_page(
    engine: &Engine,
    request: proto::ListExchangesRequest,
) -> Result<proto::ListExchangesResponse, RpcError> {
    let (query, as_of, page) = question(request, Tokens::of(engine))?;
    let at = page.position(engine, as_of).await?;
    let record = engine.record().for_list().await?;
    let list = record.list(page.list(at), ListWalk::new(query, at)).await?;
    let stretch = (page.begins().offset, page.size());
    let walk = SummaryWalk::new((Arc::clone(&list), at), stretch, limits::ANSWER_BYTES);
    let mut exchanges = record.page(walk).await?;
    let mut budget = Budget::default();
    let fit = exchanges.iter().take_while(|exchange| budget.takes(*exchange)).count();
    exchanges.truncate(fit);
    Ok(proto::ListExchangesResponse {
        exchanges,
        next_page_token: page.next(fit, list.exchanges.len(), at),
        position: at,
        undated_exchanges: list.undated,
    })
}

fn question(
    mut request: proto::ListExchangesRequest,
    tokens: Tokens,
) -> Result<(ExchangeQuery, AsOf, Page), Violations> {
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let proto::ListExchangesRequest {
        party,
        kind,
        status,
        mediator,
        include_denied_mediators: even_if_denied,
        occurred,
        words,
        outermost_only,
        order,
        as_of,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    let order = request::choice::<ListOrder>(order, "order", &mut wrong);
    let actor = request::optional_name(&mediator, "mediator", &mut wrong);
    let mediator = Mediator { actor, even_if_denied };
    let party = request::any_party(&party, "party", &mut wrong);
    request::words(&words, "words", &mut wrong);
    let query = ExchangeQuery {
        party: Some(party).filter(|party| !party.is_empty()),
        kind: request::choice::<ExchangeKind>(kind, "kind", &mut wrong),
        status: request::choice::<ExchangeStatus>(status, "status", &mut wrong),
        mediator: Some(mediator).filter(|mediator| !mediator.actor.is_empty()),
        occurred: request::occurred(&occurred, "occurred", &mut wrong),
        words,
        outermost_only,
        order: request::order(order),
    };
    wrong.into_result((query, as_of, page))
}
