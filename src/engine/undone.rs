//! Finds which events of a repeated request have no effect any more, and which later event took the
//! effect away.
//!
//! The answer to a repeated request stays the first one, for ever. Its effect can be gone all the
//! same, and the answer says so.

use crate::{
    domain::{
        event::{Direction, Position},
        filter::Filter,
        known::Known,
    },
    engine::{
        ReadError, Undoing, Undone,
        claims::{History, changes_of},
        reader::Reader,
        record::RecordReader,
    },
    log::index::Span,
    projections::{Projection as _, claim_history},
};

/// Events that are looked up at once.
const EVENTS_AT_ONCE: usize = 256;

/// Those of the events that have no effect any more.
pub(super) async fn among(
    events: &[(Position, Known)],
    reader: &Reader,
    record: &RecordReader,
) -> Result<Vec<Undone>, ReadError> {
    let mut undone = Vec::new();
    for some in events.chunks(EVENTS_AT_ONCE) {
        let changed = are_changed(some, reader).await?;
        for (position, event) in some {
            let taken_back =
                if changed { taken_back(*position, event, reader).await? } else { None };
            let found = match taken_back {
                Some(found) => Some(found),
                None => replaced(*position, event, reader, record).await?,
            };
            undone.extend(found.map(|(by, how)| Undone { position: *position, by, how }));
        }
    }
    Ok(undone)
}

/// Whether there is a retraction or correction of any of the events, or of the claims that they are
/// about. Mostly there is none, and one lookup shows it for all of them.
async fn are_changed(events: &[(Position, Known)], reader: &Reader) -> Result<bool, ReadError> {
    let claims = events.iter().flat_map(|(position, event)| [Some(*position), event.about()]);
    let changes = Filter::of_server(claims.flatten().map(changes_of).collect());
    let span = Span { after: 0, up_to: reader.head().position };
    Ok(!reader.matches(&changes, span, Direction::Forwards, 1).await?.is_empty())
}

async fn taken_back(
    position: Position,
    event: &Known,
    reader: &Reader,
) -> Result<Option<(Position, Undoing)>, ReadError> {
    // A retraction stands. A later registration of a source undoes no earlier one, as a later
    // report on an exchange does not: both are history.
    if matches!(event, Known::ClaimRetracted(_) | Known::SourceRegistered(_)) {
        return Ok(None);
    }
    let History { retracted, corrected, .. } = History::of(position, reader).await?;
    if let Some(by) = retracted {
        return Ok(Some((by, Undoing::Retracted)));
    }
    let Some(claim) = event.about() else {
        return Ok(corrected.map(|by| (by, Undoing::Corrected)));
    };
    let History { retracted, corrected, .. } = History::of(claim, reader).await?;
    if let Some(by) = retracted {
        return Ok(Some((by, Undoing::Retracted)));
    }
    // A correction replaces the one before, and leaves other events about the claim in force.
    let is_correction = matches!(event, Known::ClaimCorrected(_));
    let later = corrected.filter(|by| is_correction && *by > position);
    Ok(later.map(|by| (by, Undoing::Corrected)))
}

async fn replaced(
    position: Position,
    event: &Known,
    reader: &Reader,
    record: &RecordReader,
) -> Result<Option<(Position, Undoing)>, ReadError> {
    if !matches!(event, Known::ClaimPreferred(_)) {
        return Ok(None);
    }
    // Which preferences are for the same figure, only the register knows. While it has stopped, the
    // repetition fails as a new preference does: no answer may claim what is not known.
    record.reached(reader.head().position).await?;
    let replaced = record.query(move |register| {
        let view = register.at(register.position());
        claim_history::replaced(&view, position)
    });
    Ok(replaced.await?.map(|by| (by, Undoing::Replaced)))
}
