//! `SourceService`: where claims come from.

use tonic::{Code, Request, Response, Status};

use crate::{
    domain::{
        event::Position,
        known::Known,
        proto::{self, ErrorReason, SourceKind},
        violation::Violations,
    },
    engine::AsOf,
    grpc::{
        budget::Budget,
        claimed::Texts,
        listed,
        page::{Page, Tokens},
        record::{Extras, Recorder},
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
        let proto::RegisterSourceRequest { request_id, source, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("source", source, extras).await?;
        Ok(Response::new(proto::RegisterSourceResponse { receipt: Some(receipt) }))
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
        let source = record.ask(move |register| find_source(register, &id).into_iter().collect());
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
        let min_position = request.get_ref().min_position;
        let (query, page, as_of) =
            many(request.into_inner(), Tokens::of(&self.0)).map_err(RpcError::from)?;
        let position = page.position(&self.0, min_position, as_of).await?;
        let record = self.0.record();
        let list = record.list(page.list(position), SourceWalk::new(query, position));
        let list = list.await.map_err(RpcError::from)?;
        let some = page.of(&list).to_vec();
        let found = record.go_through(CitingWalk::new(some, position)).await;
        let found = found.map_err(RpcError::from)?;
        let sources = listed::told(&self.0, Budget::default(), &found, entry).await?;
        let next_page_token = page.next(sources.len(), list.len(), position);
        Ok(Response::new(proto::ListSourcesResponse { sources, next_page_token, position }))
    }
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
    request: proto::ListSourcesRequest,
    tokens: Tokens,
) -> Result<(SourceQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let proto::ListSourcesRequest { words, kind, as_of, page_size, page_token, .. } = request;
    let same =
        proto::ListSourcesRequest { words: words.clone(), kind, as_of, ..Default::default() };
    let page = Page::parse(tokens, page_size, &page_token, &same, &mut wrong);
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
