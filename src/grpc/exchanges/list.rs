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
        page::{Page, Tokens},
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
    let min_position = request.min_position;
    let (query, as_of, page) = question(request, Tokens::of(engine))?;
    let at = page.position(engine, min_position, as_of).await?;
    let record = engine.record();
    let list = record.list(page.list(at), ListWalk::new(query, at)).await?;
    let stretch = (page.begins().offset, page.size());
    let told = SummaryWalk::new((Arc::clone(&list), at), stretch, limits::ANSWER_BYTES);
    let mut exchanges = record.go_through(told).await?;
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
    request: proto::ListExchangesRequest,
    tokens: Tokens,
) -> Result<(ExchangeQuery, AsOf, Page), Violations> {
    let mut wrong = Violations::default();
    let (size, token) = (request.page_size, request.page_token.clone());
    let request = proto::ListExchangesRequest {
        page_size: 0,
        page_token: String::new(),
        min_position: 0,
        ..request
    };
    let page = Page::parse(tokens, size, &token, &request, &mut wrong);
    let as_of = request::as_of(request.as_of, "as_of", &mut wrong);
    let order = request::choice::<ListOrder>(request.order, "order", &mut wrong);
    let even_if_denied = request.include_denied_mediators;
    let mediator = Mediator {
        actor: request::optional_name(&request.mediator, "mediator", &mut wrong),
        even_if_denied,
    };
    let party = request::any_party(&request.party, "party", &mut wrong);
    request::words(&request.words, "words", &mut wrong);
    let query = ExchangeQuery {
        party: Some(party).filter(|party| !party.is_empty()),
        kind: request::choice::<ExchangeKind>(request.kind, "kind", &mut wrong),
        status: request::choice::<ExchangeStatus>(request.status, "status", &mut wrong),
        mediator: Some(mediator).filter(|mediator| !mediator.actor.is_empty()),
        occurred: request::occurred(&request.occurred, "occurred", &mut wrong),
        words: request.words,
        outermost_only: request.outermost_only,
        order: order.and_then(|it| ListOrder::try_from(it).ok()).unwrap_or_default(),
    };
    wrong.into_result((query, as_of, page))
}
