//! Sends the figures of countries, and then every change of them.

use futures_util::{StreamExt as _, stream};
use tonic::Status;

use super::narrow;
use crate::{
    domain::{
        proto::{self, watch_country_counts_response::Update},
        violation::Violations,
    },
    engine::{Changed, Engine, Watch},
    grpc::{asked, event_store::Answers, status::Fault},
    projections::counts::{Change, CountAnswer, CountQuery},
};

/// Answers with the figures, unless the watch resumes, and then with each change of them.
pub(super) async fn watch(
    engine: &Engine,
    request: proto::WatchCountryCountsRequest,
) -> Result<Answers<proto::WatchCountryCountsResponse>, Fault> {
    let proto::WatchCountryCountsRequest {
        countries,
        unit,
        min_position,
        occurred,
        after_position,
        store,
    } = request;
    engine.expect_store(&store)?;
    let mut wrong = Violations::default();
    let mut query = narrow(&countries, unit, &mut wrong);
    query.occurred = asked::occurred(&occurred, "occurred", &mut wrong);
    let query = wrong.into_result(query)?;
    let record = engine.record();
    record.reached(min_position).await?;
    let (first, watch) = if let Some(after) = after_position {
        (None, record.watch_after(query, after)?)
    } else {
        let (first, watch) = record.watch(query).await?;
        (Some(Ok(snapshot(first))), watch)
    };
    Ok(Box::pin(stream::iter(first).chain(stream::try_unfold(watch, next))))
}

fn snapshot(answer: CountAnswer) -> proto::WatchCountryCountsResponse {
    let counts = answer.rows.into_iter().map(Into::into).collect();
    let update = Some(Update::Snapshot(proto::CountrySnapshot { counts }));
    proto::WatchCountryCountsResponse { update, position: answer.position, more: false }
}

async fn next(
    mut watch: Watch<CountQuery>,
) -> Result<Option<(proto::WatchCountryCountsResponse, Watch<CountQuery>)>, Status> {
    let Changed { change, position, more } = watch.next().await.map_err(Fault::from)?;
    let Change { before, after, caused_by } = change;
    let (before, after) = (before.map(Into::into), after.map(Into::into));
    let update = Some(Update::Change(proto::CountryChange { before, after, caused_by }));
    Ok(Some((proto::WatchCountryCountsResponse { update, position, more }, watch)))
}
