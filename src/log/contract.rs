//! What every journal must do, whatever it is made of.

use std::{sync::Arc, time::Duration};

use bytes::BufMut as _;

use super::{
    ends::EVENT_TAG,
    frame::{AppendEntry, Frame, NewFrame},
    journal::{Journal, JournalError, Outcome, Tip},
    tail::Tail,
    waiting::{self, LONG, repeat},
};

/// Checks all of the contract; `open` makes an empty journal whose frames enter the tail.
pub(crate) fn check_contract(open: impl Fn(Arc<Tail>) -> Arc<dyn Journal>) {
    let open_any = || open(Arc::new(Tail::new(0)));
    frames_are_read_back_in_order(&*open_any());
    a_frame_that_does_not_come_next_is_a_conflict_and_changes_nothing(&*open_any());
    appends_may_be_pipelined_and_each_is_durable_when_it_is_acknowledged(&*open_any());
    a_read_is_bounded_but_never_empty_if_there_is_a_frame(&*open_any());
    a_reader_of_another_history_gets_an_error(&*open_any());
    a_position_is_located_in_its_frame(&*open_any());
    waiting_ends_with_the_frame_or_the_time(&open_any());
    what_is_above_a_release_stays_readable(&*open_any());
    of_racing_appends_exactly_one_has_each_place(&open_any());
    let tail = Arc::new(Tail::new(1 << 20));
    a_frame_is_in_the_tail_before_a_wait_for_it_ends(&open(Arc::clone(&tail)), &tail);
}

/// The frame after `after`: `count` events that `seed` makes different from others, of about `size`
/// bytes each, and one append entry.
pub(crate) fn frame_after(after: Tip, count: u32, size: usize, seed: u64) -> NewFrame {
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
    NewFrame::encode(after, vec![entry], &events).unwrap()
}

/// Appends a frame of `count` events after the tip and returns it with the new tip.
pub(crate) fn append_next(journal: &dyn Journal, count: u32, size: usize) -> (Tip, Frame) {
    let frame = frame_after(journal.tip().unwrap(), count, size, 1);
    let outcome = journal.append(frame.clone()).outcome();
    assert!(matches!(outcome, Outcome::Durable), "{outcome:?}");
    assert_eq!(journal.tip().unwrap(), frame.tip());
    (frame.tip(), frame.into_durable())
}

fn frames_are_read_back_in_order(journal: &dyn Journal) {
    assert_eq!(journal.tip().unwrap(), Tip::default());
    assert_eq!(journal.read(Tip::default(), 100).unwrap(), []);
    let mut tip = Tip::default();
    let mut frames = Vec::new();
    for count in [1, 3, 2] {
        let (next, frame) = append_next(journal, count, 300);
        let check = Frame::check(tip.check, frame.body());
        assert_eq!(next.check, check, "each check covers the one before");
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
    let wrong = [
        Tip::default(),
        Tip { check: !first.check, ..first },
        Tip { position: 3, ..first },
        Tip { index: 2, position: 3, check: 0 },
        Tip { index: 2, ..first },
    ];
    for after in wrong {
        let outcome = journal.append(frame_after(after, 1, 10, 1)).outcome();
        assert!(matches!(outcome, Outcome::Conflict), "{outcome:?} after {after:?}");
        assert_eq!(journal.tip().unwrap(), first);
        let kept = journal.read(Tip::default(), usize::MAX).unwrap();
        assert_eq!(kept, std::slice::from_ref(&frame));
    }
    assert!(matches!(journal.append(next).outcome(), Outcome::Durable));
}

fn appends_may_be_pipelined_and_each_is_durable_when_it_is_acknowledged(journal: &dyn Journal) {
    let mut after = Tip::default();
    let mut acknowledgements = Vec::new();
    for _ in 0..5 {
        let frame = frame_after(after, 1, 10, 1);
        after = frame.tip();
        acknowledgements.push((after, journal.append(frame)));
    }
    for (tip, acknowledgement) in acknowledgements {
        let outcome = acknowledgement.outcome();
        assert!(matches!(outcome, Outcome::Durable), "{outcome:?}");
        assert!(journal.tip().unwrap().index >= tip.index);
    }
    assert_eq!(journal.tip().unwrap(), after);
}

fn a_read_is_bounded_but_never_empty_if_there_is_a_frame(journal: &dyn Journal) {
    let frames: Vec<Frame> = (0..4).map(|_| append_next(journal, 1, 500).1).collect();
    let size = frames[0].body().len();
    for (max_bytes, expected) in [(0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2)] {
        let read = journal.read(Tip::default(), max_bytes).unwrap();
        assert_eq!(read, frames[..expected], "{max_bytes} bytes at most");
    }
}

fn a_reader_of_another_history_gets_an_error(journal: &dyn Journal) {
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
    let waiter = waiting::spawn(move || waiting.wait(start, LONG).unwrap());
    let (tip, _) = append_next(&**journal, 1, 10);
    assert_eq!(waiter.join("a wait for a frame"), tip);
    assert_eq!(journal.wait(start, LONG).unwrap(), tip, "it is beyond already");
}

fn what_is_above_a_release_stays_readable(journal: &dyn Journal) {
    let appended: Vec<_> = (0..40).map(|_| append_next(journal, 1, 3000)).collect();
    for up_to in [10, 10, 11, 25, 39, 40] {
        let (tip, _) = appended[up_to - 1];
        journal.release(tip).unwrap();
        let frames: Vec<Frame> = appended[up_to..].iter().map(|(_, frame)| frame.clone()).collect();
        assert_eq!(journal.read(tip, usize::MAX).unwrap(), frames);
        let kept: usize = frames.iter().map(|frame| frame.body().len()).sum();
        assert_eq!(journal.unreleased_bytes(), kept as u64);
        match journal.read(Tip::default(), 1) {
            Ok(frames) => assert_eq!(frames, [appended[0].1.clone()]),
            Err(JournalError::Released { up_to: released }) => {
                assert!(released <= tip.index);
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
        waiting::spawn(move || {
            let mut won = Vec::new();
            repeat("ten durable frames of a writer", 10_000, || {
                let after = journal.tip().unwrap();
                let frame = frame_after(after, 1, 10, writer);
                match journal.append(frame.clone()).outcome() {
                    Outcome::Durable => won.push(frame.into_durable()),
                    Outcome::Conflict => {}
                    Outcome::Unknown(error) => panic!("{error}"),
                }
                won.len() == 10
            });
            won
        })
    };
    let racers: Vec<_> = (0..3).map(race).collect();
    let won = racers.into_iter().flat_map(|racer| racer.join("a writer of a race"));
    let mut won: Vec<Frame> = won.collect();
    won.sort_by_key(Frame::index);
    assert_eq!(journal.read(Tip::default(), usize::MAX).unwrap(), won);
}

fn a_frame_is_in_the_tail_before_a_wait_for_it_ends(journal: &Arc<dyn Journal>, tail: &Arc<Tail>) {
    const FRAMES: u64 = 200;
    let (waiting, seen) = (Arc::clone(journal), Arc::clone(tail));
    let waiter = waiting::spawn(move || {
        let mut tip = Tip::default();
        while tip.index < FRAMES {
            tip = waiting.wait(tip, LONG).unwrap();
            let frame = seen.frame(tip.index).expect("what has woken finds the frame in the tail");
            assert_eq!(frame.tip(), tip);
        }
    });
    for _ in 0..FRAMES {
        append_next(&**journal, 1, 10);
    }
    waiter.join("waits for frames");
}

mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::log::{
        Hooks, Log, LogSettings,
        files::RealFiles,
        fixtures::{Event, new_frame},
        memory_journal::{MemoryJournal, MemoryJournals},
    };

    #[test]
    fn the_memory_journal_keeps_the_contract() {
        check_contract(|tail| Arc::new(MemoryJournal::with_tail(tail)));
    }

    /// A log on the memory journal, and the positions up to which it has sealed volumes.
    fn open(dir: &std::path::Path, journals: &MemoryJournals) -> (Arc<Log>, mpsc::Receiver<u64>) {
        let (sealed, seals) = mpsc::channel();
        let on_sealed = Box::new(move |position| sealed.send(position).unwrap_or_default());
        let hooks = Hooks { on_sealed, ..Hooks::default() };
        // Every frame is read from the journal or a volume, except the newest.
        let settings = LogSettings { volume_events: 20, tail_bytes: 0, ..LogSettings::default() };
        let log = Log::open_on(dir, &settings, journals, Arc::new(RealFiles), hooks).unwrap();
        (log, seals)
    }

    #[test]
    fn a_log_goes_on_over_any_journal() {
        let (dir, journals) = (tempfile::tempdir().unwrap(), MemoryJournals::default());
        let (mut tip, mut stored) = (Tip::default(), Vec::new());
        for round in 0..3 {
            let (log, seals) = open(dir.path(), &journals);
            assert_eq!(log.tip().unwrap(), tip, "round {round}");
            for _ in 0..15 {
                let frame = new_frame(tip, &[Event::default(), Event::default()]);
                tip = frame.tip();
                stored.extend_from_slice(frame.clone().into_durable().chunk().events());
                assert!(matches!(log.append(frame).outcome(), Outcome::Durable));
            }
            let sealed = seals.recv_timeout(LONG).expect("a volume is sealed");
            assert!(sealed > 0 && sealed <= tip.position, "{sealed} of {}", tip.position);
            let encoded = log.page(1, tip.position, 1 << 20).unwrap();
            assert_eq!((encoded.last, &encoded.events[..]), (tip.position, &stored[..]));
            log.close().unwrap();
        }
    }
}
