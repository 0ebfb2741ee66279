//! Resolution of an append: looking up in the index, as of some position, what the decision on it
//! needs.

use crate::{
    domain::{
        append::Resolved,
        event::{Append, Digest, Position, Remembered, RequestId, Revision},
    },
    engine::{AppendError, claim_rules, reader::Reader, validation::Prepared, writer::Verdict},
    log::frame::AppendEntry,
};

/// An append with what was looked up for it.
pub(super) type Request = (Append, Digest, Resolved);

/// What the lookup leads to.
#[derive(Debug)]
pub(super) enum Resolution {
    /// The writer decides.
    Decide(Box<Request>),
    /// The answer is known without the writer.
    Answer(Box<Verdict>),
}

/// Looks up what the decision on an append needs, as of the index's watermark.
pub(super) async fn resolve(
    prepared: &Prepared,
    reader: &Reader,
) -> Result<Resolution, AppendError> {
    // The writer knows what came after the log was opened; of an event about a claim that was
    // acknowledged a moment ago, the claim must be found.
    let about_claims = !prepared.about.is_empty();
    let needed = if about_claims { reader.head().position } else { reader.opened_at() };
    reader.indexed(needed).await?;
    let as_of = reader.watermark();
    if let Some(earlier) = remembered(prepared.append.request_id, reader).await? {
        let same = earlier.digest == prepared.digest;
        let verdict = if same { Verdict::Repeat(earlier) } else { Verdict::Reused(earlier) };
        return Ok(Resolution::Answer(Box::new(verdict)));
    }
    let mut append = prepared.append.clone();
    let assumes_no = claim_rules::check(prepared, &mut append, reader).await?;
    let (revisions, condition) = state_of(&append, reader).await?;
    let resolved = Resolved { as_of, revisions, condition, assumes_no };
    Ok(Resolution::Decide(Box::new((append, prepared.digest, resolved))))
}

/// The append that was made with this request id before.
pub(super) async fn remembered(
    id: Option<RequestId>,
    reader: &Reader,
) -> Result<Option<Remembered>, AppendError> {
    let Some(id) = id else { return Ok(None) };
    let known =
        reader.ask(move |log, blocking| match log.index().lookup(blocking).request(&id)? {
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
    append: &Append,
    reader: &Reader,
) -> Result<(Vec<Revision>, Option<Position>), AppendError> {
    let streams: Vec<_> = append.writes.iter().map(|write| write.stream.clone()).collect();
    let condition = append.condition.as_ref().map(|it| (it.filter.clone(), it.after_position));
    let state = reader.ask(move |log, blocking| {
        let lookup = log.index().lookup(blocking);
        let revisions = streams.iter().map(|stream| lookup.revision(stream));
        let revisions = revisions.collect::<Result<_, _>>()?;
        let violating = match &condition {
            Some((filter, after)) => lookup.last_match(filter, *after)?,
            None => None,
        };
        Ok((revisions, violating))
    });
    Ok(state.await?)
}
