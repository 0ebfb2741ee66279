//! `ExchangeService`: exchanges, roles, superlatives and detentions.

mod items;
mod list;
mod reconcile;
mod response;
mod story;
mod watch;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    domain::proto,
    grpc::{
        answers::Answers,
        record::{Recorder, recorded},
        server_stubs::exchange_service_server::ExchangeService,
    },
};

#[tonic::async_trait]
impl ExchangeService for Recorder {
    async fn report_exchange(
        &self,
        request: Request<proto::ReportExchangeRequest>,
    ) -> Result<Response<proto::ReportExchangeResponse>, Status> {
        recorded!(self, request, ReportExchangeRequest { report }, ReportExchangeResponse)
    }

    async fn attribute_role(
        &self,
        request: Request<proto::AttributeRoleRequest>,
    ) -> Result<Response<proto::AttributeRoleResponse>, Status> {
        recorded!(self, request, AttributeRoleRequest { attributed }, AttributeRoleResponse)
    }

    async fn claim_superlative(
        &self,
        request: Request<proto::ClaimSuperlativeRequest>,
    ) -> Result<Response<proto::ClaimSuperlativeResponse>, Status> {
        recorded!(self, request, ClaimSuperlativeRequest { superlative }, ClaimSuperlativeResponse)
    }

    async fn report_detention(
        &self,
        request: Request<proto::ReportDetentionRequest>,
    ) -> Result<Response<proto::ReportDetentionResponse>, Status> {
        recorded!(self, request, ReportDetentionRequest { detention }, ReportDetentionResponse)
    }

    async fn get_exchange(
        &self,
        request: Request<proto::GetExchangeRequest>,
    ) -> Result<Response<proto::GetExchangeResponse>, Status> {
        Ok(Response::new(story::get(&self.0, request.into_inner()).await?))
    }

    type WatchExchangeStream = Answers<proto::WatchExchangeResponse>;

    async fn watch_exchange(
        &self,
        request: Request<proto::WatchExchangeRequest>,
    ) -> Result<Response<Self::WatchExchangeStream>, Status> {
        Ok(Response::new(watch::watch(Arc::clone(&self.0), request.into_inner()).await?))
    }

    async fn list_exchanges(
        &self,
        request: Request<proto::ListExchangesRequest>,
    ) -> Result<Response<proto::ListExchangesResponse>, Status> {
        Ok(Response::new(list::list_page(&self.0, request.into_inner()).await?))
    }

    async fn reconcile_exchange(
        &self,
        request: Request<proto::ReconcileExchangeRequest>,
    ) -> Result<Response<proto::ReconcileExchangeResponse>, Status> {
        Ok(Response::new(reconcile::reconcile_exchange(&self.0, request.into_inner()).await?))
    }
}
