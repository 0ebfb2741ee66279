//! `StatementService`: who said what.

use tonic::{Request, Response, Status};

use crate::{
    domain::proto,
    grpc::{
        record::{Extras, Recorder},
        server_stubs::statement_service_server::StatementService,
    },
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
        _: Request<proto::ListStatementsRequest>,
    ) -> Result<Response<proto::ListStatementsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
