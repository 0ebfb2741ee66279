//! Sends the figures of countries, and then every change of them.

use futures_util::{StreamExt as _, stream};
use tonic::Status;

use super::countries::narrow;
use crate::{
    domain::{
        event::Position,
        proto::{self, watch_country_counts_response::Update},
        violation::Violations,
    },
    engine::{Changed, Engine, Watch},
    grpc::{answers::Answers, budget::Budget, heartbeat::lively, history, status::RpcError},
    projections::counts::{Change, CountAnswer, CountQuery},
};

/// Events that a change names as its causes.
const CAUSES: usize = 10_000;

/// Answers with the figures, unless the watch resumes, and then with each change of them.
pub(super) async fn watch(
    engine: &Engine,
    request: proto::WatchCountryCountsRequest,
) -> Result<Answers<proto::WatchCountryCountsResponse>, RpcError> {
    let proto::WatchCountryCountsRequest {
        countries,
        unit,
        min_position,
        occurred,
        after_position,
        store,
    } = request;
    let reach = engine.expect_store(&store)?;
    reach.check("min_position", min_position)?;
    reach.check("after_position", after_position.unwrap_or_default())?;
    let mut wrong = Violations::default();
    let query = narrow(&countries, unit, &occurred, &mut wrong);
    let query = wrong.into_result(query)?;
    let record = engine.record();
    record.reached(min_position).await?;
    let (first, watch) = if let Some(after) = after_position {
        (Vec::new(), record.watch_after(query, after)?)
    } else {
        let (first, watch) = record.watch(query).await?;
        (snapshots(first), watch)
    };
    let first = first.into_iter().map(Ok);
    let answers = stream::iter(first).chain(stream::try_unfold(watch, next));
    let answers = history::named(answers, engine.store_name(), |answer, name| answer.store = name);
    Ok(lively(answers, engine.heartbeat(), after_position.unwrap_or_default()))
}

/// The figures that a watch begins with: in one message, if they fit.
fn snapshots(answer: CountAnswer) -> Vec<proto::WatchCountryCountsResponse> {
    let (mut snapshots, mut budget) = (vec![Vec::new()], Budget::default());
    for row in answer.rows {
        let row = proto::CountryCount::from(row);
        if !budget.takes(&row) {
            snapshots.push(Vec::new());
            budget = Budget::default();
            // The first row of a message always belongs to it.
            budget.takes(&row);
        }
        if let Some(last) = snapshots.last_mut() {
            last.push(row);
        }
    }
    let last = snapshots.len() - 1;
    let responses = snapshots.into_iter().enumerate().map(|(place, counts)| {
        let update = Some(Update::Snapshot(proto::CountrySnapshot { counts }));
        let (position, more) = (answer.position, place < last);
        proto::WatchCountryCountsResponse { update, position, more, ..Default::default() }
    });
    responses.collect()
}

async fn next(
    mut watch: Watch<CountQuery>,
) -> Result<Option<(proto::WatchCountryCountsResponse, Watch<CountQuery>)>, Status> {
    let Changed { change, position, more } = watch.next().await.map_err(RpcError::from)?;
    Ok(Some((response(change, position, more), watch)))
}

fn response(change: Change, position: Position, more: bool) -> proto::WatchCountryCountsResponse {
    let Change { before, after, mut caused_by } = change;
    let (before, after) = (before.map(Into::into), after.map(Into::into));
    let more_causes = u32::try_from(caused_by.len().saturating_sub(CAUSES)).unwrap_or(u32::MAX);
    caused_by.truncate(CAUSES);
    let change = proto::CountryChange { before, after, caused_by, more_causes };
    let update = Some(Update::Change(change));
    proto::WatchCountryCountsResponse { update, position, more, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::limits, projections::counts::CountRow};

    fn row(number: usize) -> CountRow {
        CountRow { country: format!("x-{number:060}"), unit: 1, received: None, sent: None }
    }

    #[test]
    fn figures_that_do_not_fit_a_message_come_in_several_without_a_gap() {
        let all = limits::ANSWER_BYTES / 40;
        let rows = (0..all).map(row).collect();
        let responses = snapshots(CountAnswer { rows, position: 7, undated_exchanges: 0 });
        assert!(responses.len() > 1);
        let mut seen = 0;
        for (place, response) in responses.iter().enumerate() {
            assert!(prost::Message::encoded_len(response) <= limits::ANSWER_BYTES);
            assert_eq!(response.more, place + 1 < responses.len());
            let Some(Update::Snapshot(snapshot)) = &response.update else { panic!("{place}") };
            for count in &snapshot.counts {
                assert_eq!(count.country, row(seen).country);
                seen += 1;
            }
        }
        assert_eq!(seen, all);
        let nothing = CountAnswer { rows: Vec::new(), position: 7, undated_exchanges: 0 };
        assert_eq!(snapshots(nothing).len(), 1);
    }

    #[test]
    fn a_change_names_its_first_causes_and_counts_the_others() {
        let caused_by = (1..=CAUSES as u64 + 5).collect();
        let change = Change { before: None, after: Some(row(1)), caused_by };
        let Some(Update::Change(change)) = response(change, 7, false).update else {
            panic!("a change")
        };
        assert_eq!((change.caused_by.len(), change.more_causes), (CAUSES, 5));
        assert_eq!(change.caused_by.last(), Some(&(CAUSES as u64)));
    }
}
