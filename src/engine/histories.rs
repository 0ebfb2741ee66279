//! Which positions of a request are those of this store's present history.
//!
//! A request names the store, and by that the history that its positions are of. After a restore an
//! older name stays good for what lies at or before the branch.

use crate::{
    domain::{
        event::{Append, Position, Revision},
        history::{Common, History, HistoryId},
        known::Known,
        name::StreamName,
    },
    engine::{Engine, HistoryChanged, ReadError, ReadSpec, Start},
    log::{HISTORY_SEPARATOR, name_in},
};

/// How far the positions of a request are those of the present history.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Reach(Option<Box<HistoryChanged>>);

impl Reach {
    /// Refuses a position in a field of the request that lies beyond the branch. Before the first
    /// event, all histories are the same.
    pub fn check(&self, field: &'static str, position: Position) -> Result<(), ReadError> {
        match &self.0 {
            Some(changed)
                if position > changed.branch.unwrap_or(0) && !planted!("beyond-branch") =>
            {
                let beyond = Some((field, position));
                Err(HistoryChanged { beyond, ..HistoryChanged::clone(changed) }.into())
            }
            _ => Ok(()),
        }
    }

    /// Refuses every history but the present one: of a caller that knows what it has handled by
    /// positions which it does not send.
    pub fn check_present(&self) -> Result<(), ReadError> {
        match &self.0 {
            Some(changed) => Err(HistoryChanged::clone(changed).into()),
            None => Ok(()),
        }
    }

    /// Whether the request names the present history, or none.
    fn is_present(&self) -> bool {
        self.0.is_none()
    }
}

impl Engine {
    /// The store's name, `urn:uuid:` and so on, with the id of the present history if there was a
    /// restore. It is the same until the next restore.
    pub fn store_name(&self) -> String {
        self.name.clone()
    }

    /// The store's name with one of its histories; without an id, with the original one.
    pub fn store_name_in(&self, id: Option<HistoryId>) -> String {
        name_in(self.log.store_id(), id)
    }

    /// The restores that led to the present history.
    pub fn history(&self) -> &History {
        self.log.history()
    }

    /// Refuses a request for another store, and says how far positions of the named history are
    /// valid. An empty name stands for the present one.
    pub fn expect_store(&self, name: &str) -> Result<Reach, ReadError> {
        if name.is_empty() || name == self.name {
            return Ok(Reach(None));
        }
        let (store, id) = match name.split_once(HISTORY_SEPARATOR) {
            Some((store, id)) => (store, Some(id)),
            None => (name, None),
        };
        if store != self.store_name_in(None) {
            return Err(ReadError::AnotherStore {
                expected: name.to_owned(),
                own: self.store_name(),
            });
        }
        let common = match id.map(HistoryId::parse) {
            None => self.history().common_with(None),
            Some(Some(id)) => self.history().common_with(Some(id)),
            Some(None) => Common::Unknown,
        };
        Ok(self.reach(common, name))
    }

    /// How far positions of one of the store's histories are valid.
    pub fn reach_of(&self, id: Option<HistoryId>) -> Reach {
        self.reach(self.history().common_with(id), &self.store_name_in(id))
    }

    fn reach(&self, common: Common, expected: &str) -> Reach {
        let branch = match common {
            Common::Whole => return Reach(None),
            Common::UpTo(branch) => Some(branch),
            Common::Unknown => None,
        };
        let (expected, own) = (expected.to_owned(), self.store_name());
        Reach(Some(Box::new(HistoryChanged { expected, own, branch, beyond: None })))
    }

    /// Refuses an append that rests on positions or revisions beyond the branch. What it repeats
    /// does not: the positions of a recorded append lie before its own.
    pub async fn check_append(&self, append: &Append, reach: &Reach) -> Result<(), ReadError> {
        if reach.is_present() {
            return Ok(());
        }
        if let Some(condition) = &append.condition {
            reach.check("condition.after_position", condition.after_position)?;
        }
        for claim in append.events().filter_map(|(_, event)| {
            Known::decode(event.type_name.as_str(), &event.payload)?.ok()?.about()
        }) {
            reach.check("claim", claim)?;
        }
        for write in &append.writes {
            if let Some(revision) = write.expected_revision {
                self.check_revision(&write.stream, ("expected_revision", revision), reach).await?;
            }
        }
        Ok(())
    }

    /// Refuses a read from a place beyond the branch.
    pub async fn check_start(&self, spec: &ReadSpec, reach: &Reach) -> Result<(), ReadError> {
        if reach.is_present() {
            return Ok(());
        }
        match spec.start {
            Start::After(position) => reach.check("after_position", position),
            Start::AfterRevision(revision) => {
                let Some(stream) = spec.filter.single_stream() else { return Ok(()) };
                self.check_revision(stream, ("after_revision", revision), reach).await
            }
            Start::Unset | Start::RecordedFrom(_) | Start::FromNow => Ok(()),
        }
    }

    /// Refuses a revision that stands beyond the branch, or that the stream does not have: another
    /// history may. No event comes before the first.
    async fn check_revision(
        &self,
        stream: &StreamName,
        (field, revision): (&'static str, Revision),
        reach: &Reach,
    ) -> Result<(), ReadError> {
        if revision == 0 {
            return Ok(());
        }
        match self.reader.position_of_revision(stream, revision).await? {
            Some(position) => reach.check(field, position),
            None => reach.check_present(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(branch: Option<Position>) -> Reach {
        let (expected, own) = ("urn:uuid:a".to_owned(), "urn:uuid:a#b".to_owned());
        Reach(Some(Box::new(HistoryChanged { expected, own, branch, beyond: None })))
    }

    #[test]
    fn a_position_beyond_the_branch_is_refused_and_one_up_to_it_is_not() {
        for branch in [Some(10), None] {
            let last = branch.unwrap_or(0);
            for position in [0, last] {
                reach(branch).check("after_position", position).unwrap();
            }
            for position in [last + 1, Position::MAX] {
                let refused = reach(branch).check("after_position", position);
                let error = refused.expect_err("it is beyond the branch");
                let ReadError::HistoryChanged(changed) = error else { panic!("{error}") };
                assert_eq!(changed.beyond, Some(("after_position", position)));
                assert_eq!(changed.branch, branch);
            }
        }
        Reach::default().check("after_position", Position::MAX).unwrap();
        reach(Some(10)).check_present().expect_err("it is another history");
    }
}
