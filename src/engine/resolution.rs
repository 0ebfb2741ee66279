//! Resolution of an append: looking up in the index, as of some position, what the decision on it
//! needs.

use std::sync::Arc;

use crate::{
    domain::{
        append::Resolved,
        event::{Append, Digest, Position, Remembered, RequestId, Revision},
    },
    engine::{AppendError, claim_rules, reader::Reader, validation::Prepared},
    log::frame::AppendEntry,
};

/// An append with what was looked up for it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) append: Arc<Append>,
    pub(super) digest: Digest,
    pub(super) resolved: Resolved,
}

/// What the lookup leads to.
#[derive(Debug)]
pub(super) enum Resolution {
    /// The writer decides.
    Decide(Box<Request>),
    /// It was acknowledged before: the answer is that of then.
    Repeat(Remembered),
    /// Its request id was used for something else.
    Reused(Remembered),
}

/// Looks up what the decision on an append needs, as of what both index and head have.
pub(super) async fn resolve(
    prepared: &Prepared,
    reader: &Reader,
) -> Result<Resolution, AppendError> {
    // The writer knows what came after the log was opened; of an event about a claim that was
    // acknowledged a moment ago, the claim must be found.
    let about_claims = !prepared.about.is_empty();
    let needed = if about_claims { reader.head().position } else { reader.opened_at() };
    reader.indexed(needed).await?;
    // The index may have events a moment before the head moves. Claims are looked up to the head,
    // so what lies beyond it counts as not seen: the writer rechecks it.
    let head = if planted!("index-ahead") { Position::MAX } else { reader.head().position };
    let as_of = reader.watermark().min(head);
    if let Some(earlier) = remembered(prepared.append.request_id, reader).await? {
        let same = earlier.digest == prepared.digest;
        return Ok(if same { Resolution::Repeat(earlier) } else { Resolution::Reused(earlier) });
    }
    let mut append = Arc::clone(&prepared.append);
    let assumes_no = claim_rules::check(prepared, &mut append, reader).await?;
    let (revisions, condition) = state_of(&append, reader).await?;
    let resolved = Resolved { as_of, revisions, condition, assumes_no };
    let digest = prepared.digest;
    Ok(Resolution::Decide(Box::new(Request { append, digest, resolved })))
}

/// The append that was made with this request id before.
pub(super) async fn remembered(
    id: Option<RequestId>,
    reader: &Reader,
) -> Result<Option<Remembered>, AppendError> {
    let Some(id) = id.filter(|_| !planted!("request-ids-forgotten")) else { return Ok(None) };
    let known =
        reader.look_up(move |log, blocking| match log.index().lookup(blocking).request(&id)? {
            Some(position) => log.append_at(position, &id, blocking),
            None => Ok(None),
        });
    let remembered = |entry: AppendEntry| {
        let AppendEntry { digest, first_position, count, .. } = entry;
        Remembered { digest, first_position, count }
    };
    Ok(known.await?.map(remembered))
}

/// The revisions of the append's streams, and the last event that violates its condition.
async fn state_of(
    append: &Arc<Append>,
    reader: &Reader,
) -> Result<(Vec<Revision>, Option<Position>), AppendError> {
    let append = Arc::clone(append);
    let state = reader.look_up(move |log, blocking| {
        let lookup = log.index().lookup(blocking);
        let revisions = append.writes.iter().map(|write| lookup.revision(&write.stream));
        let revisions = revisions.collect::<Result<_, _>>()?;
        let violating = match &append.condition {
            Some(condition) => lookup.last_match(&condition.filter, condition.after_position)?,
            None => None,
        };
        Ok((revisions, violating))
    });
    Ok(state.await?)
}
