//! The index against a plain list of events.

use super::*;
use crate::{
    domain::{
        filter::{self, Filter, FilterItem},
        name::{Category, StreamName, Tag, TypeName},
    },
    log::{
        fixtures::{Event, Random, Revisions, frame, tip_after},
        journal::Tip,
    },
};

fn empty() -> Index {
    Index::new(&[5; 16])
}

fn ask(index: &Index) -> Lookup<'_> {
    index.lookup(Patience::Disk)
}

/// A random log and its index.
fn random_log(random: &mut Random, frames: usize) -> (Index, Vec<Event>) {
    let (index, mut events, mut tip, mut time) = (empty(), Vec::new(), Tip::default(), 0);
    let mut revisions = Revisions::default();
    for _ in 0..frames {
        let mut batch: Vec<_> = (0..=random.below(4))
            .map(|_| {
                time += i64::try_from(random.below(3)).unwrap();
                Event { recorded_at: time, ..Event::random(random, 5) }
            })
            .collect();
        revisions.number(&mut batch);
        let next = frame(tip, &batch);
        tip = tip_after(tip, &next);
        index.apply(&next).unwrap();
        events.extend(batch);
    }
    (index, events)
}

fn some<T>(random: &mut Random, of: usize, make: impl Fn(usize) -> T) -> Vec<T> {
    (0..of).filter(|_| random.below(5) == 0).map(make).collect()
}

/// A filter over names of which some occur and some do not.
fn random_filter(random: &mut Random) -> Filter {
    let items = (0..random.below(4)).map(|_| FilterItem {
        streams: some(random, 9, |n| StreamName::parse(&format!("c{}/s{}", n % 3, n)).unwrap()),
        categories: some(random, 4, |n| Category::parse(&format!("c{n}")).unwrap()),
        types: some(random, 4, |n| TypeName::parse(&format!("test.v1.T{n}")).unwrap()),
        tags: some(random, 5, |n| Tag::parse(&format!("k:{n}")).unwrap()),
    });
    Filter::new(items.filter(|item| *item != FilterItem::default()).collect()).unwrap()
}

fn labels(event: &Event) -> filter::Labels {
    filter::Labels {
        stream: StreamName::parse(&event.stream).unwrap(),
        type_name: TypeName::parse(&event.type_name).unwrap(),
        tags: event.tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
    }
}

/// The positions of the span that match, by looking at every event.
fn brute_force(events: &[Event], filter: &Filter, span: Span) -> Vec<Position> {
    (1..)
        .zip(events)
        .filter(|(position, event)| {
            span.after < *position && *position <= span.up_to && filter.matches(&labels(event))
        })
        .map(|(position, _)| position)
        .collect()
}

#[test]
fn matches_are_those_of_a_look_at_every_event() {
    let mut random = Random::new();
    let (index, events) = random_log(&mut random, 150);
    let mut found = 0;
    for _ in 0..600 {
        let filter = random_filter(&mut random);
        let end = events.len() + 5;
        let (a, b) = (random.below(end) as u64, random.below(end) as u64);
        let span = Span { after: a.min(b), up_to: a.max(b) };
        let mut expected = brute_force(&events, &filter, span);
        found += expected.len();
        let limit = 1 + random.below(40);
        let all = ask(&index).matches(&filter, span, Direction::Forwards, usize::MAX).unwrap();
        assert_eq!(all, expected, "{filter:?} in {span:?}");
        let some = ask(&index).matches(&filter, span, Direction::Forwards, limit).unwrap();
        assert_eq!(some[..], expected[..limit.min(expected.len())]);
        let whole = brute_force(&events, &filter, Span { up_to: u64::MAX, ..span });
        assert_eq!(ask(&index).last_match(&filter, span.after), Ok(whole.last().copied()));
        expected.reverse();
        let back = ask(&index).matches(&filter, span, Direction::Backwards, limit).unwrap();
        assert_eq!(back[..], expected[..limit.min(expected.len())], "{filter:?} in {span:?}");
    }
    assert!(found > 1000, "the filters match too little to prove anything: {found}");
}

#[test]
fn a_revision_is_the_rank_in_the_stream() {
    let mut random = Random::new();
    let (index, events) = random_log(&mut random, 60);
    for name in ["c0/s0", "c1/s2", "c2/s3", "c9/s9"] {
        let stream = StreamName::parse(name).unwrap();
        let positions: Vec<u64> = (1..)
            .zip(&events)
            .filter(|(_, event)| event.stream == name)
            .map(|(position, _)| position)
            .collect();
        assert_eq!(ask(&index).revision(&stream), Ok(positions.len() as u64));
        for (revision, position) in (1..).zip(&positions) {
            assert_eq!(ask(&index).position_of_revision(&stream, revision), Ok(Some(*position)));
        }
        assert_eq!(ask(&index).position_of_revision(&stream, 0), Ok(None));
        let beyond = positions.len() as u64 + 1;
        assert_eq!(ask(&index).position_of_revision(&stream, beyond), Ok(None));
    }
}

#[test]
fn a_time_leads_to_the_first_event_recorded_then_or_later() {
    let mut random = Random::new();
    let (index, events) = random_log(&mut random, 60);
    let last = events.last().unwrap().recorded_at;
    for time in -1..=last + 2 {
        let before = events.iter().filter(|event| event.recorded_at < time).count();
        assert_eq!(ask(&index).position_at(time), Ok(before as u64), "time {time}");
    }
    for (position, event) in (1..).zip(&events) {
        assert_eq!(ask(&index).recorded_at(position), Ok(Some(event.recorded_at)));
    }
    for outside in [0, events.len() as u64 + 1] {
        assert_eq!(ask(&index).recorded_at(outside), Ok(None));
    }
    assert_eq!(ask(&empty()).position_at(5).unwrap(), 0);
}

#[test]
fn an_append_is_found_by_its_request_id() {
    let index = empty();
    let first = frame(Tip::default(), &[Event::default()]);
    index.apply(&first).unwrap();
    let [entry] = first.appends[..] else { panic!("it has one append") };
    assert_eq!(ask(&index).request(&entry.request_id), Ok(Some(entry.first_position)));
    assert_eq!(ask(&index).request(&[9; 16]), Ok(None));
}

#[test]
fn a_frame_that_does_not_follow_or_is_malformed_changes_nothing() {
    let index = empty();
    let first = frame(Tip::default(), &[Event::default()]);
    index.apply(&first).unwrap();
    let after = tip_after(Tip::default(), &first);
    let mut wrong_place = frame(after, &[Event::default(), Event::default()]);
    wrong_place.events = first.events.clone();
    let mut garbage = frame(after, &[Event::default()]);
    garbage.events = vec![10, 2, 0xFF, 0xFF].into();
    for bad in [first.clone(), wrong_place, garbage] {
        index.apply(&bad).unwrap_err();
        assert_eq!(index.watermark(), 1);
    }
    index.apply(&frame(after, &[Event::default()])).unwrap();
}
