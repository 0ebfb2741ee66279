//! Lists of exchanges, from the question to the answer.

use crate::{
    domain::{
        proto::{self, ExchangeKind, ExchangeStatus, ListOrder},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        asked::{self, Page},
        status::Fault,
    },
    projections::story::{ExchangeQuery, Mediator, list, summary},
};

/// Answers with one page.
pub(super) async fn list_page(
    engine: &Engine,
    request: proto::ListExchangesRequest,
) -> Result<proto::ListExchangesResponse, Fault> {
    let min_position = request.min_position;
    let (query, as_of, page) = question(request)?;
    let at = page.position(engine, min_position, as_of).await?;
    let record = engine.record();
    let answer = record.ask(move |register| {
        let view = register.at(at);
        let listed = list(&view, &query);
        let (exchanges, next_page_token) = page.cut(listed.exchanges, at);
        proto::ListExchangesResponse {
            exchanges: exchanges.into_iter().map(|it| summary(&view, it)).collect(),
            next_page_token,
            position: at,
            undated_exchanges: listed.undated,
        }
    });
    Ok(answer.await?)
}

fn question(
    request: proto::ListExchangesRequest,
) -> Result<(ExchangeQuery, AsOf, Page), Violations> {
    let mut wrong = Violations::default();
    let (size, token) = (request.page_size, request.page_token.clone());
    let request = proto::ListExchangesRequest {
        page_size: 0,
        page_token: String::new(),
        min_position: 0,
        ..request
    };
    let page = Page::parse(size, &token, &request, &mut wrong);
    let as_of = asked::as_of(request.as_of, "as_of", &mut wrong);
    let order = asked::choice::<ListOrder>(request.order, "order", &mut wrong);
    let even_if_denied = request.include_denied_mediators;
    let mediator = Mediator { actor: asked::name(&request.mediator), even_if_denied };
    let party = asked::any_party(&request.party, "party", &mut wrong);
    asked::words(&request.words, "words", &mut wrong);
    let query = ExchangeQuery {
        party: Some(party).filter(|party| !party.is_empty()),
        kind: asked::choice::<ExchangeKind>(request.kind, "kind", &mut wrong),
        status: asked::choice::<ExchangeStatus>(request.status, "status", &mut wrong),
        mediator: Some(mediator).filter(|mediator| !mediator.actor.is_empty()),
        occurred: asked::occurred(&request.occurred, "occurred", &mut wrong),
        words: request.words,
        outermost_only: request.outermost_only,
        order: order.and_then(|it| ListOrder::try_from(it).ok()).unwrap_or_default(),
    };
    wrong.into_result((query, as_of, page))
}
