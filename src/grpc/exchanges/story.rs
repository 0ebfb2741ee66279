//! The story of one exchange, from the question to the answer.

use prost::Message as _;
use tonic::Code;

use crate::{
    domain::{
        known::Known,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::Engine,
    grpc::{asked, claimed::Texts, status::Fault},
    projections::{
        story::{Story, ToldReport, ToldRole, story},
        told::{Told, ToldLeg},
    },
};

/// Bytes of statements that are told with an exchange: beside its other parts they fit into the
/// message that a client accepts.
const STATEMENT_BYTES: usize = 1 << 20;

/// Answers with the whole story of an exchange.
pub(super) async fn get(
    engine: &Engine,
    request: proto::GetExchangeRequest,
) -> Result<proto::GetExchangeResponse, Fault> {
    let proto::GetExchangeRequest { exchange_id, include_past, as_of, min_position } = request;
    let mut wrong = Violations::default();
    let as_of = asked::as_of(as_of, "as_of", &mut wrong);
    check_id(&exchange_id, &mut wrong);
    wrong.into_result(())?;
    let record = engine.record();
    record.reached(min_position).await?;
    let at = record.moment(as_of).await?;
    let id = exchange_id.clone();
    let told = record.ask(move |register| story(register, &id, at, include_past)).await?;
    let story = told.ok_or_else(|| not_found(&exchange_id))?;
    let texts = Texts::read(engine, story.positions()).await?;
    Ok(proto::GetExchangeResponse { position: at, ..answer(story, &texts) })
}

/// An id has to be given.
pub(super) fn check_id(exchange_id: &str, wrong: &mut Violations) {
    if exchange_id.is_empty() {
        wrong.add("exchange_id", "is missing");
    }
}

pub(super) fn not_found(exchange_id: &str) -> Fault {
    let message = format!(
        "nothing is recorded of the exchange {exchange_id:?} by then; ListExchanges has the ids"
    );
    Fault::new(Code::NotFound, ErrorReason::NotFound, message)
}

fn answer(story: Story, texts: &Texts) -> proto::GetExchangeResponse {
    let legs = |legs: Vec<ToldLeg>| legs.into_iter().map(|leg| texts.leg(leg)).collect();
    let declined = |(leg, reason)| proto::DeclinedLeg { leg: Some(texts.leg(leg)), reason };
    let (statements, more) = statements(texts, &story.statements);
    let more = more.saturating_add(story.more_statements);
    proto::GetExchangeResponse {
        exchange: Some(story.summary),
        status_history: story.reports.into_iter().map(|it| report(texts, it)).collect(),
        legs: legs(story.legs),
        agreed: legs(story.agreed),
        declined: story.declined.into_iter().map(declined).collect(),
        roles: story.roles.into_iter().map(|it| role(texts, it)).collect(),
        totals: story
            .totals
            .into_iter()
            .map(|(told, sum)| proto::TotalEntry {
                record: Some(texts.record(&told)),
                total: total(texts, &told),
                sum: sum.map(Into::into),
            })
            .collect(),
        statements,
        more_statements: u32::try_from(more).unwrap_or(u32::MAX),
        superlatives: story.superlatives.iter().map(|told| superlative(texts, told)).collect(),
        counts: story.counts.into_iter().map(Into::into).collect(),
        position: 0,
    }
}

/// The first statements that fit, and how many do not.
fn statements(texts: &Texts, told: &[Told]) -> (Vec<proto::StatementEntry>, usize) {
    let mut bytes = 0;
    let entries = told.iter().map(|told| texts.statement(told));
    let fitting = entries.take_while(|entry| {
        bytes += entry.encoded_len();
        bytes <= STATEMENT_BYTES
    });
    let fitting: Vec<_> = fitting.collect();
    let more = told.len() - fitting.len();
    (fitting, more)
}

fn report(texts: &Texts, report: ToldReport) -> proto::StatusReport {
    let ToldReport { told, status, occurred } = report;
    let (record, attribution) = (Some(texts.record(&told)), attribution(texts, &told));
    proto::StatusReport { record, status, occurred, attribution }
}

fn role(texts: &Texts, role: ToldRole) -> proto::RoleEntry {
    let ToldRole { actor, role, attributed, denied } = role;
    let claims = |claims: &[Told]| {
        let claim = |told: &Told| proto::RoleClaim {
            record: Some(texts.record(told)),
            attribution: attribution(texts, told),
        };
        claims.iter().map(claim).collect()
    };
    let (attributed_by, denied_by) = (claims(&attributed), claims(&denied));
    proto::RoleEntry { actor: Some(actor), role, attributed_by, denied_by }
}

fn attribution(texts: &Texts, told: &Told) -> Option<proto::Attribution> {
    texts.reading(told.read_from)?.attribution().cloned()
}

fn total(texts: &Texts, told: &Told) -> Option<proto::TotalClaimed> {
    match texts.reading(told.read_from)? {
        Known::TotalClaimed(total) => Some(total),
        _ => None,
    }
}

fn superlative(texts: &Texts, told: &Told) -> proto::SuperlativeEntry {
    let superlative = match texts.reading(told.read_from) {
        Some(Known::SuperlativeClaimed(superlative)) => Some(superlative),
        _ => None,
    };
    proto::SuperlativeEntry { record: Some(texts.record(told)), superlative }
}
