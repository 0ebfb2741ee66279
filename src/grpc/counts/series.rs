//! `ReconcileSeries`: the steps of a running total against the exchanges in between.

use std::{ops::Range, sync::Arc};

use prost::Message as _;

use crate::{
    domain::{
        event::Position,
        known::Known,
        leg::Direction,
        proto::{self, ErrorReason, Unit},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        claimed::Texts,
        page::{Page, Paging, Place, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::series::{
        Base, CompareWalk, MissingReason, NameWalk, SeriesQuery, SeriesStep, StepWalk,
    },
};

/// The query that a request states.
struct Question {
    series: String,
    query: SeriesQuery,
    as_of: AsOf,
    page: Page,
}

fn question(
    mut request: proto::ReconcileSeriesRequest,
    tokens: Tokens,
) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let page = Paging::of(tokens, &mut request).page(Usual::Few, &mut wrong);
    let as_of = request::as_of(request.as_of, "as_of", &mut wrong);
    let series = request::optional_name(&request.series, "series", &mut wrong);
    let query = query(request, &mut wrong);
    wrong.into_result(Question { series, query, as_of, page })
}

fn query(request: proto::ReconcileSeriesRequest, wrong: &mut Violations) -> SeriesQuery {
    let proto::ReconcileSeriesRequest {
        series: _,
        country,
        direction,
        mediator,
        include_denied_mediators: include_denied,
        unit,
        occurred,
        as_of: _,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let direction = match request::choice::<proto::Direction>(direction, "direction", wrong)
        .map(proto::Direction::try_from)
    {
        Some(Ok(proto::Direction::Received)) => Some(Direction::Received),
        Some(Ok(proto::Direction::Sent)) => Some(Direction::Sent),
        _ => None,
    };
    let party = request::any_party(&country, "country", wrong);
    if direction.is_some() && country.is_empty() {
        wrong.add("direction", "goes with country, which is missing");
    }
    let unit = request::choice::<Unit>(unit, "unit", wrong);
    let mediator = request::optional_name(&mediator, "mediator", wrong);
    SeriesQuery {
        country: Some(party).filter(|party| !party.is_empty()),
        direction,
        mediator: Some(mediator).filter(|it| !it.is_empty()),
        include_denied,
        unit: unit.unwrap_or(Unit::Person.into()),
        occurred: request::occurred(&occurred, "occurred", wrong),
    }
}

pub(super) async fn answer(
    engine: &Engine,
    request: proto::ReconcileSeriesRequest,
) -> Result<proto::ReconcileSeriesResponse, RpcError> {
    let Question { series, query, as_of, page } = question(request, Tokens::of(engine))?;
    let position = page.position(engine, as_of).await?;
    if series.is_empty() {
        return names(engine, &page, position).await;
    }
    let record = engine.record().for_list().await?;
    let compared = if let Some(compared) = record.kept(page.list(position)) {
        compared
    } else {
        let named = record.work_out(NameWalk::new(Some(&series), position)).await?;
        let walk = CompareWalk::new(named, query, position);
        record.list(page.list(position), walk).await?
    };
    let compared = (*compared).clone().ok_or_else(|| not_found(&series))?;
    let walk = StepWalk::new(Arc::clone(&compared), page.begins().offset, page.size());
    let steps = record.page(walk).await?;
    let texts = Texts::read(engine, steps.iter().flat_map(|step| step.status.positions())).await?;
    let mut step_page = StepPage::default();
    for (place, step) in steps.into_iter().enumerate() {
        let parts = if place == 0 { page.begins().parts } else { 0 };
        if !step_page.take(step, &texts, parts) {
            break;
        }
    }
    Ok(proto::ReconcileSeriesResponse {
        next_page_token: page.next_part(&step_page.next, compared.steps(), position),
        steps: step_page.steps,
        position,
        ..Default::default()
    })
}

/// A page of steps that is being put together.
#[derive(Default)]
struct StepPage {
    budget: Budget,
    steps: Vec<proto::SeriesStep>,
    /// Where the next page begins: a step of this one, and one of the exchanges that it names.
    next: Place,
}

impl StepPage {
    /// Adds a step, without the first `parts` of the exchanges that it names, those missing behind
    /// the others; answers whether the page took all of it. A step comes with one exchange at
    /// least, if it names any.
    fn take(&mut self, step: SeriesStep, texts: &Texts, parts: usize) -> bool {
        let mut whole = step_message(step, texts);
        let named = Named::of(&mut whole);
        whole.continues = parts > 0;
        let mut owed = whole.encoded_len();
        let begins = parts.min(named.len());
        let mut end = begins;
        while end < named.len() && self.budget.takes_bytes(owed + named.bytes(end)) {
            (end, owed) = (end + 1, 0);
        }
        let nothing = end == begins && begins < named.len();
        if nothing || (owed > 0 && !self.budget.takes_bytes(owed)) {
            return false;
        }
        let (all, between) = (named.len(), named.exchanges.len());
        whole.more_exchanges = count(between.saturating_sub(end));
        whole.more_missing = count(all - end.max(between));
        named.put(begins..end, &mut whole);
        self.steps.push(whole);
        let is_all = end == all;
        let offset = self.next.offset + usize::from(is_all);
        self.next = Place { offset, parts: if is_all { 0 } else { end }, ..Place::default() };
        is_all
    }
}

/// The exchanges that a step names: those in between, and behind them those that are missing.
struct Named {
    exchanges: Vec<proto::SeriesExchange>,
    missing: Vec<proto::MissingExchange>,
}

impl Named {
    /// Takes them out of the step.
    fn of(step: &mut proto::SeriesStep) -> Self {
        let exchanges = std::mem::take(&mut step.exchanges);
        Self { exchanges, missing: std::mem::take(&mut step.missing) }
    }

    fn len(&self) -> usize {
        self.exchanges.len() + self.missing.len()
    }

    /// Bytes that one of them takes, framed.
    fn bytes(&self, place: usize) -> usize {
        let missing = place.checked_sub(self.exchanges.len()).and_then(|it| self.missing.get(it));
        let exchange = self.exchanges.get(place).map(prost::Message::encoded_len);
        exchange.or(missing.map(prost::Message::encoded_len)).unwrap_or_default()
    }

    /// Puts some of them into the step.
    fn put(self, some: Range<usize>, step: &mut proto::SeriesStep) {
        let between = self.exchanges.len();
        let (skipped, taken) = (some.start, some.len());
        step.exchanges = self.exchanges.into_iter().skip(skipped).take(taken).collect();
        let skipped = skipped.saturating_sub(between);
        let taken = taken - step.exchanges.len();
        step.missing = self.missing.into_iter().skip(skipped).take(taken).collect();
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn not_found(series: &str) -> RpcError {
    let message = format!(
        "no total of a series {series:?} is recorded; a request without a series lists them"
    );
    RpcError::new(tonic::Code::NotFound, ErrorReason::NotFound, message)
}

/// The names of the series of which a total stands, sorted.
async fn names(
    engine: &Engine,
    page: &Page,
    position: Position,
) -> Result<proto::ReconcileSeriesResponse, RpcError> {
    let record = engine.record().for_list().await?;
    let list = record.list(page.list(position), NameWalk::new(None, position)).await?;
    let some = page.of(&list).to_vec();
    let named = record.query(move |register| register.claims().vocabulary().all(&some)).await?;
    let mut budget = Budget::default();
    let series = named.into_iter().take_while(|name| budget.takes_bytes(name.len()));
    let series: Vec<String> = series.collect();
    let next_page_token = page.next(series.len(), list.len(), position);
    Ok(proto::ReconcileSeriesResponse { series, steps: Vec::new(), next_page_token, position })
}

fn step_message(step: SeriesStep, texts: &Texts) -> proto::SeriesStep {
    let total = match texts.reading(step.status.read_from) {
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
        record: Some(texts.record(&step.status)),
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
        ..proto::SeriesStep::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_names_is_put_into_pages_without_a_gap() {
        let id = |number: usize| format!("x-{number}");
        let exchange = |exchange_id| proto::SeriesExchange { exchange_id, ..Default::default() };
        let missing = |exchange_id| proto::MissingExchange { exchange_id, reason: 0 };
        for (between, all) in [(0, 3), (3, 3), (2, 7), (5, 6)] {
            for stretch in 1..=all {
                let mut ids = Vec::new();
                for start in (0..all).step_by(stretch) {
                    let mut step = proto::SeriesStep {
                        exchanges: (0..between).map(id).map(exchange).collect(),
                        missing: (between..all).map(id).map(missing).collect(),
                        ..Default::default()
                    };
                    let named = Named::of(&mut step);
                    assert!((named.len(), named.bytes(start) > 0) == (all, true));
                    named.put(start..(start + stretch).min(all), &mut step);
                    ids.extend(step.exchanges.into_iter().map(|it| it.exchange_id));
                    ids.extend(step.missing.into_iter().map(|it| it.exchange_id));
                }
                assert_eq!(ids, (0..all).map(id).collect::<Vec<_>>(), "{between} {stretch}");
            }
        }
    }
}
