//! `SourceService`: where claims come from.

use tonic::{Request, Response, Status};

use crate::{
    domain::proto,
    grpc::{
        record::{Extras, Recorder},
        server_stubs::source_service_server::SourceService,
    },
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
        _: Request<proto::GetSourceRequest>,
    ) -> Result<Response<proto::GetSourceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_sources(
        &self,
        _: Request<proto::ListSourcesRequest>,
    ) -> Result<Response<proto::ListSourcesResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
