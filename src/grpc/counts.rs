//! `CountService`: figures, as of any moment, and watched.

mod explain;
mod figure_key;
mod groups;
mod history;
mod series;
mod watch;

use std::{collections::BTreeSet, sync::Arc};

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        figure::{Figure, SubsetCount, Unattributed},
        flags::Flag,
        proto::{self, FigureFlag, Unit},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        asked, event_store::Answers, page::Tokens,
        server_stubs::count_service_server::CountService, status::Fault,
    },
    projections::counts::{CountQuery, CountRow},
};

/// Serves figures.
#[derive(Clone, Debug)]
pub(crate) struct Counts(pub(crate) Arc<Engine>);

#[tonic::async_trait]
impl CountService for Counts {
    async fn get_country_counts(
        &self,
        request: Request<proto::GetCountryCountsRequest>,
    ) -> Result<Response<proto::GetCountryCountsResponse>, Status> {
        let min_position = request.get_ref().min_position;
        let (query, as_of) = question(request.into_inner()).map_err(Fault::from)?;
        let counts = self.0.record();
        counts.reached(min_position).await.map_err(Fault::from)?;
        let answer = counts.get(query, as_of).await.map_err(Fault::from)?;
        Ok(Response::new(proto::GetCountryCountsResponse {
            counts: answer.rows.into_iter().map(Into::into).collect(),
            position: answer.position,
            undated_exchanges: answer.undated_exchanges,
        }))
    }

    type WatchCountryCountsStream = Answers<proto::WatchCountryCountsResponse>;

    async fn watch_country_counts(
        &self,
        request: Request<proto::WatchCountryCountsRequest>,
    ) -> Result<Response<Self::WatchCountryCountsStream>, Status> {
        Ok(Response::new(watch::watch(&self.0, request.into_inner()).await?))
    }

    async fn count_transfers(
        &self,
        request: Request<proto::CountTransfersRequest>,
    ) -> Result<Response<proto::CountTransfersResponse>, Status> {
        let tokens = Tokens::of(&self.0);
        let question = groups::question(request.into_inner(), tokens).map_err(Fault::from)?;
        Ok(Response::new(groups::answer(&self.0, question).await?))
    }

    async fn explain_count(
        &self,
        request: Request<proto::ExplainCountRequest>,
    ) -> Result<Response<proto::ExplainCountResponse>, Status> {
        let tokens = Tokens::of(&self.0);
        let question = explain::question(&request.into_inner(), tokens).map_err(Fault::from)?;
        Ok(Response::new(explain::answer(&self.0, question).await?))
    }

    async fn get_count_history(
        &self,
        request: Request<proto::GetCountHistoryRequest>,
    ) -> Result<Response<proto::GetCountHistoryResponse>, Status> {
        let tokens = Tokens::of(&self.0);
        let question = history::question(request.into_inner(), tokens).map_err(Fault::from)?;
        Ok(Response::new(history::answer(&self.0, question).await?))
    }

    async fn reconcile_series(
        &self,
        request: Request<proto::ReconcileSeriesRequest>,
    ) -> Result<Response<proto::ReconcileSeriesResponse>, Status> {
        let tokens = Tokens::of(&self.0);
        let question = series::question(&request.into_inner(), tokens).map_err(Fault::from)?;
        Ok(Response::new(series::answer(&self.0, question).await?))
    }
}

/// What is asked, and as of when.
fn question(request: proto::GetCountryCountsRequest) -> Result<(CountQuery, AsOf), Violations> {
    let proto::GetCountryCountsRequest { countries, unit, as_of, occurred, min_position: _ } =
        request;
    let mut wrong = Violations::default();
    let mut query = narrow(&countries, unit, &mut wrong);
    query.occurred = asked::occurred(&occurred, "occurred", &mut wrong);
    let as_of = asked::as_of(as_of, "as_of", &mut wrong);
    wrong.into_result((query, as_of))
}

fn narrow(countries: &[String], unit: i32, wrong: &mut Violations) -> CountQuery {
    let mut parties = BTreeSet::new();
    for (index, country) in countries.iter().enumerate() {
        parties.extend(asked::party(country, &format!("countries[{index}]"), wrong));
    }
    let unit = asked::choice::<Unit>(unit, "unit", wrong);
    CountQuery { countries: parties, unit, ..CountQuery::default() }
}

impl From<CountRow> for proto::CountryCount {
    fn from(row: CountRow) -> Self {
        let CountRow { country, unit, received, sent } = row;
        let (received, sent) = (received.map(Into::into), sent.map(Into::into));
        Self { country, unit, received, sent }
    }
}

impl From<Figure> for proto::Figure {
    fn from(figure: Figure) -> Self {
        let Figure {
            low,
            high,
            preferred,
            exchanges,
            disputed,
            unnumbered,
            shared,
            open,
            of_which,
            flags,
        } = figure;
        let parts = of_which.map(|part| part.map(proto::SubsetCount::from));
        let none = [&parts.minors, &parts.women, &parts.civilians, &parts.wounded]
            .iter()
            .all(|part| part.is_none());
        Self {
            low,
            high,
            preferred,
            exchanges,
            disputed,
            unnumbered,
            shared: shared.map(Into::into),
            open: open.map(Into::into),
            of_which: (!none).then_some(proto::FigureOfWhich {
                minors: parts.minors,
                women: parts.women,
                civilians: parts.civilians,
                wounded: parts.wounded,
            }),
            flags: flags.into_iter().map(|flag| FigureFlag::from(flag).into()).collect(),
        }
    }
}

impl From<Unattributed> for proto::Unattributed {
    fn from(Unattributed { legs, at_most }: Unattributed) -> Self {
        Self { legs, at_most }
    }
}

impl From<SubsetCount> for proto::SubsetCount {
    fn from(SubsetCount { low, high, legs }: SubsetCount) -> Self {
        Self { low, high, legs }
    }
}

impl From<Flag> for FigureFlag {
    fn from(flag: Flag) -> Self {
        match flag {
            Flag::Approximate => Self::Approximate,
            Flag::Incomplete => Self::Incomplete,
            Flag::PartsExceedWhole => Self::PartsExceedWhole,
            Flag::OpenBelow => Self::OpenBelow,
            Flag::OpenAbove => Self::OpenAbove,
            Flag::Overflow => Self::Overflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::as_of::Moment;

    #[test]
    fn a_moment_leaves_out_what_came_a_nanosecond_later_and_must_be_a_time() {
        let ask = |seconds, nanos| {
            let moment = Some(Moment::RecordedTime(prost_types::Timestamp { seconds, nanos }));
            let as_of = Some(proto::AsOf { moment });
            question(proto::GetCountryCountsRequest { as_of, ..Default::default() })
        };
        assert_eq!(ask(1, 1_999).unwrap().1, AsOf::Time(1_000_001));
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            let wrong = ask(seconds, nanos).unwrap_err();
            assert!(wrong.0[0].field.starts_with("as_of.recorded_time."), "{wrong}");
        }
    }
}
