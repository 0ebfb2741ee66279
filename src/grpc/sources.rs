//! `SourceService`: where claims come from.

use tonic::{Code, Request, Response, Status};

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
        record::{Recorder, recorded},
        request,
        server_stubs::source_service_server::SourceService,
        status::RpcError,
    },
    projections::lists::{CitingWalk, SourceFound, SourceQuery, SourceWalk, find_source},
};

#[tonic::async_trait]
impl SourceService for Recorder {
    async fn register_source(
        &self,
        request: Request<proto::RegisterSourceRequest>,
    ) -> Result<Response<proto::RegisterSourceResponse>, Status> {
        recorded!(self, request, RegisterSourceRequest { source }, RegisterSourceResponse)
    }

    async fn get_source(
        &self,
        request: Request<proto::GetSourceRequest>,
    ) -> Result<Response<proto::GetSourceResponse>, Status> {
        let proto::GetSourceRequest { source_id, as_of, min_position } = request.into_inner();
        let source_id = request::name(&source_id);
        let as_of = one(&source_id, as_of).map_err(RpcError::from)?;
        let record = self.0.record();
        record.reached(min_position).await.map_err(RpcError::from)?;
        let position = record.moment(as_of).await.map_err(RpcError::from)?;
        let id = source_id.clone();
        let source = record.query(move |register| find_source(register, &id).into_iter().collect());
        let source = source.await.map_err(RpcError::from)?;
        let found = record.go_through(CitingWalk::new(source, position)).await;
        let mut found = found.map_err(RpcError::from)?.into_iter();
        let found = found.next().ok_or_else(|| missing(&source_id, position))?;
        let texts = Texts::read(&self.0, found.registration).await?;
        let source = Some(entry(&texts, &found));
        Ok(Response::new(proto::GetSourceResponse { source, position }))
    }

    async fn list_sources(
        &self,
        request: Request<proto::ListSourcesRequest>,
    ) -> Result<Response<proto::ListSourcesResponse>, Status> {
        Ok(Response::new(list(&self.0, request.into_inner()).await?))
    }
}

async fn list(
    engine: &Engine,
    request: proto::ListSourcesRequest,
) -> Result<proto::ListSourcesResponse, RpcError> {
    let (query, page, as_of) = many(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    let record = engine.record();
    let list = record.list(page.list(position), SourceWalk::new(query, position)).await?;
    let some = page.of(&list).to_vec();
    let found = record.go_through(CitingWalk::new(some, position)).await?;
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
