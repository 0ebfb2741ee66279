//! Requests about groups into the engine's words; every violation with its field path.

use prost::Message;

use crate::{
    domain::{
        event::Position,
        filter::Filter,
        group::{Answer, GroupName, Settings},
        limits,
        proto::{self, NackAction, create_group_request},
        recorded::micros_up,
        violation::Violations,
    },
    engine::{NewGroup, Repeatable, Said, Start},
    grpc::convert,
};

/// Parked events that are listed if no limit is given.
const LISTED: u32 = 100;

/// The group that a request creates.
pub(super) fn group(
    mut request: proto::CreateGroupRequest,
) -> Result<(NewGroup, Option<Repeatable>), Violations> {
    let mut wrong = Violations::default();
    // The store was compared before, and is no part of the requested group.
    request.store.clear();
    let repeatable = repeatable(&std::mem::take(&mut request.request_id), &request, &mut wrong);
    let proto::CreateGroupRequest { request_id: _, name, filter, start, settings, store: _ } =
        request;
    let name = match GroupName::parse(&name) {
        Ok(name) => Some(name),
        Err(error) => {
            error.note("name", &mut wrong);
            None
        }
    };
    let filter = Filter::parse(filter.unwrap_or_default(), "filter", &mut wrong);
    let start = self::start(start, &mut wrong);
    let settings = Settings::parse(&settings.unwrap_or_default()).unwrap_or_else(|found| {
        wrong.absorb("settings", found);
        Settings::default()
    });
    match name {
        Some(name) if wrong.0.is_empty() => {
            Ok((NewGroup { name, filter, start, settings }, repeatable))
        }
        _ => Err(wrong),
    }
}

fn start(start: Option<create_group_request::Start>, wrong: &mut Violations) -> Start {
    match start {
        None => Start::Unset,
        Some(create_group_request::Start::AfterPosition(position)) => Start::After(position),
        Some(create_group_request::Start::RecordedFrom(time)) => {
            convert::check_time(&time, "recorded_from", wrong);
            Start::RecordedFrom(micros_up(&time))
        }
        Some(create_group_request::Start::FromNow(from_now)) => {
            if !from_now {
                wrong.add("from_now", "is false; leave it out to start at the beginning");
            }
            Start::FromNow
        }
    }
}

/// Which parked events are requested: of which group, after which position, and how many.
pub(super) fn parked(
    request: proto::ListParkedRequest,
) -> Result<(String, Position, usize), Violations> {
    let proto::ListParkedRequest { group, after_position, limit } = request;
    let mut wrong = Violations::default();
    named("group", &group, &mut wrong);
    let limit = if limit == 0 { LISTED } else { limit };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(limits::PARKED_LISTED);
    wrong.into_result((group, after_position, limit))
}

/// Which parked events are to be put back.
pub(super) fn replay(
    mut request: proto::ReplayParkedRequest,
) -> Result<(String, Vec<Position>, Option<Repeatable>), Violations> {
    let mut wrong = Violations::default();
    request.store.clear();
    let repeatable = repeatable(&std::mem::take(&mut request.request_id), &request, &mut wrong);
    let proto::ReplayParkedRequest { request_id: _, group, positions, store: _ } = request;
    named("group", &group, &mut wrong);
    if positions.len() > limits::PARKED_REPLAYED {
        wrong.exceeds("positions", "positions", positions.len(), limits::PARKED_REPLAYED);
    }
    wrong.into_result((group, positions, repeatable))
}

/// Which group is to be deleted.
pub(super) fn deletion(
    mut request: proto::DeleteGroupRequest,
) -> Result<(String, Option<Repeatable>), Violations> {
    let mut wrong = Violations::default();
    let repeatable = repeatable(&std::mem::take(&mut request.request_id), &request, &mut wrong);
    let proto::DeleteGroupRequest { request_id: _, name } = request;
    named("name", &name, &mut wrong);
    wrong.into_result((name, repeatable))
}

/// What a consumer says; the names of the group, of itself and of the store are taken out before.
pub(super) fn said(request: proto::ConsumeRequest) -> Result<Said, Violations> {
    let proto::ConsumeRequest { group, consumer, credit, acks, nacks, working, store } = request;
    let mut wrong = Violations::default();
    for (field, text) in [("group", group), ("consumer", consumer), ("store", store)] {
        if !text.is_empty() {
            wrong.add(field, "belongs to the first message only; open another call");
        }
    }
    let acks = acks.into_iter().map(|delivery| (delivery, Answer::Handled));
    let mut answers: Vec<_> = acks.collect();
    for (index, nack) in nacks.into_iter().enumerate() {
        let path = format!("nacks[{index}]");
        answers.extend(self::nack(nack, &path, &mut wrong));
    }
    wrong.into_result(Said { credit, answers, working })
}

fn nack(nack: proto::Nack, path: &str, wrong: &mut Violations) -> Option<(u64, Answer)> {
    let proto::Nack { delivery, action, reason } = nack;
    if reason.len() > limits::SHORT_TEXT_BYTES {
        let path = format!("{path}.reason");
        wrong.exceeds(path, "bytes", reason.len(), limits::SHORT_TEXT_BYTES);
    }
    let answer = match NackAction::try_from(action) {
        Ok(NackAction::Retry) => Answer::Retry(reason),
        Ok(NackAction::Park) => Answer::Park(reason),
        Ok(NackAction::Skip) => Answer::Skip,
        Ok(NackAction::Unspecified) | Err(_) => {
            wrong.add(format!("{path}.action"), "is not an action; use RETRY, PARK or SKIP");
            return None;
        }
    };
    Some((delivery, answer))
}

fn repeatable(id: &str, request: &impl Message, wrong: &mut Violations) -> Option<Repeatable> {
    Some(Repeatable::new(convert::request_id(id, wrong)?, request))
}

fn named(field: &str, name: &str, wrong: &mut Violations) {
    if name.is_empty() {
        wrong.add(field, "is empty; name the group");
    }
}
