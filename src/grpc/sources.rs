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
        asked::{self, Page},
        claimed::Texts,
        listed::Cut,
        record::{Extras, Recorder},
        server_stubs::source_service_server::SourceService,
        status::Fault,
    },
    projections::lists::{SourceFound, SourceQuery, source, sources},
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
        let source_id = asked::name(&source_id);
        let as_of = one(&source_id, as_of).map_err(Fault::from)?;
        let record = self.0.record();
        record.reached(min_position).await.map_err(Fault::from)?;
        let position = record.moment(as_of).await.map_err(Fault::from)?;
        let missing = missing(&source_id, position);
        let found = record.ask(move |register| source(&register.at(position), &source_id));
        let found = found.await.map_err(Fault::from)?.ok_or(missing)?;
        let texts = Texts::read(&self.0, found.registration).await?;
        let source = Some(entry(&texts, &found));
        Ok(Response::new(proto::GetSourceResponse { source, position }))
    }

    async fn list_sources(
        &self,
        request: Request<proto::ListSourcesRequest>,
    ) -> Result<Response<proto::ListSourcesResponse>, Status> {
        let min_position = request.get_ref().min_position;
        let (query, page, as_of) = many(request.into_inner()).map_err(Fault::from)?;
        let position = page.position(&self.0, min_position, as_of).await?;
        let record = self.0.record();
        let found = record
            .ask(move |register| Cut::new(page, position, sources(&register.at(position), &query)));
        let cut = found.await.map_err(Fault::from)?;
        let (sources, next_page_token) = cut.told(&self.0, entry).await?;
        Ok(Response::new(proto::ListSourcesResponse { sources, next_page_token, position }))
    }
}

fn one(source_id: &str, as_of: Option<proto::AsOf>) -> Result<AsOf, Violations> {
    let mut wrong = Violations::default();
    if source_id.is_empty() {
        wrong.add("source_id", "is empty; give the id of a source");
    }
    let as_of = asked::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result(as_of)
}

fn many(request: proto::ListSourcesRequest) -> Result<(SourceQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let proto::ListSourcesRequest { words, kind, as_of, page_size, page_token, .. } = request;
    let same =
        proto::ListSourcesRequest { words: words.clone(), kind, as_of, ..Default::default() };
    let page = Page::parse(page_size, &page_token, &same, &mut wrong);
    asked::words(&words, "words", &mut wrong);
    let kind = asked::choice::<SourceKind>(kind, "kind", &mut wrong);
    let as_of = asked::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result((SourceQuery { words, kind }, page, as_of))
}

fn missing(source_id: &str, at: Position) -> Fault {
    let message =
        format!("as of position {at}, no source {source_id:?} is registered and no claim cites it");
    Fault::new(Code::NotFound, ErrorReason::NotFound, message)
}

/// The source with its latest registration. A registration can be neither corrected, retracted
/// nor spoken about, so there is nothing else to tell of it.
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
