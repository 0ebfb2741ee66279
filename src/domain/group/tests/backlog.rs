//! Streams of which more events wait than are listed.

use super::*;

#[test]
fn a_stream_that_waits_long_holds_up_no_other_and_is_listed_bit_by_bit() {
    let mut work = Work::new(SETTINGS, 0);
    join(&mut work, 1, 1);
    for position in 1..=1_000 {
        work.offer("slow/1", position, seconds(0));
    }
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 1, seconds(0)), [(1, 1)]);
    assert!(work.listed() < 300, "{} are listed", work.listed());
    work.offer("fast/1", 1_001, seconds(0));
    join(&mut work, 2, 1_000);
    work.assign(seconds(0));
    assert_eq!(send(&mut work, 2, seconds(0)), [(1, 1_001)]);
    work.answer(1, 1, Answer::Handled, seconds(0)).unwrap();
    let mut handled = Vec::new();
    while handled.len() < 999 {
        for (stream, after, limit) in work.hungry() {
            let found: Vec<_> = (after + 1..=1_000).take(limit).collect();
            work.feed(&stream, &found, limit, seconds(0));
        }
        work.assign(seconds(0));
        let sent = send(&mut work, 2, seconds(0));
        assert!(!sent.is_empty(), "it goes on after {} events", handled.len());
        for (delivery, position) in sent {
            handled.push(position);
            work.answer(2, delivery, Answer::Handled, seconds(0)).unwrap();
        }
        work.grant(2, 300).expect("what was handled makes room");
    }
    assert_eq!(handled, (2..=1_000).collect::<Vec<_>>());
}

/// Hands out and handles all that is left of a stream of so many events; in which order it came.
fn rest_of(work: &mut Work, id: ConsumerId, count: Position) -> Vec<Position> {
    let mut handled = Vec::new();
    while work.listed() > 0 || !work.hungry().is_empty() {
        for (stream, after, limit) in work.hungry() {
            let found: Vec<_> = (after + 1..=count).take(limit).collect();
            work.feed(&stream, &found, limit, seconds(100));
        }
        work.assign(seconds(100));
        let sent = send(work, id, seconds(100));
        assert!(!sent.is_empty(), "it goes on after {} events", handled.len());
        for (delivery, position) in sent {
            handled.push(position);
            work.answer(id, delivery, Answer::Handled, seconds(100)).unwrap();
            work.grant(id, 1).expect("what was handled makes room");
        }
    }
    handled
}

#[test]
fn without_consumers_few_events_stay_listed_and_none_that_is_finished_comes_again() {
    const COUNT: Position = 1_000;
    let mut work = Work::new(SETTINGS, 0);
    join(&mut work, 1, 100);
    (1..=COUNT).for_each(|position| work.offer("a/1", position, seconds(0)));
    work.assign(seconds(0));
    for (delivery, position) in send(&mut work, 1, seconds(0)).into_iter().take(30) {
        let park = position <= 20;
        let answer = if park { Answer::Park("no".into()) } else { Answer::Handled };
        work.answer(1, delivery, answer, seconds(0)).unwrap();
    }
    work.recorded(20);
    // They are put back: they come before what is finished by now.
    (1..=20).for_each(|position| work.put("a/1", position, 0, seconds(0)));
    let before = work.bytes();
    work.leave(1, false, seconds(0));
    assert!(work.listed() <= 20, "{} are listed", work.listed());
    assert!(work.bytes() < before / 4, "{} of {before} bytes", work.bytes());
    assert_eq!((work.hungry(), work.finished_up_to()), (Vec::new(), 0));
    let checkpoint = work.checkpoint(0);
    let restored = Work::restored(
        SETTINGS,
        &checkpoint,
        checkpoint.unfinished.positions().map(|position| (position, "a/1".to_owned())),
    );
    for mut work in [work, restored] {
        join(&mut work, 2, 500);
        let left: Vec<_> = (1..=20).chain(31..=COUNT).collect();
        assert_eq!(rest_of(&mut work, 2, COUNT), left);
        assert_eq!(work.finished_up_to(), COUNT);
    }
}
