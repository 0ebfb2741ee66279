//! What every journal must do, whatever it is made of.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use bytes::{BufMut as _, Bytes};

use super::{
    frame::{AppendEntry, EVENT_TAG, Frame},
    journal::{Journal, JournalError, Outcome, Tip},
};

/// Long enough never to run out in a test that works.
const LONG: Duration = Duration::from_mins(1);

/// Checks all of the contract; `open` makes an empty journal.
pub(crate) fn check_contract(open: impl Fn() -> Arc<dyn Journal>) {
    frames_are_read_back_in_order(&*open());
    a_frame_that_does_not_come_next_is_a_conflict_and_changes_nothing(&*open());
    outcomes_are_told_in_the_order_of_the_appends(&*open());
    a_read_is_bounded_but_never_empty_if_there_is_a_frame(&*open());
    a_reader_of_another_history_is_told(&*open());
    a_position_is_located_in_its_frame(&*open());
    waiting_ends_with_the_frame_or_the_time(&open());
    what_is_above_a_release_stays_readable(&*open());
    of_racing_appends_exactly_one_has_each_place(&open());
}

/// The frame after `after`: `count` events that `seed` makes different from others, of about `size`
/// bytes each, and one append entry.
pub(crate) fn frame_after(after: Tip, count: u32, size: usize, seed: u64) -> Frame {
    let first_position = after.position + 1;
    let mut events = Vec::new();
    for event in 0..u64::from(count) {
        let text = format!("{seed}/{}/", first_position + event);
        let payload: Vec<u8> = text.bytes().cycle().take(size.max(text.len())).collect();
        events.put_u8(EVENT_TAG);
        prost::encoding::encode_varint(payload.len() as u64, &mut events);
        events.put_slice(&payload);
    }
    let entry = AppendEntry { request_id: [7; 16], digest: [9; 16], first_position, count };
    let appends = vec![entry];
    let events = Bytes::from(events);
    Frame { index: after.index + 1, first_position, count, appends, events }
}

/// Appends and tells the outcome.
pub(crate) fn append(journal: &dyn Journal, after: Tip, frame: Frame) -> Outcome {
    let (tell, told) = mpsc::sync_channel(1);
    journal.append(after, frame, Box::new(move |outcome| tell.send(outcome).unwrap()));
    told.recv_timeout(LONG).expect("every append is answered")
}

/// Appends a frame of `count` events after the tip and returns it with the new tip.
pub(crate) fn append_next(journal: &dyn Journal, count: u32, size: usize) -> (Tip, Frame) {
    let after = journal.tip().unwrap();
    let frame = frame_after(after, count, size, 1);
    let outcome = append(journal, after, frame.clone());
    assert!(matches!(outcome, Outcome::Durable), "{outcome:?}");
    (journal.tip().unwrap(), frame)
}

fn frames_are_read_back_in_order(journal: &dyn Journal) {
    assert_eq!(journal.tip().unwrap(), Tip::default());
    assert_eq!(journal.read(Tip::default(), 100).unwrap(), []);
    let mut tip = Tip::default();
    let mut frames = Vec::new();
    for count in [1, 3, 2] {
        let (next, frame) = append_next(journal, count, 300);
        let check = Frame::check(tip.check, &frame.encode());
        assert_eq!(next, Tip::after(&frame, check), "each check covers the one before");
        tip = next;
        frames.push(frame);
    }
    assert_eq!((tip.index, tip.position), (3, 6));
    assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), frames);
    assert_eq!(journal.read(tip, usize::MAX).unwrap(), []);
}

fn a_frame_that_does_not_come_next_is_a_conflict_and_changes_nothing(journal: &dyn Journal) {
    let (first, frame) = append_next(journal, 2, 10);
    let next = frame_after(first, 1, 10, 1);
    let other_check = Tip { check: !first.check, ..first };
    let ahead = Tip { index: 2, position: 3, check: 0 };
    let unfit = [
        (Tip::default(), frame.clone()),
        (Tip::default(), next.clone()),
        (other_check, next.clone()),
        (ahead, frame_after(ahead, 1, 10, 1)),
        (first, Frame { index: 3, ..next.clone() }),
        (first, Frame { first_position: 4, ..next.clone() }),
        (first, Frame { count: 0, events: Bytes::new(), ..next.clone() }),
    ];
    for (after, unfit) in unfit {
        let outcome = append(journal, after, unfit.clone());
        assert!(matches!(outcome, Outcome::Conflict), "{outcome:?} for {unfit:?} after {after:?}");
        assert_eq!(journal.tip().unwrap(), first);
        let kept = journal.read(Tip::default(), usize::MAX).unwrap();
        assert_eq!(kept, std::slice::from_ref(&frame));
    }
    assert!(matches!(append(journal, first, next), Outcome::Durable));
}

fn outcomes_are_told_in_the_order_of_the_appends(journal: &dyn Journal) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut after = Tip::default();
    for index in 1..=5 {
        let frame = frame_after(after, 1, 10, 1);
        let check = Frame::check(after.check, &frame.encode());
        let told = Arc::clone(&told);
        let done = move |outcome| told.lock().unwrap().push((index, outcome));
        journal.append(after, frame.clone(), Box::new(done));
        after = Tip::after(&frame, check);
    }
    while journal.wait(Tip { index: 4, ..after }, LONG).unwrap().index < 5 {}
    let told = told.lock().unwrap();
    assert_eq!(told.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(told.iter().all(|(_, outcome)| matches!(outcome, Outcome::Durable)), "{told:?}");
}

fn a_read_is_bounded_but_never_empty_if_there_is_a_frame(journal: &dyn Journal) {
    let frames: Vec<Frame> = (0..4).map(|_| append_next(journal, 1, 500).1).collect();
    let size = frames[0].encode().len();
    for (max_bytes, expected) in [(0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2)] {
        let read = journal.read(Tip::default(), max_bytes).unwrap();
        assert_eq!(read, frames[..expected], "{max_bytes} bytes at most");
    }
}

fn a_reader_of_another_history_is_told(journal: &dyn Journal) {
    let (first, _) = append_next(journal, 2, 10);
    append_next(journal, 2, 10);
    for wrong in [Tip { check: !first.check, ..first }, Tip { position: 1, ..first }] {
        let read = journal.read(wrong, 100);
        assert!(matches!(read, Err(JournalError::Damaged { .. })), "{read:?}");
    }
    assert_eq!(journal.read(Tip { index: 9, ..first }, 100).unwrap(), [], "not there yet");
}

fn a_position_is_located_in_its_frame(journal: &dyn Journal) {
    assert_eq!(journal.locate(1), None);
    let (first, _) = append_next(journal, 2, 10);
    append_next(journal, 3, 10);
    assert_eq!(journal.locate(0), None);
    for (position, expected) in [(1, Tip::default()), (2, Tip::default()), (3, first), (5, first)] {
        assert_eq!(journal.locate(position), Some(expected), "position {position}");
    }
    assert_eq!(journal.locate(6), None);
}

fn waiting_ends_with_the_frame_or_the_time(journal: &Arc<dyn Journal>) {
    let start = Tip::default();
    assert_eq!(journal.wait(start, Duration::ZERO).unwrap(), start);
    let waiting = Arc::clone(journal);
    let waiter = thread::spawn(move || waiting.wait(start, LONG).unwrap());
    let (tip, _) = append_next(&**journal, 1, 10);
    assert_eq!(waiter.join().unwrap(), tip);
    assert_eq!(journal.wait(start, LONG).unwrap(), tip, "it is beyond already");
}

fn what_is_above_a_release_stays_readable(journal: &dyn Journal) {
    let appended: Vec<_> = (0..40).map(|_| append_next(journal, 1, 3000)).collect();
    for up_to in [10, 10, 11, 25, 39, 40] {
        let (tip, _) = appended[up_to - 1];
        journal.release(tip).unwrap();
        let frames: Vec<Frame> = appended[up_to..].iter().map(|(_, frame)| frame.clone()).collect();
        assert_eq!(journal.read(tip, usize::MAX).unwrap(), frames);
        let kept: usize = frames.iter().map(|frame| frame.encode().len()).sum();
        assert_eq!(journal.unreleased_bytes(), kept as u64);
        match journal.read(Tip::default(), 1) {
            Ok(frames) => assert_eq!(frames, [appended[0].1.clone()]),
            Err(JournalError::Released { up_to: told }) => {
                assert!(told <= tip.index);
                assert_eq!(journal.locate(1), None);
            }
            Err(other) => panic!("{other}"),
        }
    }
    let (tip, _) = append_next(journal, 1, 10);
    assert_eq!(tip.index, 41);
}

fn of_racing_appends_exactly_one_has_each_place(journal: &Arc<dyn Journal>) {
    let race = |writer: u64| {
        let journal = Arc::clone(journal);
        thread::spawn(move || {
            let mut won = Vec::new();
            while won.len() < 10 {
                let after = journal.tip().unwrap();
                let frame = frame_after(after, 1, 10, writer);
                match append(&*journal, after, frame.clone()) {
                    Outcome::Durable => won.push(frame),
                    Outcome::Conflict => {}
                    Outcome::Unknown(error) => panic!("{error}"),
                }
            }
            won
        })
    };
    let racers: Vec<_> = (0..3).map(race).collect();
    let mut won: Vec<Frame> = racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect();
    won.sort_by_key(|frame| frame.index);
    assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), won);
}

mod tests {
    use super::*;
    use crate::log::memory_journal::MemoryJournal;

    #[test]
    fn the_memory_journal_keeps_the_contract() {
        check_contract(|| Arc::new(MemoryJournal::default()));
    }
}
