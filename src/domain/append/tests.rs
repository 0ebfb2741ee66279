use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    event::{Condition, NewEvent, RequestId, Write},
    filter::FilterItem,
    name::{StreamName, Tag, TypeName},
};

const DIGEST: Digest = [1; 16];

fn write(stream: &str, expected: Option<Revision>, tags: &[&str]) -> Write {
    let event = NewEvent {
        type_url: "x/demo.Type".into(),
        type_name: TypeName::parse("demo.Type").unwrap(),
        payload: bytes::Bytes::new(),
        tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
        metadata: BTreeMap::new(),
    };
    let stream = StreamName::parse(stream).unwrap();
    Write { stream, expected_revision: expected, events: vec![event] }
}

fn append(writes: Vec<Write>) -> Append {
    Append { request_id: None, writes, condition: None, recorded_by: None }
}

fn tagged(tag: &str) -> Filter {
    let tags = vec![Tag::parse(tag).unwrap()];
    Filter::new(vec![FilterItem { tags, ..FilterItem::default() }]).unwrap()
}

fn resolved(as_of: Position, revisions: &[Revision]) -> Resolved {
    Resolved { as_of, revisions: revisions.to_vec(), ..Resolved::default() }
}

/// A window on a log of ten events, with one more event in `x/a`, its fourth.
fn window() -> Window {
    let mut window = Window::new(10);
    let mut earlier = append(vec![write("x/a", None, &["desk:one"])]);
    earlier.request_id = Some([7; 16]);
    window.push(&earlier, &[3], DIGEST);
    window
}

#[test]
fn an_expected_revision_is_compared_with_what_came_after_the_lookup() {
    let check = |expected: Option<Revision>, accepted: bool| {
        let append = append(vec![write("x/a", expected, &[])]);
        let decision = decide(&append, DIGEST, &resolved(10, &[3]), &window());
        assert_eq!(decision == Decision::Accept(vec![4]), accepted, "{expected:?}: {decision:?}");
    };
    check(None, true);
    check(Some(4), true);
    for stale in [0, 3, 5] {
        check(Some(stale), false);
    }
}

#[test]
fn every_violated_check_is_reported_with_expected_and_actual() {
    let mut append = append(vec![write("x/a", Some(3), &[]), write("x/b", Some(2), &[])]);
    append.condition = Some(Condition { filter: tagged("desk:one"), after_position: 5 });
    let decision = decide(&append, DIGEST, &resolved(10, &[3, 0]), &window());
    let conflict = |stream: &str, expected, actual| RevisionConflict {
        stream: stream.into(),
        expected,
        actual,
    };
    let expected = Conflict {
        revisions: vec![conflict("x/a", 3, 4), conflict("x/b", 2, 0)],
        condition: Some(ConditionConflict { after: 5, conflicting: 11 }),
    };
    assert_eq!(decision, Decision::Refuse(expected));
}

#[test]
fn a_condition_counts_only_events_after_its_position() {
    let check = |after_position, looked_up, conflicting: Option<Position>| {
        let mut append = append(vec![write("x/b", None, &[])]);
        append.condition = Some(Condition { filter: tagged("desk:one"), after_position });
        let resolved = Resolved { condition: looked_up, ..resolved(10, &[0]) };
        match decide(&append, DIGEST, &resolved, &window()) {
            Decision::Accept(_) => assert_eq!(conflicting, None),
            Decision::Refuse(conflict) => {
                assert_eq!(conflict.condition.map(|c| c.conflicting), conflicting);
            }
            other @ (Decision::Repeat(_) | Decision::Reused(_) | Decision::Stale) => {
                panic!("{other:?}")
            }
        }
    };
    check(11, None, None);
    check(10, None, Some(11));
    check(0, Some(4), Some(11));
}

#[test]
fn each_stream_has_its_events_more_after_an_append() {
    let mut append = append(vec![write("x/a", None, &[]), write("x/b", Some(0), &[])]);
    let events = &mut append.writes[1].events;
    events.push(events[0].clone());
    let after = revisions_after(&append, &[7, 0]);
    assert_eq!(after, BTreeMap::from([("x/a".to_owned(), 8), ("x/b".to_owned(), 2)]));
}

#[test]
fn a_request_id_is_looked_at_before_everything_else() {
    let mut again = append(vec![write("x/a", Some(99), &[])]);
    again.request_id = Some([7; 16]);
    let first = Remembered { digest: DIGEST, first_position: 11, count: 1 };
    let outcome = |digest| decide(&again, digest, &resolved(10, &[3]), &window());
    assert_eq!(outcome(DIGEST), Decision::Repeat(first));
    assert_eq!(outcome([2; 16]), Decision::Reused(first));
}

#[test]
fn a_lookup_older_than_the_window_is_stale() {
    let append = append(vec![write("x/b", None, &[])]);
    assert_eq!(decide(&append, DIGEST, &resolved(9, &[0]), &window()), Decision::Stale);
}

#[test]
fn an_event_that_breaks_an_assumption_makes_the_lookup_stale() {
    let append = append(vec![write("x/b", None, &[])]);
    let check = |as_of, stale: bool| {
        let resolved = Resolved { assumes_no: Some(tagged("desk:one")), ..resolved(as_of, &[0]) };
        let decision = decide(&append, DIGEST, &resolved, &window());
        assert_eq!(decision == Decision::Stale, stale, "as of {as_of}");
    };
    check(10, true);
    check(11, false);
}

#[test]
fn the_window_forgets_what_the_index_answers_for() {
    let mut window = window();
    window.trim(11);
    assert!(window.covers(11) && !window.covers(10));
    assert_eq!(window.revision(&StreamName::parse("x/a").unwrap()), None);
    assert_eq!(window.request(&RequestId::from([7; 16])), None);
    assert_eq!(window.head(), 11);
}

/// Four appends to two streams on a log of ten events; each event with its stream and its tag, and
/// each request with what is remembered of it.
type Recent = (Window, Vec<(&'static str, &'static str)>, Vec<(RequestId, Remembered)>);

fn recent() -> Recent {
    let (mut window, mut log, mut requests) = (Window::new(10), Vec::new(), Vec::new());
    let appends =
        [("x/a", "desk:one", 1), ("x/b", "desk:one", 2), ("x/a", "desk:two", 1), ("x/b", "x:y", 3)];
    for (id, (stream, tag, count)) in (0..).map(|id| [id; 16]).zip(appends) {
        let mut append = append(vec![write(stream, None, &[tag])]);
        append.request_id = Some(id);
        let events = &mut append.writes[0].events;
        events.extend(vec![events[0].clone(); count - 1]);
        let before = log.iter().filter(|(other, _)| *other == stream).count() as u64;
        let (first_position, size) = (window.head() + 1, u32::try_from(count).unwrap());
        requests.push((id, Remembered { digest: DIGEST, first_position, count: size }));
        window.push(&append, &[before], DIGEST);
        log.extend(vec![(stream, tag); count]);
    }
    (window, log, requests)
}

#[test]
fn wherever_it_was_trimmed_a_window_knows_what_a_list_of_the_rest_knows() {
    for floor in 10..=17_u64 {
        let (mut window, log, requests) = recent();
        window.trim(floor);
        assert_eq!(window.head(), 17, "{floor}");
        assert!(window.covers(floor) && !window.covers(floor - 1), "{floor}");
        let last = |found: &dyn Fn(&(&str, &str)) -> bool, after| {
            let at = log.iter().rposition(found).map(|at| at as u64 + 11);
            at.filter(|position| *position > after)
        };
        for stream in ["x/a", "x/b"] {
            let all = log.iter().filter(|(other, _)| *other == stream).count() as u64;
            let wanted = last(&|event| event.0 == stream, floor).map(|_| all);
            let found = window.revision(&StreamName::parse(stream).unwrap());
            assert_eq!(found, wanted, "{stream} after {floor}");
        }
        for tag in ["desk:one", "desk:two", "x:y"] {
            for after in floor..=18 {
                let wanted = last(&|event| event.1 == tag, after);
                assert_eq!(window.last_match(&tagged(tag), after), wanted, "{tag} after {after}");
            }
        }
        for (id, remembered) in requests {
            let wanted = Some(remembered).filter(|it| it.first_position > floor);
            assert_eq!(window.request(&id), wanted, "a request after {floor}");
        }
    }
}

proptest! {
    /// Against a list of everything ever appended: whatever the window has forgotten, the decision
    /// is the one that full knowledge gives.
    #[test]
    fn decisions_equal_those_of_a_store_that_knows_all(
        ops in prop::collection::vec((0..3_u8, prop::option::of(0..6_u64), 0..4_u64), 1..60),
    ) {
        let mut window = Window::new(0);
        let mut log: Vec<StreamName> = Vec::new();
        for (stream, expected, lag) in ops {
            let append = append(vec![write(&format!("x/{stream}"), expected, &[])]);
            let name = append.writes[0].stream.clone();
            let count = |upto: usize| log[..upto].iter().filter(|s| **s == name).count() as u64;
            let head = log.len() as u64;
            let as_of = head.saturating_sub(lag);
            let lookup = resolved(as_of, &[count(usize::try_from(as_of).unwrap())]);
            let actual = count(log.len());
            let wanted = expected.is_none_or(|expected| expected == actual);
            match decide(&append, DIGEST, &lookup, &window) {
                Decision::Accept(before) => {
                    prop_assert!(wanted);
                    prop_assert_eq!(&before, &vec![actual]);
                    window.push(&append, &before, DIGEST);
                    log.push(name);
                    prop_assert_eq!(window.head(), log.len() as u64);
                }
                Decision::Refuse(_) => prop_assert!(!wanted),
                Decision::Stale => prop_assert!(!window.covers(as_of)),
                other @ (Decision::Repeat(_) | Decision::Reused(_)) => {
                    prop_assert!(false, "{:?}", other);
                }
            }
            window.trim(head.saturating_sub(2));
        }
    }
}
