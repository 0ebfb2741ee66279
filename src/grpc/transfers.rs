//! `TransferService`: who was handed over, from where to where.

use crate::{
    domain::{
        event::Position,
        proto::{self, Category, TransferClaimKind, Unit, record_transfer_request::Transfer},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        access::Caller,
        claimed::Texts,
        listed,
        page::{Page, Paging, Place, Tokens, Usual},
        record::{Extras, record},
        request,
        server_stubs::transfer_service_server::TransferService,
        service::{Service, by_caller, recorded, unary},
        status::RpcError,
    },
    projections::lists::{TransferQuery, TransferWalk, Transfers},
};

impl TransferService for Service {
    recorded! {
        record_total(RecordTotalRequest { total }) -> RecordTotalResponse;
    }

    by_caller! {
        record_transfer(RecordTransferRequest) -> RecordTransferResponse = record_one;
    }

    unary! {
        list_transfers(ListTransfersRequest) -> ListTransfersResponse = list;
    }
}

async fn record_one(
    engine: &Engine,
    caller: &Caller,
    request: proto::RecordTransferRequest,
) -> Result<proto::RecordTransferResponse, RpcError> {
    let proto::RecordTransferRequest { request_id, transfer, tags, metadata } = request;
    let extras = Extras { request_id, tags, metadata, reach: None };
    let receipt = match transfer {
        None => {
            let none = None::<proto::TransferCompleted>;
            record(engine, caller, "transfer", none, extras).await?
        }
        Some(Transfer::Completed(it)) => {
            record(engine, caller, "completed", Some(it), extras).await?
        }
        Some(Transfer::Agreed(it)) => record(engine, caller, "agreed", Some(it), extras).await?,
        Some(Transfer::Declined(it)) => {
            record(engine, caller, "declined", Some(it), extras).await?
        }
    };
    Ok(proto::RecordTransferResponse { receipt: Some(receipt) })
}

async fn list(
    engine: &Engine,
    request: proto::ListTransfersRequest,
) -> Result<proto::ListTransfersResponse, RpcError> {
    let (query, page, as_of) = question(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    let Place { after, undated, .. } = *page.begins();
    // One more than the page has shows whether there is another.
    let stretch = (after, page.size() + 1);
    let walk = TransferWalk::new(query, position, stretch, undated);
    let record = engine.record().for_list().await?;
    let Transfers { claims, undated } = record.work_out(walk).await?;
    let some: Vec<Position> = claims.iter().take(page.size()).copied().collect();
    let transfers = listed::claims(engine, position, some, Texts::transfer).await?;
    let last = transfers.last().and_then(|last| last.record).map(|record| record.position);
    let next = last.filter(|_| claims.len() > transfers.len());
    let next = next.map(|after| Place { after, undated: Some(undated), ..Place::default() });
    Ok(proto::ListTransfersResponse {
        transfers,
        next_page_token: next.map_or_else(String::new, |next| page.token(next, position)),
        position,
        undated_exchanges: undated,
    })
}

fn question(
    mut request: proto::ListTransfersRequest,
    tokens: Tokens,
) -> Result<(TransferQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let proto::ListTransfersRequest {
        exchange_id,
        from,
        to,
        kinds,
        category,
        unit,
        claimant,
        source_id,
        occurred,
        include_retracted,
        as_of,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let query = TransferQuery {
        from: request::any_party(&from, "from", &mut wrong),
        to: request::any_party(&to, "to", &mut wrong),
        kinds: self::kinds(&kinds, &mut wrong),
        category: request::choice::<Category>(category, "category", &mut wrong),
        unit: request::choice::<Unit>(unit, "unit", &mut wrong),
        claimant: request::any_party(&claimant, "claimant", &mut wrong),
        source: request::optional_name(&source_id, "source_id", &mut wrong),
        exchange: request::optional_name(&exchange_id, "exchange_id", &mut wrong),
        occurred: request::occurred(&occurred, "occurred", &mut wrong),
        include_retracted,
    };
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
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
