//! The story of one exchange, from the question to a page of the answer.

use std::sync::Arc;

use tonic::Code;

use super::telling::tell;
use crate::{
    domain::{
        event::Position,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        page::{Page, Tokens},
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
    let min_position = request.min_position;
    let (query, as_of, page) = question(request, Tokens::of(engine))?;
    let at = page.position(engine, min_position, as_of).await?;
    let (record, key) = (engine.record(), page.list(at));
    let kept = record.kept(key);
    let told = if let Some(story) = &kept {
        Arc::clone(story)
    } else {
        let queried = query.clone();
        let told = record.ask(move |register| story(register, &queried, at)).await?;
        Arc::new(told.ok_or_else(|| not_found(&query.exchange_id, at))?)
    };
    let answer = tell(engine, &told, &page, at).await?;
    if kept.is_none() && !answer.next_page_token.is_empty() {
        record.keep(key, &told);
    }
    Ok(answer)
}

fn question(
    request: proto::GetExchangeRequest,
    tokens: Tokens,
) -> Result<(StoryQuery, AsOf, Page), Violations> {
    let proto::GetExchangeRequest { exchange_id, include_past, as_of, page_token, .. } = request;
    let query = StoryQuery { exchange_id: request::name(&exchange_id), include_past };
    let mut wrong = Violations::default();
    let page = Page::parse(tokens, 0, &page_token, &same(&query, as_of), &mut wrong);
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    check_id(&query.exchange_id, &mut wrong);
    wrong.into_result((query, as_of, page))
}

/// The first page of a story in an answer to another method than `GetExchange`, which accepts the
/// page's token.
pub(super) fn first_page(engine: &Engine, query: &StoryQuery) -> Page {
    Page::first(Tokens::of(engine), &same(query, None))
}

/// What is the same for every page.
fn same(query: &StoryQuery, as_of: Option<proto::AsOf>) -> proto::GetExchangeRequest {
    let StoryQuery { exchange_id, include_past } = query.clone();
    proto::GetExchangeRequest { exchange_id, include_past, as_of, ..Default::default() }
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
