//! Which consumer gets which event: one stream is with one consumer, in order, within the credit.

use super::*;

#[test]
fn a_stream_is_with_one_consumer_at_a_time_and_in_order() {
    let mut work = work(&["a/1", "a/1", "b/1"]);
    join(&mut work, 1, 2);
    join(&mut work, 2, 10);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1), (2, 2)]);
    assert_eq!(send(&mut work, 2, seconds(0)), [(1, 3)]);
    work.offer("a/1", 4, seconds(0));
    work.answer(1, 1, Answer::Handled, seconds(0)).unwrap();
    work.assign(seconds(0));
    assert!(send(&mut work, 2, seconds(0)).is_empty(), "the stream is still with the first");
    work.answer(1, 2, Answer::Handled, seconds(0)).unwrap();
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 2, seconds(0)), [(2, 4)]);
    assert_eq!(work.finished_up_to(), 2);
}

#[test]
fn what_is_tried_again_rests_and_comes_before_what_is_later_in_its_stream() {
    let mut work = work(&["a/1", "a/1", "b/1"]);
    join(&mut work, 1, 10);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1), (2, 2), (3, 3)]);
    // The second was handled too early: the first is tried again, and then so is the second.
    work.answer(1, 2, Answer::Handled, seconds(0)).unwrap();
    work.answer(1, 1, Answer::Retry("no".into()), seconds(0)).unwrap();
    work.answer(1, 3, Answer::Handled, seconds(0)).unwrap();
    assert!(work.take_withdrawn(1).is_empty(), "both were answered");
    work.assign(seconds(0));
    assert!(send(&mut work, 1, seconds(0)).is_empty(), "it rests");
    assert_eq!((work.resting(seconds(0)), work.next_moment()), (1, Some(seconds(1))));
    work.expire(seconds(1));
    work.assign(seconds(1));
    let attempts: Vec<_> = work.outgoing(1).map(|it| (it.position, it.attempts)).collect();
    assert_eq!(attempts, [(1, 1), (2, 0)]);
}

#[test]
fn what_was_not_answered_is_withdrawn_with_what_is_tried_again_before_it() {
    let mut work = work(&["a/1", "a/1", "a/1"]);
    join(&mut work, 1, 3);
    work.assign(seconds(0));
    send(&mut work, 1, seconds(0));
    work.answer(1, 2, Answer::Retry("no".into()), seconds(0)).unwrap();
    assert_eq!(work.take_withdrawn(1), [3]);
    work.answer(1, 3, Answer::Handled, seconds(0)).expect("it comes late and is passed over");
    work.answer(1, 1, Answer::Handled, seconds(0)).unwrap();
    assert_eq!((work.finished_up_to(), work.listed()), (1, 2));
    assert_eq!(work.answer(1, 4, Answer::Handled, seconds(0)), Err(NeverDelivered(4)));
    assert_eq!(work.answer(1, 0, Answer::Skip, seconds(0)), Err(NeverDelivered(0)));
}

#[test]
fn credit_is_never_exceeded_and_bounded() {
    let mut work = work(&["a/1", "a/1", "b/1", "c/1"]);
    join(&mut work, 1, 2);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 2);
    assert!(!work.has_credit());
    let limit = limits::CONSUMER_CREDIT as u64;
    for too_much in [limit - 1, limit, u64::from(u32::MAX) + 1, u64::MAX] {
        assert_eq!(work.grant(1, too_much), None, "{too_much}");
    }
    work.grant(1, limit - 2).expect("up to the limit");
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)).len(), 2);
}
