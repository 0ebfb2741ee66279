//! How often an event counts as tried, and when it is parked.

use std::collections::BTreeSet;

use super::*;

#[test]
fn how_often_an_event_was_tried_is_recorded_however_that_was_found() {
    let mut work = work(&["a/1", "b/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.recorded(0);
    work.answer(1, 1, Answer::Retry("no".into()), seconds(0)).unwrap();
    assert!(work.changed(), "the consumer has said so");
    assert_eq!(unfinished(&work, 0), [(1, 1), (2, 0)]);
    work.recorded(0);
    work.expire(seconds(10));
    assert!(work.changed(), "its lease has ended");
    assert_eq!(unfinished(&work, 0), [(1, 1), (2, 1)]);
}

#[test]
fn an_event_that_fails_too_often_is_parked_and_what_is_behind_it_goes_on() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 100);
    let mut delivery = 0;
    for attempt in 0..SETTINGS.max_attempts {
        work.expire(seconds(100 * u64::from(attempt)));
        work.assign(seconds(100 * u64::from(attempt)));
        let now = seconds(100 * u64::from(attempt));
        let sent = send(&mut work, 1, now);
        assert_eq!(sent[0].1, 1);
        delivery = sent[0].0;
        work.answer(1, delivery, Answer::Retry("bad".into()), now).unwrap();
    }
    assert_eq!(parks(&work), [(1, 3)]);
    assert_eq!(
        (work.parks()[0].reason.as_str(), work.parks()[0].consumer.as_str()),
        ("bad", "consumer 1")
    );
    work.answer(1, delivery + 1, Answer::Handled, seconds(300)).unwrap();
    assert_eq!(work.listed(), 0);
    // Not recorded as parked yet, so still unfinished.
    assert_eq!(unfinished(&work, 0), [(1, 3)]);
    assert_eq!(unfinished(&work, 1), []);
    work.recorded(1);
    assert!(!work.changed());
}

#[test]
fn a_lease_that_ends_is_a_try_and_goes_to_others_and_each_answer_renews_it() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 2);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 2);
    work.answer(1, 1, Answer::Handled, seconds(9)).unwrap();
    work.expire(seconds(18));
    assert!(work.take_withdrawn(1).is_empty(), "the answer renewed the lease");
    join(&mut work, 2, 10);
    work.expire(seconds(19));
    work.assign(seconds(19));
    assert_eq!(work.take_withdrawn(1), [2]);
    let attempts: Vec<_> = work.outgoing(2).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, [(2, 1)]);
}

#[test]
fn of_a_consumer_whose_call_breaks_only_the_oldest_event_counts_as_tried() {
    let mut work = work(&["a/1", "b/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.leave(1, true, seconds(1));
    join(&mut work, 2, 10);
    work.assign(seconds(1));
    let attempts: BTreeSet<_> = work.outgoing(2).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, BTreeSet::from([(1, 1), (2, 0)]));
    work.leave(2, false, seconds(2));
    join(&mut work, 3, 10);
    work.assign(seconds(2));
    let attempts: BTreeSet<_> = work.outgoing(3).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, BTreeSet::from([(1, 1), (2, 0)]), "leaving in order is no failure");
}

/// What is parked by an answer that comes after so many requests for another try.
fn parked_after(retries: u32) -> Vec<(Position, u32)> {
    let mut work = work(&["a/1"]);
    join(&mut work, 1, 10);
    for retry in 0..=retries {
        let now = seconds(100 * u64::from(retry));
        work.expire(now);
        work.assign(now);
        let delivery = send(&mut work, 1, now)[0].0;
        let (no, aside) = (Answer::Retry("no".into()), Answer::Park("aside".into()));
        work.answer(1, delivery, if retry < retries { no } else { aside }, now).unwrap();
    }
    parks(&work)
}

#[test]
fn what_an_answer_parks_counts_the_try_that_the_answer_ends() {
    assert_eq!(parked_after(0), [(1, 1)]);
    assert_eq!(parked_after(2), [(1, 3)]);
}

#[test]
fn an_answer_that_parks_and_waits_for_an_earlier_one_is_a_try_of_what_comes_again() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.recorded(0);
    work.answer(1, 2, Answer::Park("aside".into()), seconds(0)).unwrap();
    assert!(work.changed() && parks(&work).is_empty(), "the first is not answered");
    work.answer(1, 1, Answer::Retry("no".into()), seconds(0)).unwrap();
    assert_eq!(unfinished(&work, 0), [(1, 1), (2, 1)]);
}

#[test]
fn a_late_answer_that_parks_counts_one_try_whether_the_lease_counted_it_or_not() {
    let mut work = work(&["a/1", "a/1"]);
    join(&mut work, 1, 2);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.expire(seconds(10));
    // The first was tried when the lease ended. The second waited.
    assert_eq!(unfinished(&work, 0), [(1, 1), (2, 0)]);
    for delivery in [1, 2] {
        work.answer(1, delivery, Answer::Park("aside".into()), seconds(11)).unwrap();
    }
    assert_eq!(parks(&work), [(1, 1), (2, 1)]);
}
