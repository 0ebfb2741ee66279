//! `GetCountHistory`: how a figure changed, and by which event.

use crate::{
    domain::{
        date::Edtf,
        known::Known,
        proto::{self, RecordedEvent},
        violation::Violations,
    },
    engine::{AsOf, Engine},
    grpc::{
        budget::Budget,
        counts::figure_key::NamedFigure,
        page::{Page, Paging, Place, Tokens, Usual},
        request,
        status::RpcError,
    },
    projections::counts::{Move, MoveWalk, StepsWalk},
};

/// The query that a request states.
struct Question {
    figure: NamedFigure,
    occurred: Option<Edtf>,
    after: Option<AsOf>,
    as_of: AsOf,
    page: Page,
}

fn question(
    mut request: proto::GetCountHistoryRequest,
    tokens: Tokens,
) -> Result<Question, Violations> {
    let mut wrong = Violations::default();
    let wrong = &mut wrong;
    let paging = Paging::of(tokens, &mut request);
    let proto::GetCountHistoryRequest {
        country,
        unit,
        direction,
        occurred,
        after,
        as_of,
        min_position: _,
        page_size: _,
        page_token: _,
    } = request;
    let question = Question {
        figure: NamedFigure::parse(&country, unit, direction, wrong),
        occurred: request::occurred(&occurred, "occurred", wrong),
        after: after.map(|after| request::as_of(Some(after), "after", wrong)),
        as_of: request::as_of(as_of, "as_of", wrong),
        page: paging.page(Usual::Few, wrong),
    };
    std::mem::take(wrong).into_result(question)
}

pub(super) async fn answer(
    engine: &Engine,
    request: proto::GetCountHistoryRequest,
) -> Result<proto::GetCountHistoryResponse, RpcError> {
    let Question { figure, occurred, after, as_of, page } = question(request, Tokens::of(engine))?;
    let at = page.position(engine, as_of).await?;
    let record = engine.record();
    let after = match after {
        Some(after) => record.moment_of(after, ["after.position", "after.recorded_time"]).await?,
        None => 0,
    };
    let record = record.for_list().await?;
    let Some(key) = record.look_up(move |register| figure.key(register)).await? else {
        return Ok(proto::GetCountHistoryResponse { position: at, ..Default::default() });
    };
    let steps = match occurred {
        Some(occurred) => {
            Some(record.list(page.list(at), StepsWalk::new(key, occurred, at)).await?)
        }
        None => None,
    };
    let after = page.begins().after.max(after);
    // One more than the page has shows whether there is another.
    let walk = MoveWalk::new(key, steps, (after, at), page.size() + 1);
    let moves = record.work_out(walk).await?;
    let some = moves.get(..page.size()).unwrap_or(&moves);
    let mut events = record.events(some.iter().map(|it| it.event)).await?;
    let entry = |it: &Move| {
        let event = events.remove(&it.event).unwrap_or_default();
        entry(it.clone(), event)
    };
    let mut budget = Budget::default();
    let entries: Vec<_> = some.iter().map(entry).take_while(|it| budget.takes(it)).collect();
    let last = entries.last().filter(|_| moves.len() > entries.len()).map(|last| last.position);
    let next = last.map(|after| page.token(Place { after, ..Place::default() }, at));
    let next_page_token = next.unwrap_or_default();
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
