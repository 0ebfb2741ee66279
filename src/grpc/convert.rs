//! Requests of the event store into the domain's words; every violation with its field path.
//!
//! Messages are taken apart field by field, so that a new field does not compile until this module
//! handles it.

use std::{fmt::Arguments, ops::RangeInclusive};

use prost_types::Timestamp;

use crate::{
    domain::{
        event::{Append, Condition, Direction, NewEvent, RequestId, Write},
        examine,
        filter::Filter,
        name::{InvalidName, StreamName, Tag, TypeName},
        proto::{self, Any, ReadDirection, read_request, subscribe_request},
        recorded::{micros, micros_up},
        violation::{Violations, join},
        wire::Room,
    },
    engine::{ReadSpec, Start},
};

/// The years that protobuf's times have, in seconds since the Unix epoch.
const YEARS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// An append, or all that is wrong with it. If its syntax is wrong, its payloads are examined too:
/// otherwise the sender would learn of their faults only afterwards.
pub(crate) fn append(request: proto::AppendRequest) -> Result<Append, Violations> {
    let proto::AppendRequest { request_id, writes, condition, store: _ } = request;
    let mut wrong = Violations::default();
    let request_id = self::request_id(&request_id, &mut wrong);
    let named = writes.iter().enumerate();
    let converted = named
        .filter_map(|(index, write)| {
            self::write(write, format_args!("writes[{index}]"), &mut wrong)
        })
        .collect();
    let condition = condition.and_then(|condition| {
        let proto::AppendCondition { fail_if_match, after_position } = condition;
        let Some(fail_if_match) = fail_if_match else {
            let problem = "is missing; name what must not be there (no items: any event)";
            wrong.add("condition.fail_if_match", problem);
            return None;
        };
        let filter = Filter::parse(fail_if_match, "condition.fail_if_match", &mut wrong);
        Some(Condition { filter, after_position })
    });
    if !wrong.0.is_empty() {
        examine_payloads(&writes, &mut wrong);
    }
    wrong.into_result(Append { request_id, writes: converted, condition, recorded_by: None })
}

/// What is wrong with the payloads of an append that is refused anyway. Only payloads with a
/// `/` in their type URL are examined.
fn examine_payloads(writes: &[proto::StreamWrite], wrong: &mut Violations) {
    let mut room = Room::default();
    for (index, write) in writes.iter().enumerate() {
        let path = format!("writes[{index}]");
        let stream = StreamName::parse(&write.stream);
        for (number, event) in write.events.iter().enumerate() {
            let payload = event.payload.as_ref();
            let Some(payload) = payload.filter(|payload| payload.type_url.contains('/')) else {
                continue;
            };
            let (name, value) = (payload.type_name(), &payload.value);
            let examined = match &stream {
                Ok(stream) => examine::examine(stream, name, value, &mut room).map(drop),
                Err(_) => examine::examine_payload(name, value, &mut room),
            };
            if let Err(found) = examined {
                examine::place(found, &path, &format!("{path}.events[{number}]"), wrong);
            }
        }
    }
}

/// A request id; empty: none.
pub(crate) fn request_id(text: &str, wrong: &mut Violations) -> Option<RequestId> {
    if text.is_empty() {
        return None;
    }
    match uuid::Uuid::parse_str(text) {
        Ok(id) if !id.is_nil() => Some(id.into_bytes()),
        _ => {
            wrong.add("request_id", "is not a UUID; give a random one, or leave it empty");
            None
        }
    }
}

/// The path is a text only where something is wrong.
fn write(write: &proto::StreamWrite, path: Arguments<'_>, wrong: &mut Violations) -> Option<Write> {
    let proto::StreamWrite { stream, expected_revision, events } = write;
    let stream = named(StreamName::parse(stream), || format!("{path}.stream"), wrong);
    let events = events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| {
            new_event(event, format_args!("{path}.events[{index}]"), wrong)
        })
        .collect();
    Some(Write { stream: stream?, expected_revision: *expected_revision, events })
}

fn new_event(
    event: &proto::NewEvent,
    path: Arguments<'_>,
    wrong: &mut Violations,
) -> Option<NewEvent> {
    let proto::NewEvent { payload, tags, metadata } = event;
    let Some(payload) = payload else {
        wrong.add(format!("{path}.payload"), "is missing");
        return None;
    };
    let tags = own_tags(tags, path, wrong);
    let type_url = || format!("{path}.payload.type_url");
    if !payload.type_url.contains('/') {
        wrong.add(type_url(), "has no slash; write type.googleapis.com/ and the full name");
        return None;
    }
    let type_name = named(TypeName::parse(payload.type_name()), type_url, wrong)?;
    // The payload is shared, not copied.
    let Any { type_url, value } = payload.clone();
    Some(NewEvent { type_url, type_name, payload: value, tags, metadata: metadata.clone() })
}

/// Tags that a client puts on an event; what is wrong is noted below `path`.
pub(crate) fn own_tags(tags: &[String], path: Arguments<'_>, wrong: &mut Violations) -> Vec<Tag> {
    let tags = tags.iter().enumerate();
    tags.filter_map(|(index, tag)| {
        let path = || join(&path.to_string(), &format!("tags[{index}]"));
        named(Tag::parse_own(tag), path, wrong)
    })
    .collect()
}

fn named<T>(
    parsed: Result<T, InvalidName>,
    path: impl FnOnce() -> String,
    wrong: &mut Violations,
) -> Option<T> {
    parsed.map_err(|error| error.note(&path(), wrong)).ok()
}

/// What a read is to yield.
pub(crate) fn read(request: proto::ReadRequest) -> Result<ReadSpec, Violations> {
    let proto::ReadRequest { filter, start, direction, limit, min_position: _, store: _ } = request;
    let mut wrong = Violations::default();
    let filter = Filter::parse(filter.unwrap_or_default(), "filter", &mut wrong);
    let direction = match ReadDirection::try_from(direction) {
        Ok(ReadDirection::Unspecified | ReadDirection::Forwards) => Direction::Forwards,
        Ok(ReadDirection::Backwards) => Direction::Backwards,
        Err(_) => {
            wrong.add("direction", format!("is {direction}, which is not a direction"));
            Direction::Forwards
        }
    };
    let start = match start {
        None => Start::Unset,
        Some(read_request::Start::AfterPosition(position)) => Start::After(position),
        Some(read_request::Start::AfterRevision(revision)) => Start::AfterRevision(revision),
        Some(read_request::Start::RecordedFrom(time)) => {
            recorded_from(&time, direction, &mut wrong)
        }
    };
    wrong.into_result(ReadSpec { filter, start, direction, limit })
}

/// What a subscription follows, and from where.
pub(crate) fn subscribe(request: proto::SubscribeRequest) -> Result<(Filter, Start), Violations> {
    let proto::SubscribeRequest { filter, start, store: _ } = request;
    let mut wrong = Violations::default();
    let filter = Filter::parse(filter.unwrap_or_default(), "filter", &mut wrong);
    let start = match start {
        None => Start::Unset,
        Some(subscribe_request::Start::AfterPosition(position)) => Start::After(position),
        Some(subscribe_request::Start::RecordedFrom(time)) => {
            recorded_from(&time, Direction::Forwards, &mut wrong)
        }
        Some(subscribe_request::Start::FromNow(true)) => Start::FromNow,
        Some(subscribe_request::Start::FromNow(false)) => {
            wrong.add("from_now", "is false; leave it out to start at the beginning");
            Start::Unset
        }
    };
    wrong.into_result((filter, start))
}

/// A read never yields what lies on the other side of the time, as it goes.
fn recorded_from(time: &Timestamp, direction: Direction, wrong: &mut Violations) -> Start {
    check_time(time, "recorded_from", wrong);
    Start::RecordedFrom(match direction {
        Direction::Forwards => micros_up(time),
        Direction::Backwards => micros(time),
    })
}

/// Notes what is wrong with a time at `path`.
pub(crate) fn check_time(time: &Timestamp, path: &str, wrong: &mut Violations) {
    if !YEARS.contains(&time.seconds) {
        wrong.add(join(path, "seconds"), "is not between the years 1 and 9999");
    }
    if !(0..1_000_000_000).contains(&time.nanos) {
        wrong.add(join(path, "nanos"), "is not between 0 and 999,999,999");
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(found: &Violations) -> Vec<&str> {
        found.0.iter().map(|violation| violation.field.as_str()).collect()
    }

    #[test]
    fn everything_that_is_wrong_with_an_append_is_named_by_its_path() {
        let event = |type_url: &str, tags: &[&str]| proto::NewEvent {
            payload: Some(Any { type_url: type_url.into(), value: bytes::Bytes::new() }),
            tags: tags.iter().map(ToString::to_string).collect(),
            metadata: std::collections::BTreeMap::new(),
        };
        let write = |stream: &str, events| proto::StreamWrite {
            stream: stream.into(),
            expected_revision: None,
            events,
        };
        let request = proto::AppendRequest {
            request_id: "no".into(),
            writes: vec![
                write("nocategory", vec![event("x/demo.A", &["to:DE", "desk:a"])]),
                write("x/a", vec![event("demo.A", &[]), event("x/a..b", &["bad"])]),
                write("x/b", vec![proto::NewEvent::default()]),
            ],
            condition: Some(proto::AppendCondition { fail_if_match: None, after_position: 0 }),
            ..Default::default()
        };
        let found = append(request).unwrap_err();
        let expected = [
            "request_id",
            "writes[0].stream",
            "writes[0].events[0].tags[0]",
            "writes[1].events[0].payload.type_url",
            "writes[1].events[1].tags[0]",
            "writes[1].events[1].payload.type_url",
            "writes[2].events[0].payload",
            "condition.fail_if_match",
        ];
        assert_eq!(fields(&found), expected);
    }

    #[test]
    fn faults_of_payloads_are_reported_beside_those_of_names() {
        use crate::domain::{known::examples, proto::TransferCompleted};
        let sample = examples::completed();
        let bad = TransferCompleted { count: None, ..sample.clone() };
        let event = |message: &TransferCompleted, tags: &[&str]| proto::NewEvent {
            payload: Some(Any::pack(message)),
            tags: tags.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        let write = |stream: &str, events| proto::StreamWrite {
            stream: stream.into(),
            events,
            ..Default::default()
        };
        let writes = vec![
            write("nocategory", vec![event(&bad, &[])]),
            write("exchange/elsewhere", vec![event(&sample, &["to:DE"]), event(&bad, &[])]),
        ];
        let found = append(proto::AppendRequest { writes, ..Default::default() }).unwrap_err();
        let expected = [
            "writes[0].stream",
            "writes[1].events[0].tags[0]",
            "writes[0].events[0].payload.count",
            "writes[1].stream",
            "writes[1].stream",
            "writes[1].events[1].payload.count",
        ];
        assert_eq!(fields(&found), expected);
    }

    #[test]
    fn a_filter_that_says_nothing_is_refused_and_one_without_items_means_all() {
        let check = |items: Vec<proto::FilterItem>, expected: &[&str]| {
            let mut wrong = Violations::default();
            Filter::parse(proto::Filter { items }, "filter", &mut wrong);
            assert_eq!(fields(&wrong), expected);
        };
        let tags = |tags: &[&str]| proto::FilterItem {
            tags: tags.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        check(vec![], &[]);
        check(vec![proto::FilterItem::default()], &["filter.items[0]"]);
        check(vec![tags(&["to:DE"]), tags(&["bad"])], &["filter.items[1].tags[0]"]);
        let many: Vec<String> = (0..65).map(|n| format!("k:{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(vec![tags(&many[..64])], &[]);
        check(vec![tags(&many)], &["filter.items"]);
    }

    #[test]
    fn a_time_is_rounded_the_way_that_a_read_goes_and_refused_if_it_is_none() {
        let read_from = |seconds, nanos, direction: ReadDirection| {
            let start = Some(read_request::Start::RecordedFrom(Timestamp { seconds, nanos }));
            read(proto::ReadRequest { start, direction: direction.into(), ..Default::default() })
        };
        let forwards = read_from(1, 1_001, ReadDirection::Forwards).unwrap();
        assert_eq!(forwards.start, Start::RecordedFrom(1_000_002));
        let backwards = read_from(1, 1_001, ReadDirection::Backwards).unwrap();
        assert_eq!(backwards.start, Start::RecordedFrom(1_000_001));
        for (seconds, nanos, wrong) in [
            (0, -1, "recorded_from.nanos"),
            (0, 1_000_000_000, "recorded_from.nanos"),
            (i64::MAX, 0, "recorded_from.seconds"),
            (i64::MIN, 0, "recorded_from.seconds"),
        ] {
            let found = read_from(seconds, nanos, ReadDirection::Forwards).unwrap_err();
            assert_eq!(fields(&found), [wrong]);
        }
    }

    #[test]
    fn an_unknown_direction_is_refused() {
        let request = proto::ReadRequest { direction: 9, ..Default::default() };
        assert_eq!(fields(&read(request).unwrap_err()), ["direction"]);
    }
}
