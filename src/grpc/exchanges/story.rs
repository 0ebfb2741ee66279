//! The story of one exchange, from the question to the answer.

use prost::Message as _;
use tonic::Code;

use crate::{
    domain::{
        event::Position,
        known::Known,
        limits,
        proto::{self, ErrorReason},
        violation::Violations,
    },
    engine::Engine,
    grpc::{asked, claimed::Texts, status::Fault},
    projections::{
        story::{Story, StoryQuery, ToldReport, ToldRole, story},
        told::{Told, ToldLeg},
    },
};

/// Statements whose texts are read at once; not all need fit.
const READ_AT_ONCE: usize = 50;

/// Answers with the whole story of an exchange.
pub(super) async fn get(
    engine: &Engine,
    request: proto::GetExchangeRequest,
) -> Result<proto::GetExchangeResponse, Fault> {
    let proto::GetExchangeRequest { exchange_id, include_past, as_of, min_position } = request;
    let exchange_id = asked::name(&exchange_id);
    let mut wrong = Violations::default();
    let as_of = asked::as_of(as_of, "as_of", &mut wrong);
    check_id(&exchange_id, &mut wrong);
    wrong.into_result(())?;
    let record = engine.record();
    record.reached(min_position).await?;
    let at = record.moment(as_of).await?;
    let query = StoryQuery { exchange_id: exchange_id.clone(), include_past };
    let told = record.ask(move |register| story(register, &query, at)).await?;
    tell(engine, told.ok_or_else(|| not_found(&exchange_id))?, at).await
}

/// A story with its texts.
pub(super) async fn tell(
    engine: &Engine,
    story: Story,
    at: Position,
) -> Result<proto::GetExchangeResponse, Fault> {
    let texts = Texts::read(engine, story.positions()).await?;
    let (statements, more_statements) = statements(engine, &story).await?;
    let answer = answer(story, &texts);
    Ok(proto::GetExchangeResponse { position: at, statements, more_statements, ..answer })
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
        superlatives: story.superlatives.iter().map(|told| superlative(texts, told)).collect(),
        counts: story.counts.into_iter().map(Into::into).collect(),
        ..proto::GetExchangeResponse::default()
    }
}

/// The first statements, as many as a client accepts, and how many more there are.
async fn statements(
    engine: &Engine,
    story: &Story,
) -> Result<(Vec<proto::StatementEntry>, u32), Fault> {
    let all = story.statements.len() + story.more_statements;
    let mut entries: Vec<proto::StatementEntry> = Vec::new();
    let mut bytes = 0;
    'all: for some in story.statements.chunks(READ_AT_ONCE) {
        let texts = Texts::read(engine, some.iter().flat_map(Told::positions)).await?;
        for told in some {
            let entry = texts.statement(told);
            bytes += entry.encoded_len();
            if bytes > limits::ANSWER_BYTES {
                break 'all;
            }
            entries.push(entry);
        }
    }
    let more = u32::try_from(all - entries.len()).unwrap_or(u32::MAX);
    Ok((entries, more))
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
    let Known::TotalClaimed(total) = texts.reading(told.read_from)? else { return None };
    Some(total)
}

fn superlative(texts: &Texts, told: &Told) -> proto::SuperlativeEntry {
    let superlative = match texts.reading(told.read_from) {
        Some(Known::SuperlativeClaimed(superlative)) => Some(superlative),
        _ => None,
    };
    proto::SuperlativeEntry { record: Some(texts.record(told)), superlative }
}
