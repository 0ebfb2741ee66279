//! The story of one exchange, sent again whenever it changes.
//!
//! A watch waits for an exchange of which nothing is recorded: a client that watches an announced
//! id wants its first report, and would otherwise call again and again. A new watch reports at
//! once that there is nothing yet, so that a mistyped id shows.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tonic::Status;

use super::{
    response::respond,
    story::{check_id, first_page},
};
use crate::{
    domain::{event::Position, proto, violation::Violations},
    engine::{Changed, Engine, Watch},
    grpc::{answers::Answers, heartbeat::lively, history, page::Page, request, status::RpcError},
    projections::story::{Story, StoryQuery},
};

/// Answers with the story, unless the watch resumes, and then with each change of it.
pub(super) async fn watch(
    engine: Arc<Engine>,
    request: proto::WatchExchangeRequest,
) -> Result<Answers<proto::WatchExchangeResponse>, RpcError> {
    let proto::WatchExchangeRequest {
        exchange_id,
        include_past,
        min_position,
        after_position,
        store,
    } = request;
    let reach = engine.expect_store(&store)?;
    reach.check("min_position", min_position)?;
    reach.check("after_position", after_position.unwrap_or_default())?;
    let exchange_id = request::name(&exchange_id);
    let mut wrong = Violations::default();
    check_id(&exchange_id, &mut wrong);
    wrong.into_result(())?;
    let record = engine.record();
    record.reached(min_position).await?;
    let query = StoryQuery { exchange_id, include_past };
    let page = first_page(&engine, &query);
    let (first, watch) = if let Some(after) = after_position {
        (None, record.watch_after(query, after)?)
    } else {
        let (story, at, watch) = record.watch_exchange(query).await?;
        (Some(Ok(answer(&engine, &page, story, at).await?)), watch)
    };
    let (silence, name) = (engine.heartbeat(), engine.store_name());
    let changes = stream::try_unfold((engine, page, watch), next);
    let answers = stream::iter(first).chain(changes);
    let answers = history::named(answers, name, |answer, name| answer.store = name);
    Ok(lively(answers, silence, after_position.unwrap_or_default()))
}

type Watching = (Arc<Engine>, Page, Watch<StoryQuery>);

async fn next(
    (engine, page, mut watch): Watching,
) -> Result<Option<(proto::WatchExchangeResponse, Watching)>, Status> {
    let Changed { change, position, more: _ } = watch.next().await.map_err(RpcError::from)?;
    let response = answer(&engine, &page, change.story, position).await?;
    let response = proto::WatchExchangeResponse { caused_by: change.caused_by, ..response };
    Ok(Some((response, (engine, page, watch))))
}

async fn answer(
    engine: &Engine,
    page: &Page,
    story: Option<Story>,
    position: Position,
) -> Result<proto::WatchExchangeResponse, RpcError> {
    let story = match story {
        Some(story) => Some(respond(engine, &story, page, position).await?),
        None => None,
    };
    Ok(proto::WatchExchangeResponse { story, position, ..Default::default() })
}
