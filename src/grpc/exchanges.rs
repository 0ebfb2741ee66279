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
        server_stubs::exchange_service_server::ExchangeService,
        service::{Service, recorded, unary},
    },
};

#[tonic::async_trait]
impl ExchangeService for Service {
    recorded! {
        report_exchange(ReportExchangeRequest { report }) -> ReportExchangeResponse;
        attribute_role(AttributeRoleRequest { attributed }) -> AttributeRoleResponse;
        claim_superlative(ClaimSuperlativeRequest { superlative }) -> ClaimSuperlativeResponse;
        report_detention(ReportDetentionRequest { detention }) -> ReportDetentionResponse;
    }

    unary! {
        get_exchange(GetExchangeRequest) -> GetExchangeResponse = story::get;
        list_exchanges(ListExchangesRequest) -> ListExchangesResponse = list::list_page;
        reconcile_exchange(ReconcileExchangeRequest) -> ReconcileExchangeResponse =
            reconcile::reconcile_exchange;
    }

    type WatchExchangeStream = Answers<proto::WatchExchangeResponse>;

    async fn watch_exchange(
        &self,
        request: Request<proto::WatchExchangeRequest>,
    ) -> Result<Response<Self::WatchExchangeStream>, Status> {
        Ok(Response::new(watch::watch(Arc::clone(&self.0), request.into_inner()).await?))
    }
}
