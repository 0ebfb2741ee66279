//! The claims that a file names by id, checked among themselves: which is there, fits and stands.
//!
//! The rules are the record's own ([`claim::check`]); here they are kept for claims that have no
//! position yet.

use prost::Message;

use super::kept::{self, Kept};
use crate::{
    cli::{
        exit::{Exit, Failure},
        lines::{Line, RowError},
    },
    domain::{claim, known::Known, name::StreamName, proto::Any},
};

/// What the good lines so far have said, by their ids.
#[derive(Debug, Default)]
pub(super) struct NamedClaims(Kept);

/// A line that has an id.
#[derive(Clone, PartialEq, Message)]
struct Claim {
    #[prost(string, tag = "1")]
    stream: String,
    /// As it was said first; absent: it is of another package.
    #[prost(message, optional, tag = "2")]
    recorded: Option<Any>,
    /// As it was last corrected, if it was.
    #[prost(message, optional, tag = "3")]
    corrected: Option<Any>,
    /// The line that retracted it.
    #[prost(uint64, optional, tag = "4")]
    retracted: Option<u64>,
}

/// Whether a line is good after those before it.
type Checked<T> = Result<Result<T, RowError>, Failure>;

impl NamedClaims {
    /// The stream of the claim that the line names by id, if it names one; the line's own id is
    /// new.
    pub(super) fn stream_of_claim(&self, line: &Line) -> Checked<Option<StreamName>> {
        if let Some(id) = &line.id
            && self.get(id)?.is_some()
        {
            let problem = format!("the id {id:?} belongs to an earlier line already");
            return Ok(Err(RowError::whole(line.number, problem)));
        }
        let Some(name) = &line.payload.claim else {
            return Ok(Ok(None));
        };
        let Some(claim) = self.get(&name.id)? else {
            let problem = format!("no good earlier line has the id {:?}", name.id);
            return Ok(Err(line.claim_error(problem)));
        };
        let home = StreamName::parse(&claim.stream).map_err(|_| damaged())?;
        let elsewhere = |stream: &&StreamName| stream.folded() != home.folded();
        if let Some(stream) = line.stream.as_ref().filter(elsewhere) {
            let problem = format!("stream: is {stream}, but the claim {:?} is in {home}", name.id);
            return Ok(Err(line.claim_error(problem)));
        }
        Ok(Ok(Some(home)))
    }

    /// Takes in a line that is good by itself, if it is good after those before it.
    pub(super) fn admit(
        &mut self,
        line: &Line,
        stream: &StreamName,
        known: Option<&Known>,
    ) -> Checked<()> {
        if let (Some(name), Some(event)) = (&line.payload.claim, known)
            && let Some(mut claim) = self.get(&name.id)?
        {
            if let Err(problem) = claim.check(event) {
                return Ok(Err(line.claim_error(problem)));
            }
            if claim.follow(event, line.number) {
                self.set(&name.id, &claim)?;
            }
        }
        if let Some(id) = &line.id {
            let (stream, recorded) = (stream.to_string(), known.map(Known::pack));
            self.set(id, &Claim { stream, recorded, corrected: None, retracted: None })?;
        }
        Ok(Ok(()))
    }

    fn get(&self, id: &str) -> Result<Option<Claim>, Failure> {
        let bytes = self.0.get(&kept::key(id))?;
        bytes.map(|bytes| Claim::decode(bytes.as_slice()).map_err(|_| damaged())).transpose()
    }

    fn set(&mut self, id: &str, claim: &Claim) -> Result<(), Failure> {
        self.0.set(kept::key(id), claim.encode_to_vec())
    }
}

impl Claim {
    fn check(&self, event: &Known) -> Result<(), String> {
        let known = |any: &Option<Any>| {
            let any = any.as_ref()?;
            Known::decode(any.type_name(), &any.value)?.ok()
        };
        let recorded = known(&self.recorded);
        let latest = known(&self.corrected).or_else(|| recorded.clone());
        claim::check(event, recorded.as_ref(), latest.as_ref(), None)
            .map_err(|broken| format!("the claim {}", broken.description))?;
        match self.retracted {
            Some(line) => Err(format!("the claim was retracted by line {line}")),
            None => Ok(()),
        }
    }

    /// Notes what an event says of the claim; whether it changes anything.
    fn follow(&mut self, event: &Known, line: u64) -> bool {
        if let Known::ClaimRetracted(_) = event {
            self.retracted = Some(line);
        } else if let Some(replacement) = event.replacement() {
            self.corrected = Some(replacement.pack());
        } else {
            return false;
        }
        true
    }
}

fn damaged() -> Failure {
    Failure::new(Exit::Failed, "the import's temporary file was changed")
}
