//! `GetCountryCounts`: a page of the figures of countries.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        proto::{self, Unit},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        page::{Page, Paging, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::counts::{CountQuery, CountWalk, country_counts},
};

fn question(
    mut request: proto::GetCountryCountsRequest,
    tokens: Tokens,
) -> Result<(CountQuery, Page, AsOf), Violations> {
    let mut wrong = Violations::default();
    let paging = Paging::of(tokens, &mut request);
    let proto::GetCountryCountsRequest {
        countries,
        unit,
        as_of,
        occurred,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let query = narrow(&countries, unit, &occurred, &mut wrong);
    let as_of = request::as_of(as_of, "as_of", &mut wrong);
    let page = paging.page(Usual::All, &mut wrong);
    wrong.into_result((query, page, as_of))
}

pub(super) async fn answer(
    engine: &Engine,
    request: proto::GetCountryCountsRequest,
) -> Result<proto::GetCountryCountsResponse, RpcError> {
    let (query, page, as_of) = question(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    let query = CountQuery { as_of: Some(position), ..query };
    let record = engine.record();
    let answer = match query.occurred.clone() {
        Some(occurred) => {
            let record = record.for_list().await?;
            record.list(page.list(position), CountWalk::new(query, occurred)).await?
        }
        None => Arc::new(record.look_up(move |register| country_counts(register, &query)).await?),
    };
    let mut budget = Budget::default();
    let rows = page.of(&answer.rows).iter().map(|row| proto::CountryCount::from(row.clone()));
    let counts: Vec<_> = rows.take_while(|row| budget.takes(row)).collect();
    Ok(proto::GetCountryCountsResponse {
        next_page_token: page.next(counts.len(), answer.rows.len(), position),
        counts,
        position,
        undated_exchanges: answer.undated_exchanges,
    })
}

/// The figures that a request names; what is wrong with it is noted.
pub(super) fn narrow(
    countries: &[String],
    unit: i32,
    occurred: &str,
    wrong: &mut Violations,
) -> CountQuery {
    let mut parties = BTreeSet::new();
    for (index, country) in countries.iter().enumerate() {
        parties.extend(request::party(country, &format!("countries[{index}]"), wrong));
    }
    let unit = request::choice::<Unit>(unit, "unit", wrong);
    let occurred = request::occurred(occurred, "occurred", wrong);
    CountQuery { countries: parties, unit, occurred, as_of: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::proto::as_of::Moment, grpc::page::tests::TOKENS};

    #[test]
    fn a_moment_leaves_out_what_came_a_nanosecond_later_and_must_be_a_time() {
        let queried = |seconds, nanos| {
            let moment = Some(Moment::RecordedTime(prost_types::Timestamp { seconds, nanos }));
            let as_of = Some(proto::AsOf { moment });
            let request = proto::GetCountryCountsRequest { as_of, ..Default::default() };
            question(request, Tokens::new(TOKENS, None))
        };
        assert_eq!(queried(1, 1_999).unwrap().2, AsOf::Time(1_000_001));
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            let wrong = queried(seconds, nanos).unwrap_err();
            assert!(wrong.0[0].field.starts_with("as_of.recorded_time."), "{wrong}");
        }
    }
}
