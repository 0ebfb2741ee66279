//! One append: from its request, and to its answer.

use crate::{
    domain::{event::Append, proto},
    engine::{Appended, Engine, Undoing, Undone},
    grpc::{access::Caller, convert, status::RpcError},
};

pub(super) async fn append(
    engine: &Engine,
    caller: &Caller,
    request: proto::AppendRequest,
) -> Result<proto::AppendResponse, RpcError> {
    let appended = engine.append(requested(engine, caller, request).await?).await?;
    Ok(answer(engine, appended))
}

/// What an append requests, if it is meant for this store and its caller may do it.
pub(super) async fn requested(
    engine: &Engine,
    caller: &Caller,
    request: proto::AppendRequest,
) -> Result<Append, RpcError> {
    let reach = engine.expect_store(&request.store)?;
    let append = caller.appended(engine, convert::append(request)?).await?;
    engine.check_append(&append, &reach).await?;
    Ok(append)
}

pub(super) fn answer(engine: &Engine, appended: Appended) -> proto::AppendResponse {
    let Appended { first_position, last_position, revisions, duplicate, undone } = appended;
    let (undone, store) = (undone.into_iter().map(Into::into).collect(), engine.store_name());
    proto::AppendResponse { first_position, last_position, revisions, duplicate, undone, store }
}

impl From<Undone> for proto::Undone {
    fn from(Undone { position, by, how }: Undone) -> Self {
        let how = match how {
            Undoing::Retracted => proto::Undoing::Retracted,
            Undoing::Corrected => proto::Undoing::Corrected,
            Undoing::Replaced => proto::Undoing::Replaced,
            Undoing::Deleted => proto::Undoing::Deleted,
            Undoing::Created => proto::Undoing::Created,
            Undoing::Parked => proto::Undoing::Parked,
        };
        Self { position, by, how: how.into() }
    }
}
