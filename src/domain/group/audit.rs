//! Reads what is recorded of a group once more, to see that each entry fits those before it.

use prost::{Message, Name};

use super::{Chain, Checkpoint, Entry};
use crate::domain::{
    event::Position,
    proto::{
        self, EventParked, GroupCheckpointed, GroupCreated, GroupDeleted, GroupProgressed,
        ParkedReplayed, RecordedEvent,
    },
};

/// The types of events that are recorded of groups.
pub const TYPE_NAMES: [&str; 6] = [
    "handover.v1.GroupCreated",
    "handover.v1.GroupCheckpointed",
    "handover.v1.GroupProgressed",
    "handover.v1.EventParked",
    "handover.v1.ParkedReplayed",
    "handover.v1.GroupDeleted",
];

/// What the events of one group's stream have said so far.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Its checkpoints; absent: there is no group.
    chain: Option<Chain>,
}

impl Audit {
    /// Reads the next event of the stream; an error says why it does not fit.
    pub fn read(&mut self, event: &RecordedEvent) -> Result<(), String> {
        let payload = event.payload.clone().unwrap_or_default();
        match payload.type_name().rsplit('.').next() {
            Some(GroupCreated::NAME) => {
                let created: GroupCreated = decoded(&payload)?;
                self.chain = Some(Chain::begun(created.after_position));
                before(event, created.after_position)
            }
            Some(GroupDeleted::NAME) => {
                self.chain = None;
                Ok(())
            }
            Some(GroupCheckpointed::NAME) => self.entry(event, &Entry::Whole(decoded(&payload)?)),
            Some(GroupProgressed::NAME) => self.entry(event, &Entry::Changes(decoded(&payload)?)),
            Some(EventParked::NAME) => {
                let parked: EventParked = decoded(&payload)?;
                before(event, parked.position)
            }
            Some(ParkedReplayed::NAME) => {
                let replayed: ParkedReplayed = decoded(&payload)?;
                rising(&replayed.positions)?;
                before(event, replayed.positions.last().copied().unwrap_or_default())
            }
            _ => Ok(()),
        }
    }

    fn entry(&mut self, event: &RecordedEvent, entry: &Entry) -> Result<(), String> {
        let Some(chain) = &mut self.chain else {
            return Err("it says how far a group is that is not there".to_owned());
        };
        let begun = chain.last().cloned().unwrap_or_default();
        check(event, &begun, entry)?;
        chain.read(entry);
        Ok(())
    }
}

/// Whether an entry fits a checkpoint.
fn check(event: &RecordedEvent, last: &Checkpoint, entry: &Entry) -> Result<(), String> {
    let (position, unfinished) = match entry {
        Entry::Whole(whole) => (whole.position, &whole.unfinished),
        Entry::Changes(changes) => {
            rising(&changes.finished)?;
            let known = |at: &&Position| last.unfinished.attempts(**at).is_none();
            if let Some(unknown) = changes.finished.iter().find(known) {
                return Err(format!("it finishes the event at {unknown}, which was finished"));
            }
            (changes.position, &changes.unfinished)
        }
    };
    before(event, position)?;
    if position < last.position && !planted!("verify-passes-groups") {
        return Err(format!("it goes back from position {} to {position}", last.position));
    }
    rising(unfinished)?;
    match unfinished.last() {
        Some(beyond) if *beyond > position => {
            Err(format!("it leaves the event at {beyond} unfinished, and ends at {position}"))
        }
        _ => Ok(()),
    }
}

/// Refuses a position that was not recorded yet when the event was.
fn before(event: &RecordedEvent, position: Position) -> Result<(), String> {
    if position < event.position {
        return Ok(());
    }
    Err(format!("it speaks of position {position}, which came later"))
}

fn rising(positions: &[Position]) -> Result<(), String> {
    if positions.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err("its positions do not rise".to_owned())
}

fn decoded<M: Message + Default>(payload: &proto::Any) -> Result<M, String> {
    M::decode(&*payload.value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<M: Message + Name>(position: Position, payload: &M) -> RecordedEvent {
        let type_url = format!("{}{}", proto::TYPE_URL_PREFIX, M::full_name());
        let payload = proto::Any { type_url, value: payload.encode_to_vec().into() };
        RecordedEvent { position, payload: Some(payload), ..RecordedEvent::default() }
    }

    fn progressed(position: Position, finished: &[u64], unfinished: &[u64]) -> GroupProgressed {
        let (finished, unfinished) = (finished.to_vec(), unfinished.to_vec());
        GroupProgressed { position, finished, unfinished, ..GroupProgressed::default() }
    }

    #[test]
    fn every_type_that_is_read_is_named() {
        let names = [
            GroupCreated::full_name(),
            GroupCheckpointed::full_name(),
            GroupProgressed::full_name(),
            EventParked::full_name(),
            ParkedReplayed::full_name(),
            GroupDeleted::full_name(),
        ];
        assert_eq!(names, TYPE_NAMES);
    }

    #[test]
    fn entries_that_follow_each_other_fit_and_others_do_not() {
        let mut audit = Audit::default();
        let created = GroupCreated { after_position: 3, ..GroupCreated::default() };
        audit.read(&event(4, &created)).unwrap();
        audit.read(&event(10, &progressed(8, &[], &[5, 7]))).unwrap();
        audit.read(&event(12, &progressed(11, &[5], &[]))).unwrap();
        for (wrong, what) in [
            (progressed(11, &[5], &[]), "which was finished"),
            (progressed(10, &[], &[]), "goes back"),
            (progressed(20, &[], &[]), "came later"),
            (progressed(12, &[], &[13]), "ends at"),
            (progressed(12, &[], &[9, 9]), "do not rise"),
        ] {
            let error = audit.clone().read(&event(15, &wrong)).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        audit.read(&event(16, &GroupDeleted {})).unwrap();
        let error = audit.read(&event(17, &progressed(16, &[], &[]))).unwrap_err();
        assert!(error.contains("not there"), "{error}");
    }
}
