//! Checks a log against what was acknowledged: nothing lost, moved, changed, or there twice.
//!
//! [`Checker`] is pure: it is given the events in the order of the log, and then says what is
//! wrong. What was sent and not acknowledged may be there, once.

use futures_util::TryStreamExt as _;
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::{ReadRequest, RecordedEvent, read_request::Start},
    grpc::client::Client,
};

use super::{
    acknowledged::Entry,
    events::{EventGenerator, Identity},
};

/// Faults that are described; the others are only counted.
const DESCRIBED: usize = 10;

/// A log that was found right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verified {
    /// Events that were acknowledged, all of which are there.
    pub(super) acknowledged: u64,
    /// Events that are there without an acknowledgement.
    pub(super) unacknowledged: u64,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Faults {
    /// How many faults there are.
    pub(super) count: usize,
    /// The first of them, in words.
    pub(super) described: Vec<String>,
}

/// Compares a log, event by event, with the acknowledged requests.
#[derive(Debug)]
pub(super) struct Checker {
    identity: Identity,
    /// In the order of their positions.
    entries: Vec<Entry>,
    /// Entries before this one are passed.
    current: usize,
    /// Whether the event with this number was found.
    seen: Vec<bool>,
    position: u64,
    found: Verified,
    faults: Faults,
}

impl Checker {
    /// Checks the log after `after`, in which events with numbers below `drawn` may be.
    pub(super) fn new(identity: Identity, drawn: u64, after: u64, entries: Vec<Entry>) -> Self {
        Self {
            identity,
            entries,
            current: 0,
            seen: vec![false; usize::try_from(drawn).unwrap_or(usize::MAX)],
            position: after,
            found: Verified::default(),
            faults: Faults { count: 0, described: Vec::new() },
        }
    }

    /// Takes the next event of the log.
    pub(super) fn event(&mut self, event: &RecordedEvent) {
        if event.position != self.position + 1 {
            let (position, before) = (event.position, self.position);
            self.fault(format!("position {position} comes after position {before}"));
        }
        self.position = event.position;
        let payload = event.payload.as_ref().map(|any| &any.value[..]).unwrap_or_default();
        // An event of another run is skipped, even at the position of a missing event.
        if let Some(number) = self.identity.number(payload) {
            let promised = self.promised(event.position);
            self.own(event, number, promised);
        }
    }

    /// The request that was acknowledged for a position.
    fn promised(&mut self, position: u64) -> Option<Entry> {
        let rest = self.entries.iter().skip(self.current);
        self.current += rest.take_while(|entry| entry.end() <= position).count();
        self.entries.get(self.current).copied().filter(|entry| entry.first_position <= position)
    }

    /// What is wrong, or how much was found right.
    pub(super) fn finish(mut self) -> Result<Verified, Faults> {
        let acknowledged: u64 = self.entries.iter().map(|entry| u64::from(entry.count)).sum();
        if self.found.acknowledged != acknowledged {
            let found = self.found.acknowledged;
            self.fault(format!(
                "{found} of {acknowledged} acknowledged events are as acknowledged"
            ));
        }
        if let Some(lost) = self.lost() {
            // The worst is described first.
            self.faults.count += 1;
            self.faults.described.insert(0, lost);
        }
        if self.faults.count == 0 { Ok(self.found) } else { Err(self.faults) }
    }

    /// The acknowledged events that are nowhere, in words.
    fn lost(&self) -> Option<String> {
        let seen = |number: u64| {
            usize::try_from(number).ok().and_then(|number| self.seen.get(number)) == Some(&true)
        };
        let positions = self.entries.iter().flat_map(|entry| {
            (entry.first_position..entry.end())
                .map(|position| (entry.number_at(position), position))
        });
        let mut lost = positions.filter(|(number, _)| !seen(*number));
        let (number, position) = lost.next()?;
        let more = lost.count();
        Some(format!(
            "event {number} is missing, acknowledged at position {position}, and {more} more"
        ))
    }

    /// Compares an event of this run with what was sent, and with what was acknowledged for its
    /// position.
    fn own(&mut self, event: &RecordedEvent, number: u64, promised: Option<Entry>) {
        let position = event.position;
        let seen = usize::try_from(number).ok().and_then(|number| self.seen.get_mut(number));
        match seen.map(|seen| std::mem::replace(seen, true)) {
            None => self.fault(format!("event {number} at position {position} was never sent")),
            Some(true) => self.fault(format!("event {number} is at position {position} again")),
            Some(false) => {}
        }
        let payload = event.payload.as_ref().map(|any| &any.value);
        if payload != Some(&self.identity.payload(number)) {
            self.fault(format!("event {number} at position {position} has other bytes than sent"));
        }
        let Some(entry) = promised else {
            self.found.unacknowledged += 1;
            return;
        };
        let (expected, stream) = (entry.number_at(position), self.identity.stream(entry.stream));
        let revision = entry.revision_at(position);
        if expected != number || event.stream != stream || event.revision != revision {
            self.fault(format!(
                "position {position} has event {number}, {} revision {}; \
                 acknowledged was event {expected}, {stream} revision {revision}",
                event.stream, event.revision
            ));
        } else {
            self.found.acknowledged += 1;
        }
    }

    fn fault(&mut self, what: String) {
        self.faults.count += 1;
        if self.faults.described.len() < DESCRIBED {
            self.faults.described.push(what);
        }
    }
}

impl Entry {
    /// The position behind the last event.
    fn end(&self) -> u64 {
        self.first_position + u64::from(self.count)
    }

    fn number_at(&self, position: u64) -> u64 {
        self.first + (position - self.first_position)
    }

    fn revision_at(&self, position: u64) -> u64 {
        (self.last_revision + 1 + position).wrapping_sub(self.end())
    }
}

/// Reads the whole log and checks it against what `source` has noted as acknowledged.
pub(super) async fn verify(client: &Client, source: &EventGenerator) -> Result<Verified, Failure> {
    let Some(acknowledged) = source.noted() else {
        return Ok(Verified::default());
    };
    let (after, drawn) = (acknowledged.after(), source.drawn());
    let mut checker = Checker::new(source.identity(), drawn, after, acknowledged.take());
    let start = Some(Start::AfterPosition(after));
    let mut batches = client.read(ReadRequest { start, ..ReadRequest::default() });
    while let Some(batch) = batches.try_next().await? {
        batch.events.iter().for_each(|event| checker.event(event));
    }
    checker.finish().map_err(|faults| {
        let described = faults.described.join("\n  ");
        let count = faults.count;
        let problem =
            format!("the log is not what was acknowledged; {count} faults:\n  {described}");
        Failure::new(Exit::Damaged, problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Batch, Layout};
    use handover::domain::proto::AppendResponse;

    /// A log of four requests of three events each, two streams in turn, and its entries.
    fn appended() -> (EventGenerator, Vec<RecordedEvent>, Vec<Entry>) {
        let source = EventGenerator::new(
            Identity::new(7),
            Some(crate::acknowledged::Acknowledged::new(1, 0)),
        );
        let mut log = Vec::new();
        for _ in 0..4 {
            append(&source, source.draw(Layout::Streams(2), 3), &mut log, true);
        }
        let entries = source.noted().unwrap().take();
        (source, log, entries)
    }

    fn append(
        source: &EventGenerator,
        batch: Batch,
        log: &mut Vec<RecordedEvent>,
        acknowledged: bool,
    ) {
        let [write] = <[_; 1]>::try_from(source.request(&batch).writes).unwrap();
        let first_position = log.len() as u64 + 1;
        let mut revision = log.iter().filter(|event| event.stream == write.stream).count() as u64;
        for event in write.events {
            revision += 1;
            log.push(RecordedEvent {
                position: log.len() as u64 + 1,
                stream: write.stream.clone(),
                revision,
                payload: event.payload,
                ..RecordedEvent::default()
            });
        }
        let revisions = [(write.stream, revision)].into();
        let last_position = log.len() as u64;
        let response = AppendResponse {
            first_position,
            last_position,
            revisions,
            ..AppendResponse::default()
        };
        if acknowledged {
            source.note(0, &batch, &response);
        }
    }

    fn check(
        source: &EventGenerator,
        log: &[RecordedEvent],
        entries: &[Entry],
    ) -> Result<Verified, Faults> {
        let mut checker = Checker::new(source.identity(), source.drawn(), 0, entries.to_vec());
        for event in log {
            checker.event(event);
        }
        checker.finish()
    }

    #[track_caller]
    fn broken(change: impl FnOnce(&mut Vec<RecordedEvent>), description: &str) {
        let (source, mut log, entries) = appended();
        change(&mut log);
        let faults = check(&source, &log, &entries).unwrap_err();
        assert!(faults.described.iter().any(|fault| fault.contains(description)), "{faults:#?}");
    }

    fn renumber(log: &mut [RecordedEvent]) {
        log.iter_mut().zip(1..).for_each(|(event, position)| event.position = position);
    }

    #[test]
    fn a_log_that_is_as_acknowledged_passes() {
        let (source, mut log, entries) = appended();
        let verified = Verified { acknowledged: 12, unacknowledged: 0 };
        assert_eq!(check(&source, &log, &entries), Ok(verified));

        append(&source, source.draw(Layout::Streams(2), 3), &mut log, false);
        let verified = Verified { acknowledged: 12, unacknowledged: 3 };
        assert_eq!(check(&source, &log, &entries), Ok(verified), "it may be there all the same");

        let stranger = RecordedEvent { position: 16, ..RecordedEvent::default() };
        log.push(stranger);
        assert_eq!(check(&source, &log, &entries), Ok(verified), "others append as well");
    }

    #[test]
    fn an_acknowledged_event_that_is_missing_is_found_wherever_it_was() {
        for at in 0..12 {
            broken(|log| drop(log.remove(at)), "missing");
            let closed_up = |log: &mut Vec<RecordedEvent>| {
                log.remove(at);
                renumber(log);
            };
            broken(closed_up, "missing");
        }
        broken(Vec::clear, "event 0 is missing, acknowledged at position 1, and 11 more");
    }

    #[test]
    fn an_event_that_is_there_twice_is_found() {
        let again = |log: &mut Vec<RecordedEvent>| {
            log.push(log[5].clone());
            renumber(log);
        };
        broken(again, "is at position 13 again");
    }

    #[test]
    fn an_event_that_moved_or_changed_is_found() {
        let swap = |log: &mut Vec<RecordedEvent>| {
            log.swap(1, 10);
            renumber(log);
        };
        broken(swap, "acknowledged was event");
        broken(|log| log[4].revision += 1, "acknowledged was event");
        broken(|log| log[4].stream.push('x'), "acknowledged was event");
        let flip = |log: &mut Vec<RecordedEvent>| {
            let any = log[4].payload.as_mut().unwrap();
            let mut bytes = any.value.to_vec();
            bytes[200] ^= 1;
            any.value = bytes.into();
        };
        broken(flip, "other bytes");
        broken(|log| log[4].payload = None, "event 4 is missing");
    }

    #[test]
    fn a_gap_or_an_event_that_was_never_sent_is_found() {
        broken(|log| log.last_mut().unwrap().position += 1, "comes after position 11");
        let (source, mut log, entries) = appended();
        let foreign = EventGenerator::new(source.identity(), None);
        for _ in 0..4 {
            foreign.draw(Layout::Streams(2), 3);
        }
        append(&foreign, foreign.draw(Layout::Streams(2), 3), &mut log, false);
        let faults = check(&source, &log, &entries).unwrap_err();
        assert!(faults.described[0].contains("was never sent"), "{faults:#?}");
    }

    #[test]
    fn two_answers_that_name_the_same_place_are_found() {
        let (source, log, mut entries) = appended();
        entries.insert(1, Entry { first: 9, ..entries[0] });
        assert!(check(&source, &log, &entries).is_err());
    }
}
