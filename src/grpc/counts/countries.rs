//! `GetCountryCounts`: a page of the figures of countries.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        event::Position,
        proto::{self, Unit},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        page::{Page, Tokens},
        request,
        status::RpcError,
    },
    projections::counts::{CountQuery, CountWalk, country_counts},
};

/// The query that a request states.
#[derive(Debug)]
pub(super) struct Question {
    query: CountQuery,
    as_of: AsOf,
    min_position: Position,
    page: Page,
}

pub(super) fn question(
    request: &proto::GetCountryCountsRequest,
    tokens: Tokens,
) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let same = proto::GetCountryCountsRequest {
        min_position: 0,
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    let mut query = narrow(&request.countries, request.unit, &mut wrong);
    query.occurred = request::occurred(&request.occurred, "occurred", &mut wrong);
    let question = Question {
        query,
        as_of: request::as_of(request.as_of, "as_of", &mut wrong),
        min_position: request.min_position,
        page: Page::parse_whole(tokens, request.page_size, &request.page_token, &same, &mut wrong),
    };
    wrong.into_result(question)
}

pub(super) async fn answer(
    engine: &Engine,
    question: Question,
) -> Result<proto::GetCountryCountsResponse, RpcError> {
    let Question { query, as_of, min_position, page } = question;
    let position = page.position(engine, min_position, as_of).await?;
    let query = CountQuery { as_of: Some(position), ..query };
    let record = engine.record();
    let answer = match query.occurred.clone() {
        Some(occurred) => record.list(page.list(position), CountWalk::new(query, occurred)).await?,
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
pub(super) fn narrow(countries: &[String], unit: i32, wrong: &mut Violations) -> CountQuery {
    let mut parties = BTreeSet::new();
    for (index, country) in countries.iter().enumerate() {
        parties.extend(request::party(country, &format!("countries[{index}]"), wrong));
    }
    let unit = request::choice::<Unit>(unit, "unit", wrong);
    CountQuery { countries: parties, unit, ..CountQuery::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::proto::as_of::Moment, grpc::page::tests::TOKENS};

    #[test]
    fn a_moment_leaves_out_what_came_a_nanosecond_later_and_must_be_a_time() {
        let ask = |seconds, nanos| {
            let moment = Some(Moment::RecordedTime(prost_types::Timestamp { seconds, nanos }));
            let as_of = Some(proto::AsOf { moment });
            let request = proto::GetCountryCountsRequest { as_of, ..Default::default() };
            question(&request, Tokens::new(TOKENS))
        };
        assert_eq!(ask(1, 1_999).unwrap().as_of, AsOf::Time(1_000_001));
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            let wrong = ask(seconds, nanos).unwrap_err();
            assert!(wrong.0[0].field.starts_with("as_of.recorded_time."), "{wrong}");
        }
    }
}
