//! What a caller may append: events in streams of its categories, claims about claims only as a
//! curator, and nothing by which it would learn of what it may not read.

use super::caller::{Caller, Recording};
use crate::{
    domain::{
        access::{Categories, Permission},
        event::{Append, NewEvent, Position},
        known::Known,
        name::StreamName,
        wire::Room,
    },
    engine::Engine,
    grpc::status::RpcError,
};

/// The types of claims about claims.
const ABOUT_CLAIMS: [&str; 5] = [
    "handover.v1.ClaimConfirmed",
    "handover.v1.ClaimCorrected",
    "handover.v1.ClaimDisputed",
    "handover.v1.ClaimPreferred",
    "handover.v1.ClaimRetracted",
];
/// What is said of a claim that is elsewhere, and just so of one that is nowhere.
const OF_CLAIM: &str = "no claim of theirs is at the position that is named";

impl Caller {
    /// The append as it is recorded for this caller, or why it may not be.
    pub(crate) async fn appended(
        &self,
        engine: &Engine,
        append: Append,
    ) -> Result<Append, RpcError> {
        let Some(recording) = self.recording()? else { return Ok(append) };
        check_streams(&recording, &append)?;
        if let Some(condition) = &append.condition {
            let readable = recording.categories(Permission::Read)?;
            if !readable.hold(&condition.filter) {
                let concerns = "the condition looks for events elsewhere";
                return Err(recording.limited(readable, concerns));
            }
        }
        check_claims(&recording, engine, &append).await?;
        Ok(Append { recorded_by: self.recorded_by(), ..append })
    }

    /// Refuses to speak about a claim that the caller may not, whether or not it is there.
    pub(crate) async fn may_speak_of(
        &self,
        engine: &Engine,
        claim: Position,
    ) -> Result<(), RpcError> {
        match self.recording()? {
            Some(recording) => check_claim(&recording, engine, claim).await,
            None => Ok(()),
        }
    }
}

fn check_streams(recording: &Recording<'_>, append: &Append) -> Result<(), RpcError> {
    for (permission, of_claims) in [(Permission::Record, false), (Permission::Curate, true)] {
        let such = |event: &NewEvent| is_about_claim(event) == of_claims;
        let mut streams =
            append.events().filter(|(_, event)| such(event)).map(|it| it.0).peekable();
        if streams.peek().is_none() {
            continue;
        }
        let permitted = recording.categories(permission)?;
        if !streams.all(|stream| permitted.has(stream.category())) {
            return Err(recording.limited(permitted, "a stream is in another category"));
        }
    }
    Ok(())
}

fn is_about_claim(event: &NewEvent) -> bool {
    ABOUT_CLAIMS.contains(&event.type_name.as_str())
}

async fn check_claims(
    recording: &Recording<'_>,
    engine: &Engine,
    append: &Append,
) -> Result<(), RpcError> {
    if !append.events().any(|(_, event)| is_about_claim(event))
        || recording.categories(Permission::Curate)? == Categories::All
    {
        return Ok(());
    }
    for claim in claims(append) {
        check_claim(recording, engine, claim).await?;
    }
    Ok(())
}

/// The claims that the events are about. Payloads are counted before they are decoded. The engine
/// refuses those that hold too much or cannot be decoded.
fn claims(append: &Append) -> impl Iterator<Item = Position> {
    let mut room = Room::default();
    append.events().filter_map(move |(_, event)| {
        if !is_about_claim(event) {
            return None;
        }
        Known::admit(event.type_name.as_str(), &event.payload, &mut room)?.ok()?.about()
    })
}

async fn check_claim(
    recording: &Recording<'_>,
    engine: &Engine,
    claim: Position,
) -> Result<(), RpcError> {
    let permitted = recording.categories(Permission::Curate)?;
    if permitted == Categories::All {
        return Ok(());
    }
    let stream = stream_of(engine, claim).await?;
    if stream.is_some_and(|stream| permitted.has(stream.category())) {
        return Ok(());
    }
    Err(recording.limited(permitted, OF_CLAIM))
}

/// The stream of the event at a position; `None`: there is none.
pub(crate) async fn stream_of(
    engine: &Engine,
    claim: Position,
) -> Result<Option<StreamName>, RpcError> {
    if !(1..=engine.head().position).contains(&claim) {
        return Ok(None);
    }
    let events = engine.record().events([claim]).await?;
    Ok(events.get(&claim).and_then(|event| StreamName::parse(&event.stream).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::Write,
        known::examples,
        limits,
        name::TypeName,
        proto::{Actor, Any, Attribution, ClaimRetracted},
    };

    /// A retraction of the claim at position 7 that was relayed by so many.
    fn retraction(relayed_by: usize) -> NewEvent {
        let relayed_by = vec![Actor::default(); relayed_by];
        let attribution = Attribution { relayed_by, ..Attribution::default() };
        let event =
            ClaimRetracted { attribution: Some(attribution), claim: 7, ..Default::default() };
        let Any { type_url, value: payload } = Any::pack(&event);
        let type_name = TypeName::parse("handover.v1.ClaimRetracted").unwrap();
        NewEvent { type_url, type_name, payload, tags: vec![], metadata: [].into() }
    }

    fn append(events: Vec<NewEvent>) -> Append {
        let stream = StreamName::parse("exchange/demo-1").unwrap();
        let writes = vec![Write { stream, expected_revision: None, events }];
        Append { request_id: None, writes, condition: None, recorded_by: None }
    }

    #[test]
    fn events_about_claims_are_counted_before_they_are_decoded() {
        let found = |events| claims(&append(events)).collect::<Vec<Position>>();
        assert_eq!(found(vec![retraction(1), retraction(1)]), [7, 7]);
        let huge = found(vec![retraction(limits::FIELDS)]);
        assert!(huge.is_empty(), "decoded, it takes 40 times more");
        let many = limits::FIELDS / 16;
        assert!(found(vec![retraction(16); many]).len() < many, "they share the room of a request");
    }

    #[test]
    fn the_types_about_claims_are_those_that_name_one() {
        let about = examples::all().into_iter().filter(|it| it.about().is_some());
        let mut about: Vec<_> = about.map(|it| it.type_name()).collect();
        about.sort_unstable();
        assert_eq!(about, ABOUT_CLAIMS);
    }
}
