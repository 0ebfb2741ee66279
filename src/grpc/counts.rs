//! `CountService`: figures, as of any moment, and watched.

mod countries;
mod explain;
mod figure_key;
mod groups;
mod history;
mod series;
mod watch;

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        figure::{Figure, SubsetCount, Unattributed},
        flags::Flag,
        proto::{self, FigureFlag},
    },
    grpc::{
        answers::Answers,
        server_stubs::count_service_server::CountService,
        service::{Service, unary},
    },
    projections::counts::CountRow,
};

#[tonic::async_trait]
impl CountService for Service {
    unary! {
        get_country_counts(GetCountryCountsRequest) -> GetCountryCountsResponse = countries::answer;
        count_transfers(CountTransfersRequest) -> CountTransfersResponse = groups::answer;
        explain_count(ExplainCountRequest) -> ExplainCountResponse = explain::answer;
        get_count_history(GetCountHistoryRequest) -> GetCountHistoryResponse = history::answer;
        reconcile_series(ReconcileSeriesRequest) -> ReconcileSeriesResponse = series::answer;
    }

    type WatchCountryCountsStream = Answers<proto::WatchCountryCountsResponse>;

    async fn watch_country_counts(
        &self,
        request: Request<proto::WatchCountryCountsRequest>,
    ) -> Result<Response<Self::WatchCountryCountsStream>, Status> {
        Ok(Response::new(watch::watch(&self.0, request.into_inner()).await?))
    }
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
