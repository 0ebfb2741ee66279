//! `ExchangeService`: exchanges, roles, superlatives and detentions.

mod items;
mod list;
mod reconcile;
mod story;
mod telling;
mod watch;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    domain::proto,
    grpc::{
        answers::Answers,
        record::{Extras, Recorder},
        server_stubs::exchange_service_server::ExchangeService,
    },
};

#[tonic::async_trait]
impl ExchangeService for Recorder {
    async fn report_exchange(
        &self,
        request: Request<proto::ReportExchangeRequest>,
    ) -> Result<Response<proto::ReportExchangeResponse>, Status> {
        let proto::ReportExchangeRequest { request_id, report, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("report", report, extras).await?;
        Ok(Response::new(proto::ReportExchangeResponse { receipt: Some(receipt) }))
    }

    async fn attribute_role(
        &self,
        request: Request<proto::AttributeRoleRequest>,
    ) -> Result<Response<proto::AttributeRoleResponse>, Status> {
        let proto::AttributeRoleRequest { request_id, attributed, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("attributed", attributed, extras).await?;
        Ok(Response::new(proto::AttributeRoleResponse { receipt: Some(receipt) }))
    }

    async fn claim_superlative(
        &self,
        request: Request<proto::ClaimSuperlativeRequest>,
    ) -> Result<Response<proto::ClaimSuperlativeResponse>, Status> {
        let proto::ClaimSuperlativeRequest { request_id, superlative, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("superlative", superlative, extras).await?;
        Ok(Response::new(proto::ClaimSuperlativeResponse { receipt: Some(receipt) }))
    }

    async fn report_detention(
        &self,
        request: Request<proto::ReportDetentionRequest>,
    ) -> Result<Response<proto::ReportDetentionResponse>, Status> {
        let proto::ReportDetentionRequest { request_id, detention, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("detention", detention, extras).await?;
        Ok(Response::new(proto::ReportDetentionResponse { receipt: Some(receipt) }))
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
