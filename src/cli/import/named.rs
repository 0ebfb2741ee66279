//! The claims that a file names by id, checked among themselves: which is there, fits and stands.
//!
//! The rules are the record's own ([`claim::check`]); here they are kept for claims that have no
//! position yet.

use std::collections::HashMap;

use crate::{
    cli::lines::{Line, RowError},
    domain::{claim, known::Known, name::StreamName},
};

/// What the good lines so far have said, by their ids.
#[derive(Debug, Default)]
pub(super) struct NamedClaims(HashMap<String, Claim>);

#[derive(Debug)]
struct Claim {
    stream: StreamName,
    /// As it was said first; `None`: it is of another package.
    recorded: Option<Known>,
    /// As it was last corrected, if it was.
    corrected: Option<Known>,
    /// The line that retracted it.
    retracted: Option<u64>,
}

impl NamedClaims {
    /// The stream of the claim that the line names by id, if it names one; the line's own id is
    /// new.
    pub(super) fn stream_of_claim(&self, line: &Line) -> Result<Option<StreamName>, RowError> {
        if let Some(id) = line.id.as_ref().filter(|id| self.0.contains_key(*id)) {
            let problem = format!("the id {id:?} belongs to an earlier line already");
            return Err(RowError::whole(line.number, problem));
        }
        let Some(name) = &line.payload.claim else {
            return Ok(None);
        };
        let missing = || line.claim_error(format!("no good earlier line has the id {:?}", name.id));
        let claim = self.0.get(&name.id).ok_or_else(missing)?;
        let elsewhere = |stream: &&StreamName| stream.folded() != claim.stream.folded();
        if let Some(stream) = line.stream.as_ref().filter(elsewhere) {
            let home = &claim.stream;
            let problem = format!("stream: is {stream}, but the claim {:?} is in {home}", name.id);
            return Err(line.claim_error(problem));
        }
        Ok(Some(claim.stream.clone()))
    }

    /// Takes in a line that is good by itself, if it is good after those before it.
    pub(super) fn admit(
        &mut self,
        line: &Line,
        stream: StreamName,
        known: Option<Known>,
    ) -> Result<(), RowError> {
        let named = line.payload.claim.as_ref().and_then(|name| self.0.get_mut(&name.id));
        if let (Some(claim), Some(event)) = (named, &known) {
            claim.check(event).map_err(|problem| line.claim_error(problem))?;
            claim.follow(event, line.number);
        }
        if let Some(id) = line.id.clone() {
            let claim = Claim { stream, recorded: known, corrected: None, retracted: None };
            self.0.insert(id, claim);
        }
        Ok(())
    }
}

impl Claim {
    fn check(&self, event: &Known) -> Result<(), String> {
        let latest = self.corrected.as_ref().or(self.recorded.as_ref());
        claim::check(event, self.recorded.as_ref(), latest, None)
            .map_err(|broken| format!("the claim {}", broken.description))?;
        match self.retracted {
            Some(line) => Err(format!("the claim was retracted by line {line}")),
            None => Ok(()),
        }
    }

    fn follow(&mut self, event: &Known, line: u64) {
        if let Known::ClaimRetracted(_) = event {
            self.retracted = Some(line);
        } else if let Some(replacement) = event.replacement() {
            self.corrected = Some(replacement);
        }
    }
}
