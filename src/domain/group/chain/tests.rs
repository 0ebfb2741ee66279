//! Whatever is recorded, and wherever the log ends, what is read back is what was recorded last;
//! and its bytes are in proportion to what has changed.

use std::sync::Arc;

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;

/// A checkpoint of a group with so many events that rest, each tried once.
fn resting(count: u64) -> Checkpoint {
    // Every other event was finished.
    let unfinished = (1..=count).map(|number| (1_000_000 + 2 * number, 1)).collect();
    Checkpoint { position: 1_000_000 + 2 * count, unfinished, ..Checkpoint::default() }
}

fn bytes(entries: &[Entry]) -> usize {
    let bytes = |entry: &Entry| match entry {
        Entry::Whole(whole) => whole.encoded_len(),
        Entry::Changes(changes) => changes.encoded_len(),
    };
    entries.iter().map(bytes).sum()
}

/// Records that the group is this far; the entries.
fn record(chain: &mut Chain, now: &Checkpoint) -> Vec<Entry> {
    let entries = chain.entries(now);
    chain.recorded(now.clone(), &entries);
    entries
}

/// What a start finds in a log: the last whole checkpoint, and what comes after it.
fn read_back<'a>(log: impl Iterator<Item = &'a Entry>) -> Chain {
    let log: Vec<_> = log.collect();
    let whole = log.iter().rposition(|entry| matches!(entry, Entry::Whole(_))).unwrap_or(0);
    let mut chain = Chain::begun(0);
    log[whole..].iter().for_each(|entry| chain.read(entry));
    chain
}

#[test]
fn one_answer_takes_few_bytes_however_many_events_rest() {
    for count in [10_000, 60_000] {
        let (mut chain, mut now) = (Chain::begun(0), resting(count));
        let whole = bytes(&record(&mut chain, &now));
        assert!(whole as u64 > 10 * count, "{whole} bytes");
        let mut taken = 0;
        for finished in 1..=60 {
            now.unfinished.remove(1_000_000 + 2 * finished);
            now.position += 1;
            taken += bytes(&record(&mut chain, &now));
        }
        assert!(taken <= 60 * 20, "60 answers take {taken} bytes while {count} events rest");
        assert_eq!(chain.last(), Some(&now));
    }
}

#[test]
fn whole_checkpoints_come_as_often_as_changes_have_paid_for_them() {
    let (mut chain, mut now) = (Chain::begun(0), resting(5_000));
    let mut log = record(&mut chain, &now);
    let (mut changes, mut most_read) = (0, 0);
    for finished in 1..=4_000 {
        now.unfinished.remove(1_000_000 + 2 * finished);
        changes += 10 + BESIDE_PAYLOAD;
        log.extend(record(&mut chain, &now));
        let whole = log.iter().rposition(|entry| matches!(entry, Entry::Whole(_))).unwrap();
        most_read = most_read.max(log.len() - whole);
    }
    let wholes = log.iter().filter(|entry| matches!(entry, Entry::Whole(_))).count();
    let all = bytes(&log) + log.len() * BESIDE_PAYLOAD;
    assert!((10..40).contains(&wholes), "{wholes} whole checkpoints");
    assert!(all <= 2 * changes + bytes(&log[..1]), "{all} bytes for changes of {changes}");
    assert!(most_read * BESIDE_PAYLOAD <= bytes(&log[..1]), "{most_read} are read back");
}

#[test]
fn a_small_group_is_recorded_whole_each_time() {
    let mut chain = Chain::begun(7);
    for position in 8..100 {
        let entries = record(&mut chain, &Checkpoint::at(position));
        assert!(matches!(*entries, [Entry::Whole(_)]), "{entries:?}");
    }
}

#[test]
fn a_checkpoint_with_too_many_events_for_one_event_is_several_entries() {
    let mut full = resting(u64::try_from(4 * NAMED_AT_ONCE + 10).unwrap());
    // Only some have failed, and positions are long.
    let unfinished = full.unfinished.iter();
    full.unfinished =
        unfinished.map(|(at, _)| ((1 << 40) + at, u32::from(at % 8 != 0) * 700)).collect();
    full.position += 1 << 40;
    full.behind = (0..500).map(|n| (format!("x/{n:0>250}").into(), 1)).collect();
    let mut chain = Chain::begun(0);
    let entries = record(&mut chain, &full);
    assert_eq!(entries.len(), 5);
    for entry in &entries {
        let bytes = bytes(std::slice::from_ref(entry));
        assert!(bytes + 1_000 < limits::EVENT_BYTES, "{bytes} bytes do not fit an event");
    }
    assert_eq!(read_back(entries.iter()).last(), Some(&full));
    // One event less is no reason to record all of it again.
    let first = full.unfinished.positions().next().unwrap();
    full.unfinished.remove(first);
    assert!(matches!(*chain.entries(&full), [Entry::Changes(_)]));
}

#[test]
fn an_entry_that_is_read_twice_changes_nothing() {
    let (one, mut two) = (resting(2_000), resting(2_000));
    two.unfinished.remove(1_000_002);
    two.unfinished.insert(1_000_004, 2);
    let entry = Entry::Changes(two.changes_since(&one));
    let mut chain = Chain::begun(0);
    chain.read(&Entry::Whole((&one).into()));
    for _ in 0..2 {
        chain.read(&entry);
        assert_eq!(chain.last(), Some(&two));
    }
}

/// A group with recorded checkpoints, and what each append of them should say.
struct Story {
    chance: StdRng,
    now: Checkpoint,
    chain: Chain,
    /// Appends, and how far the group was by each.
    log: Vec<(Vec<Entry>, Checkpoint)>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let chain = Chain::begun(0);
        Self { chance: StdRng::seed_from_u64(seed), now: Checkpoint::at(0), chain, log: Vec::new() }
    }

    fn change(&mut self) {
        let chance = &mut self.chance;
        let most = *[3, 3, 40, 1_000].get(chance.random_range(0..4)).unwrap();
        for _ in 0..chance.random_range(0..most) {
            self.now.position += chance.random_range(1..4);
            if chance.random_range(0..3) > 0 {
                self.now.unfinished.insert(self.now.position, 0);
            }
        }
        let unfinished: Vec<_> = self.now.unfinished.iter().collect();
        for (position, attempts) in unfinished {
            match chance.random_range(0..30) {
                0 => self.now.unfinished.insert(position, attempts + 1),
                1..=3 if most < 1_000 => self.now.unfinished.remove(position),
                _ => {}
            }
        }
        let stream: Arc<str> = format!("x/{}", chance.random_range(0..5)).into();
        match chance.random_range(0..4) {
            0 => _ = self.now.behind.insert(stream, self.now.position),
            1 => _ = self.now.behind.remove(&stream),
            _ => {}
        }
    }

    fn record(&mut self) {
        let entries = self.chain.entries(&self.now);
        match self.chance.random_range(0..20) {
            // What became of it is unknown.
            0 => self.chain.begin_anew(),
            1 => {
                self.chain.begin_anew();
                self.log.push((entries, self.now.clone()));
            }
            _ => {
                self.chain.recorded(self.now.clone(), &entries);
                self.log.push((entries, self.now.clone()));
            }
        }
    }

    /// Only what is recorded is left.
    fn crash(&mut self) {
        self.chain = read_back(self.log.iter().flat_map(|(entries, _)| entries));
        self.now = self.log.last().map_or_else(|| Checkpoint::at(0), |(_, then)| then.clone());
        assert_eq!(self.chain.last(), Some(&self.now));
    }

    fn step(&mut self) {
        match self.chance.random_range(0..12) {
            0 => self.crash(),
            1..=5 => self.change(),
            _ => self.record(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn wherever_the_log_ends_what_was_recorded_last_is_read_back(seed: u64) {
        let mut story = Story::new(seed);
        (0..120).for_each(|_| story.step());
        for end in 0..story.log.len() {
            let chain = read_back(story.log[..=end].iter().flat_map(|(entries, _)| entries));
            prop_assert_eq!(chain.last(), Some(&story.log[end].1), "after {} appends", end + 1);
        }
        let changes = story.log.iter().flat_map(|(entries, _)| entries);
        let changes = changes.filter(|entry| matches!(entry, Entry::Changes(_))).count();
        prop_assert!(changes > 0, "nothing but whole checkpoints says nothing");
    }
}
