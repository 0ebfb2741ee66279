//! The claim that a line names by the id of an earlier line, of which there can be several
//! recordings.

use super::{
    Import,
    outcomes::LineOutcome,
    recordings::{self, Recordings},
};
use crate::{
    cli::{
        exit::Failure,
        lines::{Line, RowError},
    },
    domain::{event::Position, name::StreamName},
};

/// A claim that is named by the id of its line.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    /// Where it was recorded first.
    pub(super) own: Position,
    /// Where it was recorded anew.
    pub(super) others: Vec<Position>,
    /// The recording that an event about it is recorded about: one that stands, if one does.
    pub(super) target: Position,
    /// What retracted its own recording; 0: nothing did.
    pub(super) retracted: Position,
    /// Its stream.
    pub(super) stream: StreamName,
}

/// What a line names as its claim.
#[derive(Debug)]
pub(super) enum Named {
    /// Nothing, or an event by its position.
    Nothing,
    /// An earlier line.
    Claim(Claimed),
    /// An earlier line that a dry run did not find in the record.
    NotRecorded,
}

impl Import<'_> {
    /// The claim that the line names by id, if it names one.
    pub(super) async fn claim(&mut self, line: &Line) -> Result<Result<Named, RowError>, Failure> {
        let Some(name) = &line.payload.claim else {
            return Ok(Ok(Named::Nothing));
        };
        while self.outcomes.get(&name.id)? == Some(LineOutcome::Pending) {
            self.settle_next().await?;
        }
        Ok(match self.outcomes.get(&name.id)? {
            Some(LineOutcome::Recorded { position, stream, undone }) => {
                let retracted = undone.map_or(0, |gone| gone.retracted);
                let (own, target, others) = (position, position, Vec::new());
                let mut claimed = Claimed { own, others, target, retracted, stream };
                if let Some(gone) = undone
                    && let Some(all) = self.recordings(&gone.content)?
                {
                    claimed.choose(&all, self.contents.copies(&gone.content)?);
                }
                Ok(Named::Claim(claimed))
            }
            Some(LineOutcome::NotRecorded) => Ok(Named::NotRecorded),
            Some(LineOutcome::Refused | LineOutcome::Pending) => {
                Err(line.claim_error(format!("the line with the id {:?} was refused", name.id)))
            }
            None => Err(line.claim_error(format!("no earlier line has the id {:?}", name.id))),
        })
    }

    /// What is remembered of the recordings of a content.
    pub(super) fn recordings(
        &self,
        content: &super::kept::Key,
    ) -> Result<Option<Recordings>, Failure> {
        self.recordings.get(content)?.map(|bytes| recordings::decoded(&bytes)).transpose()
    }
}

impl Claimed {
    /// Takes the recordings that are of no other copy in the file.
    fn choose(&mut self, all: &Recordings, copies: u64) {
        self.others = all.others(self.own, copies);
        let stands = all.answer().filter(|_| all.stand()).map(|answer| answer.first_position);
        if let Some(stands) = stands.filter(|position| self.others.contains(position)) {
            self.target = stands;
        }
    }
}
