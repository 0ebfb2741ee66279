//! What can be said about a line without asking the server.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use super::{Report, Summary, rows::Rows};
use crate::{
    cli::lines::{Line, RowError},
    domain::{
        event::Position,
        examine::examine,
        known::{Home, Known},
        name::StreamName,
        proto,
    },
};

/// A claim's position, for checking a line whose claim has none yet.
const SOME_POSITION: Position = 1;

/// Checks a whole input and changes nothing: what `import --dry-run` does.
pub fn check(input: impl BufRead, report: &mut dyn Report) -> io::Result<Summary> {
    let mut rows = Rows::new(input);
    let mut summary = Summary::default();
    let mut ids = HashMap::new();
    while let Some(row) = rows.next()? {
        summary.lines += 1;
        let checked = row.and_then(|line| {
            let claim_stream = named(&line, &ids)?;
            let claim = claim_stream.as_ref().map(|_| SOME_POSITION);
            let valid = valid(&line, claim, claim_stream)?;
            ids.extend(line.id.map(|id| (id, valid.stream)));
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

/// The stream of the claim that the line names by id, if it names one; the line's own id is new.
fn named(line: &Line, ids: &HashMap<String, StreamName>) -> Result<Option<StreamName>, RowError> {
    if let Some(id) = line.id.as_ref().filter(|id| ids.contains_key(*id)) {
        let problem = format!("the id {id:?} belongs to an earlier line already");
        return Err(RowError::whole(line.number, problem));
    }
    let Some(claim) = &line.payload.claim else {
        return Ok(None);
    };
    match ids.get(&claim.id) {
        Some(stream) => Ok(Some(stream.clone())),
        None => Err(line.claim_error(format!("no good earlier line has the id {:?}", claim.id))),
    }
}

/// A line whose event is in order, as far as can be known here.
#[derive(Debug)]
pub(super) struct Valid {
    /// The stream it is for.
    pub(super) stream: StreamName,
    /// The event.
    pub(super) event: proto::NewEvent,
    /// The claim that it is about.
    pub(super) about: Option<Position>,
}

/// The line as an event in its stream, if all that can be known of it here is in order.
pub(super) fn valid(
    line: &Line,
    claim: Option<Position>,
    claim_stream: Option<StreamName>,
) -> Result<Valid, RowError> {
    let event = line.event(claim);
    let stream = stream(line, &event, claim_stream)?;
    let any = event.payload.as_ref();
    let (name, value) = any.map_or(("", [].as_slice()), |any| (any.type_name(), &any.value));
    match examine(&stream, name, value) {
        Ok(known) => {
            let about = known.and_then(|known| known.about());
            Ok(Valid { stream, event, about })
        }
        Err(violations) => {
            let column = line.payload_offset + 1;
            Err(RowError { line: line.number, column, problem: violations.to_string() })
        }
    }
}

/// The stream that the line's event is for: as it says, or as follows from its payload.
fn stream(
    line: &Line,
    event: &proto::NewEvent,
    claim_stream: Option<StreamName>,
) -> Result<StreamName, RowError> {
    if let Some(stream) = line.stream.clone().or(claim_stream) {
        return Ok(stream);
    }
    let any = event.payload.as_ref();
    let known = any.and_then(|any| Known::decode(any.type_name(), &any.value)?.ok());
    let problem = match known.as_ref().map(|known| (known.home(), known)) {
        Some((Some(Home::Stream(stream)), _)) => return Ok(stream),
        Some((Some(Home::OfClaim(claim)), _)) => {
            format!("\"stream\" is needed here: that of claim {claim}")
        }
        Some((None, known)) => known.validate().err().unwrap_or_default().to_string(),
        None => "\"stream\" is needed: it does not follow from a payload of this type".to_owned(),
    };
    Err(RowError { line: line.number, column: line.payload_offset + 1, problem })
}
