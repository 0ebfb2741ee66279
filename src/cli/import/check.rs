//! What can be said about a line without asking the server.

use std::{
    collections::HashSet,
    io::{self, BufRead},
};

use super::{Report, Summary, rows::Rows};
use crate::{
    cli::lines::{Line, RowError},
    domain::{name::StreamName, proto},
};

/// A claim's position, for checking a line whose claim has none yet.
const SOME_POSITION: u64 = 1;

/// Checks a whole input and changes nothing: what `import --dry-run` does.
pub fn check(input: impl BufRead, report: &mut dyn Report) -> io::Result<Summary> {
    let mut rows = Rows::new(input);
    let mut summary = Summary::default();
    let mut ids = HashSet::new();
    while let Some(row) = rows.next()? {
        summary.lines += 1;
        let checked = row.and_then(|line| {
            named(&line, &ids)?;
            valid(&line, line.payload.claim.is_some().then_some(SOME_POSITION))?;
            ids.extend(line.id);
            Ok(())
        });
        if let Err(error) = checked {
            summary.refused += 1;
            report.refused(&error);
        }
        report.advanced(&summary);
    }
    Ok(summary)
}

/// The line's id is new, and the claim that it names is there.
fn named(line: &Line, ids: &HashSet<String>) -> Result<(), RowError> {
    if let Some(id) = line.id.as_ref().filter(|id| ids.contains(*id)) {
        let problem = format!("the id {id:?} belongs to an earlier line already");
        return Err(RowError::whole(line.number, problem));
    }
    match &line.payload.claim {
        Some(claim) if !ids.contains(&claim.id) => {
            Err(line.claim_error(format!("no good earlier line has the id {:?}", claim.id)))
        }
        _ => Ok(()),
    }
}

/// The line as an event in its stream, with all that is wrong with it.
pub(super) fn valid(
    line: &Line,
    claim: Option<u64>,
) -> Result<(StreamName, proto::NewEvent), RowError> {
    let event = line.event(claim);
    let stream = stream(line, &event, None)?;
    Ok((stream, event))
}

/// The stream that the line's event is for: as it says, or as follows from its payload.
pub(super) fn stream(
    line: &Line,
    _event: &proto::NewEvent,
    claim_stream: Option<StreamName>,
) -> Result<StreamName, RowError> {
    let stream = line.stream.clone().or(claim_stream);
    stream.ok_or_else(|| RowError::whole(line.number, "has no \"stream\""))
}
