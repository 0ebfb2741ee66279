//! `ReconcileSeries`: the steps of a running total against the exchanges in between.

use crate::{
    domain::{
        known::Known,
        leg::Direction,
        proto::{self, ErrorReason, Unit},
        symbol::Symbol,
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        asked::{self, Page},
        claimed::Texts,
        status::Fault,
    },
    projections::{
        register::Register,
        series::{Base, MissingReason, SeriesQuery, Step, steps},
    },
};

/// What is asked.
pub(super) struct Question {
    series: String,
    query: SeriesQuery,
    as_of: AsOf,
    min_position: u64,
    page: Page,
}

pub(super) fn question(request: proto::ReconcileSeriesRequest) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let same = proto::ReconcileSeriesRequest {
        min_position: 0,
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    let page = Page::parse(request.page_size, &request.page_token, &same, &mut wrong);
    let as_of = asked::as_of(request.as_of, "as_of", &mut wrong);
    let (series, min_position) = (asked::name(&request.series), request.min_position);
    let query = query(request, &mut wrong);
    wrong.into_result(Question { series, query, as_of, min_position, page })
}

fn query(request: proto::ReconcileSeriesRequest, wrong: &mut Violations) -> SeriesQuery {
    let direction = match asked::choice::<proto::Direction>(request.direction, "direction", wrong)
        .map(proto::Direction::try_from)
    {
        Some(Ok(proto::Direction::Received)) => Some(Direction::Received),
        Some(Ok(proto::Direction::Sent)) => Some(Direction::Sent),
        _ => None,
    };
    let named = !asked::name(&request.country).is_empty();
    if direction.is_some() && !named {
        wrong.add("direction", "goes with country, which is missing");
    }
    let country = named.then(|| asked::party(&request.country, "country", wrong)).flatten();
    let unit = asked::choice::<Unit>(request.unit, "unit", wrong);
    SeriesQuery {
        country,
        direction,
        mediator: Some(asked::name(&request.mediator)).filter(|it| !it.is_empty()),
        include_denied: request.include_denied_mediators,
        unit: unit.unwrap_or(Unit::Person.into()),
        occurred: asked::occurred(&request.occurred, "occurred", wrong),
    }
}

pub(super) async fn answer(
    engine: &Engine,
    question: Question,
) -> Result<proto::ReconcileSeriesResponse, Fault> {
    let Question { series, query, as_of, min_position, page } = question;
    let position = page.position(engine, min_position, as_of).await?;
    if series.is_empty() {
        let all = engine.record().ask(move |register| all_names(register, position)).await?;
        let (series, next_page_token) = page.cut(all, position);
        return Ok(proto::ReconcileSeriesResponse {
            series,
            steps: Vec::new(),
            next_page_token,
            position,
        });
    }
    let wanted = slug::slugify(&series);
    let record = engine.record();
    let found = record.ask(move |register| {
        let names = names(register).filter(|(_, name)| slug::slugify(name) == wanted);
        let names: Vec<Symbol> = names.map(|(symbol, _)| symbol).collect();
        steps(register, &names, &query, position)
    });
    let all = found.await?.ok_or_else(|| {
        let message = format!(
            "no total of a series {series:?} is recorded; a request without a series lists them"
        );
        Fault::new(tonic::Code::NotFound, ErrorReason::NotFound, message)
    })?;
    let (steps, next_page_token) = page.cut(all, position);
    let texts = Texts::read(engine, steps.iter().flat_map(|step| step.told.positions())).await?;
    let steps = steps.into_iter().map(|step| told(step, &texts)).collect();
    Ok(proto::ReconcileSeriesResponse { series: Vec::new(), steps, next_page_token, position })
}

fn names(register: &Register) -> impl Iterator<Item = (Symbol, &str)> {
    let claims = register.claims();
    claims.series().map(|series| (series, claims.vocabulary().text(series)))
}

/// The names of the series of which a total stands, sorted.
fn all_names(register: &Register, position: u64) -> Vec<String> {
    let view = register.at(position);
    let stands = |series: Symbol| !view.latest(register.claims().series_rows(series)).is_empty();
    let mut names: Vec<String> =
        names(register).filter(|it| stands(it.0)).map(|(_, name)| name.to_owned()).collect();
    names.sort_unstable();
    names
}

fn told(step: Step, texts: &Texts) -> proto::SeriesStep {
    let total = match texts.reading(step.told.read_from) {
        Some(Known::TotalClaimed(total)) => Some(total),
        _ => None,
    };
    let (base_from, base_claim) = match step.base_from {
        Base::Previous(claim) => (proto::SeriesBase::PreviousTotal, claim.unwrap_or_default()),
        Base::Earlier(claim) => (proto::SeriesBase::EarlierTotal, claim),
        Base::None => (proto::SeriesBase::None, 0),
    };
    let exchange = |(exchange_id, range): (String, Option<(u32, u32)>)| proto::SeriesExchange {
        exchange_id,
        low: range.map(|range| range.0),
        high: range.map(|range| range.1),
    };
    let sum = step.sum;
    proto::SeriesStep {
        record: Some(texts.record(&step.told)),
        total,
        base_from: base_from.into(),
        base_claim,
        base_as_of: step.base_as_of,
        base: step.base.map(base),
        claimed_step_low: step.step.map(|step| step.0),
        claimed_step_high: step.step.map(|step| step.1),
        exchanges: step.exchanges.into_iter().map(exchange).collect(),
        sum_low: sum.and_then(|sum| u32::try_from(sum.0).ok()),
        sum_high: sum.and_then(|sum| u32::try_from(sum.1).ok()),
        residual_low: step.residual.map(|residual| residual.0),
        residual_high: step.residual.map(|residual| residual.1),
        missing: step.missing.into_iter().map(missing).collect(),
        approximate: step.approximate,
    }
}

fn base((low, high): (u32, u32)) -> proto::Count {
    if low == high {
        return proto::Count { value: Some(low), ..proto::Count::default() };
    }
    proto::Count { low: Some(low), high: Some(high), ..proto::Count::default() }
}

fn missing(missing: crate::projections::series::Missing) -> proto::MissingExchange {
    let reason = match missing.reason {
        MissingReason::Unnumbered => proto::MissingReason::Unnumbered,
        MissingReason::Undated => proto::MissingReason::Undated,
    };
    proto::MissingExchange { exchange_id: missing.exchange, reason: reason.into() }
}
