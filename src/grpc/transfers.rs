//! `TransferService`: who was handed over, from where to where.

use tonic::{Request, Response, Status};

use crate::{
    domain::proto::{self, record_transfer_request::Transfer},
    grpc::{
        record::{Extras, Recorder},
        server_stubs::transfer_service_server::TransferService,
    },
};

#[tonic::async_trait]
impl TransferService for Recorder {
    async fn record_transfer(
        &self,
        request: Request<proto::RecordTransferRequest>,
    ) -> Result<Response<proto::RecordTransferResponse>, Status> {
        let proto::RecordTransferRequest { request_id, transfer, tags, metadata } =
            request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = match transfer {
            None => self.record("transfer", None::<proto::TransferCompleted>, extras).await?,
            Some(Transfer::Completed(it)) => self.record("completed", Some(it), extras).await?,
            Some(Transfer::Agreed(it)) => self.record("agreed", Some(it), extras).await?,
            Some(Transfer::Declined(it)) => self.record("declined", Some(it), extras).await?,
        };
        Ok(Response::new(proto::RecordTransferResponse { receipt: Some(receipt) }))
    }

    async fn record_total(
        &self,
        request: Request<proto::RecordTotalRequest>,
    ) -> Result<Response<proto::RecordTotalResponse>, Status> {
        let proto::RecordTotalRequest { request_id, total, tags, metadata } = request.into_inner();
        let extras = Extras { request_id, tags, metadata };
        let receipt = self.record("total", total, extras).await?;
        Ok(Response::new(proto::RecordTotalResponse { receipt: Some(receipt) }))
    }

    async fn list_transfers(
        &self,
        _: Request<proto::ListTransfersRequest>,
    ) -> Result<Response<proto::ListTransfersResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
