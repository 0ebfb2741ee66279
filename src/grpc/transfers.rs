//! `TransferService`: who was handed over, from where to where.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        event::Position,
        proto::{self, Category, TransferClaimKind, Unit, record_transfer_request::Transfer},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        claimed::Texts,
        listed,
        page::{Page, Place, Tokens},
        record::{Extras, Recorder},
        request,
        server_stubs::transfer_service_server::TransferService,
        status::RpcError,
    },
    projections::lists::{TransferQuery, TransferWalk, Transfers},
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
        request: Request<proto::ListTransfersRequest>,
    ) -> Result<Response<proto::ListTransfersResponse>, Status> {
        let min_position = request.get_ref().min_position;
        let tokens = Tokens::of(&self.0);
        let question = question(&request.into_inner(), tokens);
        let (query, page, as_of) = question.map_err(RpcError::from)?;
        let position = page.position(&self.0, min_position, as_of).await?;
        Ok(Response::new(list_page(&self.0, (query, page), position).await?))
    }
}

async fn list_page(
    engine: &Engine,
    (query, page): (TransferQuery, Page),
    position: Position,
) -> Result<proto::ListTransfersResponse, RpcError> {
    let record = engine.record();
    let Place { after, undated, .. } = *page.begins();
    // One more than the page has shows whether there is another.
    let stretch = (after, page.size() + 1);
    let walk = TransferWalk::new(query, position, stretch, undated);
    let Transfers { claims, undated } = record.work_out(walk).await?;
    let some: Vec<Position> = claims.iter().take(page.size()).copied().collect();
    let found = record.ask(move |register| listed::claims(register, position, &some)).await?;
    let transfers = listed::told(engine, Budget::default(), &found, Texts::transfer).await?;
    let last = found.get(..transfers.len()).and_then(<[_]>::last).map(|last| last.claim);
    let next = last.filter(|_| claims.len() > transfers.len());
    let next = next.map(|after| Place { after, undated: Some(undated), ..Place::default() });
    Ok(proto::ListTransfersResponse {
        transfers,
        next_page_token: next.map_or_else(String::new, |next| page.token(next, position)),
        position,
        undated_exchanges: undated,
    })
}

type Question = (TransferQuery, Page, AsOf);

fn question(request: &proto::ListTransfersRequest, tokens: Tokens) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let same = proto::ListTransfersRequest {
        page_size: 0,
        page_token: String::new(),
        min_position: 0,
        ..request.clone()
    };
    let page = Page::parse(tokens, request.page_size, &request.page_token, &same, &mut wrong);
    let query = TransferQuery {
        from: request::any_party(&request.from, "from", &mut wrong),
        to: request::any_party(&request.to, "to", &mut wrong),
        kinds: kinds(&request.kinds, &mut wrong),
        category: request::choice::<Category>(request.category, "category", &mut wrong),
        unit: request::choice::<Unit>(request.unit, "unit", &mut wrong),
        claimant: request::any_party(&request.claimant, "claimant", &mut wrong),
        source: request::optional_name(&request.source_id, "source_id", &mut wrong),
        exchange: request::optional_name(&request.exchange_id, "exchange_id", &mut wrong),
        occurred: request::occurred(&request.occurred, "occurred", &mut wrong),
        include_retracted: request.include_retracted,
    };
    let as_of = request::as_of(request.as_of, "as_of", &mut wrong);
    wrong.into_result((query, page, as_of))
}

/// The sorts of claim; an unspecified one is refused, since it would say neither none nor all.
fn kinds(numbers: &[i32], wrong: &mut Violations) -> Vec<TransferClaimKind> {
    let mut kinds = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        match TransferClaimKind::try_from(*number) {
            Ok(kind) if kind != TransferClaimKind::Unspecified => kinds.push(kind),
            _ => wrong.add(format!("kinds[{index}]"), "is not a kind of claim about a transfer"),
        }
    }
    kinds
}
