//! Mutated requests: they are counted, decoded and converted, or refused, and none makes that
//! panic.

use prost::Message;

use super::*;
use crate::{
    domain::{known::examples, wire::Room},
    fuzz::Fuzz,
};

fn append_of(events: Vec<Any>) -> Vec<u8> {
    let event = |payload| proto::NewEvent {
        payload: Some(payload),
        tags: vec!["desk:demo".into()],
        metadata: [("key".to_owned(), "value".to_owned())].into(),
    };
    let write = proto::StreamWrite {
        stream: "exchange/demo-1".into(),
        expected_revision: Some(3),
        events: events.into_iter().map(event).collect(),
    };
    let request_id = "00000000-0000-4000-8000-000000000001".into();
    let condition = Some(proto::AppendCondition { after_position: 2, ..Default::default() });
    proto::AppendRequest { request_id, writes: vec![write], condition, ..Default::default() }
        .encode_to_vec()
}

/// Counts and decodes a message as the server does.
fn decoded<M: Message + Default + prost::Name>(bytes: &[u8]) -> Result<M, String> {
    let checked = Room::default().check(&M::full_name(), bytes);
    checked.map_err(|wrong| wrong.to_string())?;
    M::decode(bytes).map_err(|error| error.to_string())
}

fn read(input: &[u8]) -> String {
    let Some((sort, bytes)) = input.split_first() else { return String::new() };
    let outcome = match sort % 3 {
        0 => decoded::<proto::AppendRequest>(bytes).map(|request| match append(request) {
            Err(wrong) => wrong.to_string(),
            Ok(append) => format!("append {}", "x".repeat(append.events().count().min(3))),
        }),
        1 => decoded::<proto::ReadRequest>(bytes).map(|request| {
            super::read(request).map_or_else(|wrong| wrong.to_string(), |_| "read".to_owned())
        }),
        _ => decoded::<proto::SubscribeRequest>(bytes).map(|request| {
            subscribe(request).map_or_else(|wrong| wrong.to_string(), |_| "subscribe".to_owned())
        }),
    };
    outcome.unwrap_or_else(|error| error)
}

#[test]
fn no_request_that_was_changed_makes_its_conversion_panic() {
    let events = || examples::all().into_iter().map(|known| known.pack());
    let appends = events().map(|payload| append_of(vec![payload]));
    let all = append_of(events().collect());
    let filter = Some(proto::Filter {
        items: vec![proto::FilterItem { tags: vec!["desk:demo".into()], ..Default::default() }],
    });
    let reading = proto::ReadRequest { filter: filter.clone(), ..Default::default() };
    let following = proto::SubscribeRequest { filter, ..Default::default() };
    let of = |sort: u8, bytes: Vec<u8>| [vec![sort], bytes].concat();
    let seeds = appends
        .chain([all])
        .map(|bytes| of(0, bytes))
        .chain([of(1, reading.encode_to_vec()), of(2, following.encode_to_vec())]);
    Fuzz::of("request", seeds).run(read);
}
