//! Questions about the record, each with one answer.

use tonic::transport::Channel;

use super::{Client, ClientError, timed};
use crate::{
    domain::{limits, proto},
    grpc::client_stubs::{
        claim_service_client::ClaimServiceClient, count_service_client::CountServiceClient,
        exchange_service_client::ExchangeServiceClient, source_service_client::SourceServiceClient,
        statement_service_client::StatementServiceClient,
        transfer_service_client::TransferServiceClient,
    },
};

impl Client {
    /// The whole story of one exchange.
    pub async fn exchange(
        &self,
        request: proto::GetExchangeRequest,
    ) -> Result<proto::GetExchangeResponse, ClientError> {
        let mut service = self.exchange_service();
        Ok(service.get_exchange(timed(request)).await?.into_inner())
    }

    /// A page of exchanges.
    pub async fn exchanges(
        &self,
        request: proto::ListExchangesRequest,
    ) -> Result<proto::ListExchangesResponse, ClientError> {
        let mut service = self.exchange_service();
        Ok(service.list_exchanges(timed(request)).await?.into_inner())
    }

    /// What is said of an exchange, side by side, and what differs.
    pub async fn reconcile_exchange(
        &self,
        request: proto::ReconcileExchangeRequest,
    ) -> Result<proto::ReconcileExchangeResponse, ClientError> {
        let mut service = self.exchange_service();
        Ok(service.reconcile_exchange(timed(request)).await?.into_inner())
    }

    /// A page of figures by groups.
    pub async fn count_transfers(
        &self,
        request: proto::CountTransfersRequest,
    ) -> Result<proto::CountTransfersResponse, ClientError> {
        let mut service = self.count_service();
        Ok(service.count_transfers(timed(request)).await?.into_inner())
    }

    /// A page of what a country's figure is made of.
    pub async fn explain_count(
        &self,
        request: proto::ExplainCountRequest,
    ) -> Result<proto::ExplainCountResponse, ClientError> {
        let mut service = self.count_service();
        Ok(service.explain_count(timed(request)).await?.into_inner())
    }

    /// A page of the changes of a country's figure.
    pub async fn count_history(
        &self,
        request: proto::GetCountHistoryRequest,
    ) -> Result<proto::GetCountHistoryResponse, ClientError> {
        let mut service = self.count_service();
        Ok(service.get_count_history(timed(request)).await?.into_inner())
    }

    /// A page of the steps of a running total, or of the names of all series.
    pub async fn reconcile_series(
        &self,
        request: proto::ReconcileSeriesRequest,
    ) -> Result<proto::ReconcileSeriesResponse, ClientError> {
        let mut service = self.count_service();
        Ok(service.reconcile_series(timed(request)).await?.into_inner())
    }

    /// A page of statements.
    pub async fn statements(
        &self,
        request: proto::ListStatementsRequest,
    ) -> Result<proto::ListStatementsResponse, ClientError> {
        let mut service = self.statement_service();
        Ok(service.list_statements(timed(request)).await?.into_inner())
    }

    /// A page of claims about transfers.
    pub async fn transfers(
        &self,
        request: proto::ListTransfersRequest,
    ) -> Result<proto::ListTransfersResponse, ClientError> {
        let mut service = self.transfer_service();
        Ok(service.list_transfers(timed(request)).await?.into_inner())
    }

    /// One source.
    pub async fn source(
        &self,
        request: proto::GetSourceRequest,
    ) -> Result<proto::GetSourceResponse, ClientError> {
        let mut service = self.source_service();
        Ok(service.get_source(timed(request)).await?.into_inner())
    }

    /// A page of sources.
    pub async fn sources(
        &self,
        request: proto::ListSourcesRequest,
    ) -> Result<proto::ListSourcesResponse, ClientError> {
        let mut service = self.source_service();
        Ok(service.list_sources(timed(request)).await?.into_inner())
    }

    /// One claim with a page of its history.
    pub async fn claim(
        &self,
        request: proto::GetClaimRequest,
    ) -> Result<proto::GetClaimResponse, ClientError> {
        let mut service = self.claim_service();
        Ok(service.get_claim(timed(request)).await?.into_inner())
    }

    pub(super) fn exchange_service(&self) -> ExchangeServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        ExchangeServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }

    fn count_service(&self) -> CountServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        CountServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }

    fn statement_service(&self) -> StatementServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        StatementServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }

    fn transfer_service(&self) -> TransferServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        TransferServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }

    fn source_service(&self) -> SourceServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        SourceServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }

    pub(super) fn claim_service(&self) -> ClaimServiceClient<Channel> {
        let size = limits::REQUEST_BYTES;
        ClaimServiceClient::new(self.channel.clone())
            .max_decoding_message_size(size)
            .max_encoding_message_size(size)
    }
}
