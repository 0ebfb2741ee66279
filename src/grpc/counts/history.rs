//! `GetCountHistory`: how a figure changed, and by which event.

use crate::{
    domain::{
        date::Edtf,
        event::Position,
        known::Known,
        proto::{self, RecordedEvent},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        asked::{self, Page},
        counts::figure_key::NamedFigure,
        status::Fault,
    },
    projections::counts::{Move, moves, moves_of},
};

/// What is asked.
pub(super) struct Question {
    figure: NamedFigure,
    occurred: Option<Edtf>,
    after: Option<AsOf>,
    as_of: AsOf,
    min_position: Position,
    page: Page,
}

pub(super) fn question(request: proto::GetCountHistoryRequest) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let wrong = &mut wrong;
    let same = proto::GetCountHistoryRequest {
        min_position: 0,
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    let proto::GetCountHistoryRequest {
        country,
        unit,
        direction,
        occurred,
        after,
        as_of,
        min_position,
        page_size,
        page_token,
    } = request;
    let question = Question {
        figure: NamedFigure::parse(&country, unit, direction, wrong),
        occurred: asked::occurred(&occurred, "occurred", wrong),
        after: after.map(|after| asked::as_of(Some(after), "after", wrong)),
        as_of: asked::as_of(as_of, "as_of", wrong),
        min_position,
        page: Page::parse(page_size, &page_token, &same, wrong),
    };
    std::mem::take(wrong).into_result(question)
}

pub(super) async fn answer(
    engine: &Engine,
    question: Question,
) -> Result<proto::GetCountHistoryResponse, Fault> {
    let Question { figure, occurred, after, as_of, min_position, page } = question;
    let at = page.position(engine, min_position, as_of).await?;
    let record = engine.record();
    let after = match after {
        Some(after) => record.moment(after).await?,
        None => 0,
    };
    let all = record
        .ask(move |register| match (figure.key(register), &occurred) {
            (None, _) => Vec::new(),
            (Some(key), None) => moves(register, key, after, at),
            (Some(key), Some(occurred)) => moves_of(register, key, occurred, (after, at)),
        })
        .await?;
    let (moves, next_page_token) = page.cut(all, at);
    let mut events = record.events(moves.iter().map(|it| it.event)).await?;
    let entry = |it: Move| {
        let event = events.remove(&it.event).unwrap_or_default();
        entry(it, event)
    };
    let entries = moves.into_iter().map(entry).collect();
    Ok(proto::GetCountHistoryResponse { entries, next_page_token, position: at })
}

fn entry(it: Move, event: RecordedEvent) -> proto::CountHistoryEntry {
    let payload = event.payload.unwrap_or_default();
    let known = Known::read(payload.type_name(), &payload.value).and_then(Result::ok);
    proto::CountHistoryEntry {
        position: it.event,
        recorded_at: event.recorded_at,
        event_type: payload.type_name().to_owned(),
        claim: known.as_ref().and_then(Known::about).unwrap_or_default(),
        exchange_id: known.as_ref().and_then(Known::exchange_id).unwrap_or_default().to_owned(),
        before: it.before.map(Into::into),
        after: it.after.map(Into::into),
    }
}
