//! `SourceService`: where claims come from.

use tonic::Code;

use crate::{
    domain::{
        event::Position,
        known::Known,
        proto::{self, ErrorReason, SourceKind},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        claimed::Texts,
        listed,
        page::{Page, Paging, Tokens, Usual},
        request,
        server_stubs::source_service_server::SourceService,
        service::{Service, recorded, unary},
        status::RpcError,
    },
    projections::lists::{CitingWalk, SourceFound, SourceQuery, SourceWalk, find_source},
};

impl SourceService for Service {
    recorded! {
        register_source(RegisterSourceRequest { source }) -> RegisterSourceResponse;
    }

    unary! {
        get_source(GetSourceRequest) -> GetSourceResponse = get;
        list_sources(ListSourcesRequest) -> ListSourcesResponse = list;
    }
}

async fn get(
    engine: &Engine,
    request: proto::GetSourceRequest,
) -> Result<proto::GetSourceResponse, RpcError> {
    let proto::GetSourceRequest { source_id, as_of, min_position } = request;
    let source_id = request::name(&source_id);
    let as_of = one(&source_id, as_of)?;
    let record = engine.record();
    record.reached(min_position).await?;
    let position = record.moment(as_of).await?;
    let record = record.for_one().await?;
    let id = source_id.clone();
    let source = record.query(move |register| find_source(register, &id).into_iter().collect());
    let found = record.page(CitingWalk::new(source.await?, position)).await?;
    let found = found.into_iter().next().ok_or_else(|| missing(&source_id, position))?;
    let texts = Texts::read(engine, found.registration).await?;
    let source = Some(entry(&texts, &found));
    Ok(proto::GetSourceResponse { source, position })
}

async fn list(
    engine: &Engine,
    request: proto::ListSourcesRequest,
) -> Result<proto::ListSourcesResponse, RpcError> {
    let (query, page, as_of) = many(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    let record = engine.record().for_list().await?;
    let list = record.list(page.list(position), SourceWalk::new(query, position)).await?;
    let some = page.of(&list).to_vec();
    let found = record.page(CitingWalk::new(some, position)).await?;
    let sources = listed::messages(engine, Budget::default(), &found, entry).await?;
    let next_page_token = page.next(sources.len(), list.len(), position);
    Ok(proto::ListSourcesResponse { sources, next_page_token, position })
}

fn one(source_id: &str, as_of: Option<proto::AsOf>) -> Result<AsOf, Violations> {
    let mut wrong = Violations::default();
    if source_id.is_empty() {
        wrong.add("source_id", "is empty; give the id of a source");
    }
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result(as_of)
}

fn many(
    mut request: proto::ListSourcesRequest,
    tokens: Tokens,
) -> Result<(SourceQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let proto::ListSourcesRequest {
        words,
        kind,
        as_of,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    request::words(&words, "words", &mut wrong);
    let kind = request::choice::<SourceKind>(kind, "kind", &mut wrong);
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result((SourceQuery { words, kind }, page, as_of))
}

fn missing(source_id: &str, at: Position) -> RpcError {
    let message =
        format!("as of position {at}, no source {source_id:?} is registered and no claim cites it");
    RpcError::new(Code::NotFound, ErrorReason::NotFound, message)
}

/// The source with its latest registration. A registration can be neither corrected, retracted
/// nor spoken about, so there is nothing else to say of it.
fn entry(texts: &Texts, found: &SourceFound) -> proto::SourceEntry {
    let source = match found.registration.and_then(|position| texts.reading(position)) {
        Some(Known::SourceRegistered(source)) => Some(source),
        _ => None,
    };
    let record = found.registration.map(|position| proto::ClaimRecord {
        position,
        recorded_at: texts.recorded_at(position),
        ..Default::default()
    });
    proto::SourceEntry { source_id: found.id.clone(), record, source, claims: found.claims }
}
