//! The calls with one answer, each a line, and what they go through.

use super::{Client, ClientError, timed, token::Authorized};
use crate::{
    domain::{limits, proto},
    grpc::client_stubs::{
        backup_service_client::BackupServiceClient, claim_service_client::ClaimServiceClient,
        consumer_group_service_client::ConsumerGroupServiceClient,
        count_service_client::CountServiceClient,
        event_store_service_client::EventStoreServiceClient,
        exchange_service_client::ExchangeServiceClient, source_service_client::SourceServiceClient,
        statement_service_client::StatementServiceClient,
        status_service_client::StatusServiceClient, transfer_service_client::TransferServiceClient,
        verification_service_client::VerificationServiceClient,
    },
};

/// A way to the generated client of each service, for messages up to the limit. (Generated clients
/// share no trait that could say this.)
macro_rules! services {
    ($($name:ident: $client:ident,)*) => {
        impl Client {$(
            pub(super) fn $name(&self) -> $client<Authorized> {
                $client::new(self.authorized())
                    .max_decoding_message_size(limits::REQUEST_BYTES)
                    .max_encoding_message_size(limits::REQUEST_BYTES)
            }
        )*}
    };
}

services! {
    store_service: EventStoreServiceClient,
    exchange_service: ExchangeServiceClient,
    count_service: CountServiceClient,
    statement_service: StatementServiceClient,
    transfer_service: TransferServiceClient,
    source_service: SourceServiceClient,
    claim_service: ClaimServiceClient,
    group_service: ConsumerGroupServiceClient,
    status_service: StatusServiceClient,
    backup_service: BackupServiceClient,
    verification_service: VerificationServiceClient,
}

/// A method for each call: its name, its service, and the service's own method.
macro_rules! calls {
    ($(
        $(#[$doc:meta])*
        $name:ident: $service:ident.$method:ident($request:ident) -> $answer:ident;
    )*) => {
        impl Client {$(
            $(#[$doc])*
            pub async fn $name(
                &self,
                request: proto::$request,
            ) -> Result<proto::$answer, ClientError> {
                let answer = self.$service().$method(timed(request)).await;
                Ok(answer.map_err(|status| self.failed(status))?.into_inner())
            }
        )*}
    };
}

calls! {
    /// Appends events atomically.
    append: store_service.append(AppendRequest) -> AppendResponse;
    /// The position of the last durable event.
    get_head: store_service.get_head(GetHeadRequest) -> GetHeadResponse;
    /// The whole story of one exchange.
    exchange: exchange_service.get_exchange(GetExchangeRequest) -> GetExchangeResponse;
    /// A page of exchanges.
    exchanges: exchange_service.list_exchanges(ListExchangesRequest) -> ListExchangesResponse;
    /// What is said of an exchange, side by side, and what differs.
    reconcile_exchange: exchange_service.reconcile_exchange(ReconcileExchangeRequest)
        -> ReconcileExchangeResponse;
    /// How many each country received and sent.
    country_counts: count_service.get_country_counts(GetCountryCountsRequest)
        -> GetCountryCountsResponse;
    /// A page of figures by groups.
    count_transfers: count_service.count_transfers(CountTransfersRequest) -> CountTransfersResponse;
    /// A page of what a country's figure is made of.
    explain_count: count_service.explain_count(ExplainCountRequest) -> ExplainCountResponse;
    /// A page of the changes of a country's figure.
    count_history: count_service.get_count_history(GetCountHistoryRequest)
        -> GetCountHistoryResponse;
    /// A page of the steps of a running total, or of the names of all series.
    reconcile_series: count_service.reconcile_series(ReconcileSeriesRequest)
        -> ReconcileSeriesResponse;
    /// A page of statements.
    statements: statement_service.list_statements(ListStatementsRequest) -> ListStatementsResponse;
    /// A page of claims about transfers.
    transfers: transfer_service.list_transfers(ListTransfersRequest) -> ListTransfersResponse;
    /// One source.
    source: source_service.get_source(GetSourceRequest) -> GetSourceResponse;
    /// A page of sources.
    sources: source_service.list_sources(ListSourcesRequest) -> ListSourcesResponse;
    /// One claim with a page of its history.
    claim: claim_service.get_claim(GetClaimRequest) -> GetClaimResponse;
    /// Records how a claim should read.
    correct_claim: claim_service.correct_claim(CorrectClaimRequest) -> CorrectClaimResponse;
    /// Records that a claim is withdrawn.
    retract_claim: claim_service.retract_claim(RetractClaimRequest) -> RetractClaimResponse;
    /// Records a dispute of a claim.
    dispute_claim: claim_service.dispute_claim(DisputeClaimRequest) -> DisputeClaimResponse;
    /// Records a confirmation of a claim.
    confirm_claim: claim_service.confirm_claim(ConfirmClaimRequest) -> ConfirmClaimResponse;
    /// Records that a claim is to be used.
    prefer_claim: claim_service.prefer_claim(PreferClaimRequest) -> PreferClaimResponse;
    /// The groups, and how far each is.
    list_groups: group_service.list_groups(ListGroupsRequest) -> ListGroupsResponse;
    /// Creates a group.
    create_group: group_service.create_group(CreateGroupRequest) -> CreateGroupResponse;
    /// Parked events of a group.
    list_parked: group_service.list_parked(ListParkedRequest) -> ListParkedResponse;
    /// Puts parked events back.
    replay_parked: group_service.replay_parked(ReplayParkedRequest) -> ReplayParkedResponse;
    /// How the server is.
    server_status: status_service.get_status(GetStatusRequest) -> GetStatusResponse;
    /// What the record consists of, for a backup.
    describe_backup:
        backup_service.describe_backup(DescribeBackupRequest) -> DescribeBackupResponse;
    /// Deletes a group.
    delete_group: group_service.delete_group(DeleteGroupRequest) -> DeleteGroupResponse;
}
