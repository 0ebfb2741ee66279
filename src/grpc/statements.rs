//! `StatementService`: who said what.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        proto::{self, ListOrder, StatementMode},
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
        server_stubs::statement_service_server::StatementService,
        status::RpcError,
    },
    projections::lists::{StatementQuery, StatementWalk},
};

#[tonic::async_trait]
impl StatementService for Recorder {
    async fn record_statement(
        &self,
        request: Request<proto::RecordStatementRequest>,
    ) -> Result<Response<proto::RecordStatementResponse>, Status> {
        let proto::RecordStatementRequest { request_id, statement, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("statement", statement, extras).await?;
        Ok(Response::new(proto::RecordStatementResponse { receipt: Some(receipt) }))
    }

    async fn list_statements(
        &self,
        request: Request<proto::ListStatementsRequest>,
    ) -> Result<Response<proto::ListStatementsResponse>, Status> {
        let min_position = request.get_ref().min_position;
        let tokens = Tokens::of(&self.0);
        let question = question(request.into_inner(), tokens);
        let (query, page, as_of) = question.map_err(RpcError::from)?;
        let position = page.position(&self.0, min_position, as_of).await?;
        let record = self.0.record();
        let list = record.list(page.list(position), StatementWalk::new(query, position));
        let list = list.await.map_err(RpcError::from)?;
        let some = page.of(&list.claims).to_vec();
        let found = record.ask(move |register| listed::claims(register, position, &some));
        let found = found.await.map_err(RpcError::from)?;
        let statements = listed::told(&self.0, Budget::default(), &found, Texts::statement).await?;
        Ok(Response::new(proto::ListStatementsResponse {
            next_page_token: page.next(statements.len(), list.claims.len(), position),
            statements,
            position,
            undated_statements: list.undated,
        }))
    }
}

type Question = (StatementQuery, Page, AsOf);

fn question(request: proto::ListStatementsRequest, tokens: Tokens) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let order = request.order();
    let same = proto::ListStatementsRequest {
        page_size: 0,
        page_token: String::new(),
        min_position: 0,
        ..request.clone()
    };
    let page = Page::parse(tokens, request.page_size, &request.page_token, &same, &mut wrong);
    request::words(&request.words, "words", &mut wrong);
    request::choice::<ListOrder>(request.order, "order", &mut wrong);
    let query = StatementQuery {
        words: request.words,
        speaker: request::optional_name(&request.speaker, "speaker", &mut wrong),
        party: request::any_party(&request.party, "party", &mut wrong),
        topic: request::optional_name(&request.topic, "topic", &mut wrong),
        exchange: request::optional_name(&request.exchange_id, "exchange_id", &mut wrong),
        mode: request::choice::<StatementMode>(request.mode, "mode", &mut wrong),
        occurred: request::occurred(&request.occurred, "occurred", &mut wrong),
        source: request::optional_name(&request.source_id, "source_id", &mut wrong),
        order,
        include_retracted: request.include_retracted,
    };
    let as_of = request::as_of(request.as_of, "as_of", &mut wrong);
    wrong.into_result((query, page, as_of))
}
