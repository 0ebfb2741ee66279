//! The reference: the store as one list, to which appends are applied one after the other.

use std::collections::HashMap;

use handover::domain::proto::AppendRequest;

/// The store after some appends.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Position of each event, by stream.
    streams: HashMap<String, Vec<u64>>,
    /// Position of each event, by tag.
    tags: HashMap<String, Vec<u64>>,
    head: u64,
}

impl Model {
    /// Position of the last event.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Applies an append; why it has to be refused, if so.
    pub(super) fn apply(&mut self, request: &AppendRequest) -> Result<(), String> {
        if let Some(why) = self.refusal(request, self.head) {
            return Err(why);
        }
        for write in &request.writes {
            for event in &write.events {
                self.head += 1;
                self.streams.entry(write.stream.clone()).or_default().push(self.head);
                for tag in &event.tags {
                    self.tags.entry(tag.clone()).or_default().push(self.head);
                }
            }
        }
        Ok(())
    }

    /// The revision of a stream when the log ended at a position.
    pub(super) fn revision(&self, stream: &str, head: u64) -> u64 {
        let positions = self.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        positions.partition_point(|position| *position <= head) as u64
    }

    /// Why an append has to be refused if the log ends at a position.
    fn refusal(&self, request: &AppendRequest, head: u64) -> Option<String> {
        for write in &request.writes {
            let revision = self.revision(&write.stream, head);
            if write.expected_revision.is_some_and(|expected| expected != revision) {
                return Some(format!("{} has revision {revision}", write.stream));
            }
        }
        let condition = request.condition.as_ref()?;
        let tag = condition.fail_if_match.as_ref()?.items.first()?.tags.first()?;
        let forbidden = |at: &&u64| **at > condition.after_position && **at <= head;
        let at = self.tags.get(tag)?.iter().rfind(forbidden)?;
        Some(format!("{tag} stands at {at}"))
    }

    /// Whether an append may have been refused at some moment while the log grew from one head to
    /// another. Revisions only grow, so one that is as expected at both was so all the time.
    pub(super) fn may_refuse(&self, request: &AppendRequest, from: u64, to: u64) -> bool {
        self.refusal(request, from).is_some() || self.refusal(request, to).is_some()
    }
}
