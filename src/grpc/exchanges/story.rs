//! The story of one exchange, from the question to a page of the answer.

use std::sync::Arc;

use tonic::Code;

use super::response::respond;
use crate::{
    domain::{
        event::Position,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        page::{Page, Paging, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::story::{StoryQuery, story},
};

/// Answers with the story of an exchange, or goes on with it.
pub(super) async fn get(
    engine: &Engine,
    request: proto::GetExchangeRequest,
) -> Result<proto::GetExchangeResponse, RpcError> {
    let (query, as_of, page) = question(request, Tokens::of(engine))?;
    let at = page.position(engine, as_of).await?;
    let (record, key) = (engine.record().for_one().await?, page.list(at));
    let kept = record.kept(key);
    let found = if let Some(story) = &kept {
        Arc::clone(story)
    } else {
        let queried = query.clone();
        let found = record.query(move |register| story(register, &queried, at)).await?;
        Arc::new(found.ok_or_else(|| not_found(&query.exchange_id, at))?)
    };
    let answer = respond(engine, &found, &page, at).await?;
    if kept.is_none() && !answer.next_page_token.is_empty() {
        record.keep(key, &found);
    }
    Ok(answer)
}

fn question(
    mut request: proto::GetExchangeRequest,
    tokens: Tokens,
) -> Result<(StoryQuery, AsOf, Page), Violations> {
    request.exchange_id = request::name(&request.exchange_id);
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let proto::GetExchangeRequest {
        exchange_id,
        include_past,
        as_of,
        min_position: _,
        page_token: _,
    } = request;
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    check_id(&exchange_id, &mut wrong);
    wrong.into_result((StoryQuery { exchange_id, include_past }, as_of, page))
}

/// The first page of a story in an answer to another method than `GetExchange`, which accepts the
/// page's token.
pub(super) fn first_page(engine: &Engine, query: &StoryQuery) -> Page {
    let StoryQuery { exchange_id, include_past } = query.clone();
    let request = proto::GetExchangeRequest { exchange_id, include_past, ..Default::default() };
    Page::first(Tokens::of(engine), request)
}

/// An id has to be given.
pub(super) fn check_id(exchange_id: &str, wrong: &mut Violations) {
    if exchange_id.is_empty() {
        wrong.add("exchange_id", "is missing");
    }
}

pub(super) fn not_found(exchange_id: &str, at: Position) -> RpcError {
    let message = format!(
        "nothing is recorded of the exchange {exchange_id:?} up to position {at}; ListExchanges \
         has the ids"
    );
    RpcError::new(Code::NotFound, ErrorReason::NotFound, message)
}
