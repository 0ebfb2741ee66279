//! The services that record one event of the record's own language: what they share.
//!
//! Each is an append of one event to the stream that is its own, so whatever holds for appends
//! holds here: validation, request ids, durability before the answer.

use std::collections::BTreeMap;

use prost::{Message, Name};

use crate::{
    domain::{
        claim,
        event::{Append, NewEvent, Position, RequestId, Write},
        known::{Home, Known},
        name::{StreamName, TypeName},
        proto::{Any, Receipt},
        violation::Violations,
        wire::Room,
    },
    engine::{AppendError, Engine, Reach},
    grpc::{
        access::{self, Caller},
        convert,
        status::RpcError,
    },
};

/// Where violations of the single event of an append are found.
const EVENT: &str = "writes[0].events[0]";

/// What a recording request carries beside its event.
#[derive(Debug)]
pub(crate) struct Extras {
    pub(crate) request_id: String,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// How far its positions are valid; absent: it names no position.
    pub(crate) reach: Option<Reach>,
}

/// Records `message`, which the request holds in `field`, for a caller who may do that.
pub(crate) async fn record<M: Message + Name>(
    engine: &Engine,
    caller: &Caller,
    field: &str,
    message: Option<M>,
    extras: Extras,
) -> Result<Receipt, RpcError> {
    let reach = extras.reach.clone().unwrap_or_default();
    let EventDraft { request_id, known, home, event } = prepare(field, message.as_ref(), extras)?;
    let stream = match home {
        Home::Stream(stream) => stream,
        Home::OfClaim(claim) => {
            caller.may_speak_of(engine, claim).await?;
            reach.check("claim", claim)?;
            match stream_of(engine, claim).await {
                Ok(stream) => stream,
                Err(missing) => return Err(wrong_fields(field, &known).map_or(missing, Into::into)),
            }
        }
    };
    let typed = stream.to_string();
    let writes = vec![Write { stream, expected_revision: None, events: vec![event] }];
    let append = Append { request_id, writes, condition: None, recorded_by: None };
    let append = caller.appended(engine, append).await?;
    let appended = engine.append(append).await.map_err(|error| rebased(error, field))?;
    // One event is in one stream, and the stream's name is recorded folded.
    let (stream, revision) = appended.revisions.into_iter().next().unwrap_or((typed, 0));
    let undone = appended.undone.first().map(|undone| (*undone).into());
    let (position, duplicate) = (appended.first_position, appended.duplicate);
    Ok(Receipt { position, revision, stream, duplicate, undone })
}

/// The stream of a claim. Where there is none, the refusal is the engine's own.
async fn stream_of(engine: &Engine, claim: Position) -> Result<StreamName, RpcError> {
    let stream = access::stream_of(engine, claim).await?;
    stream.ok_or_else(|| AppendError::Rule(claim::missing(claim)).into())
}

/// An event, which the engine will look at, and where it belongs.
struct EventDraft {
    request_id: Option<RequestId>,
    known: Known,
    home: Home,
    event: NewEvent,
}

fn prepare<M: Message + Name>(
    field: &str,
    message: Option<&M>,
    extras: Extras,
) -> Result<EventDraft, Violations> {
    let mut wrong = Violations::default();
    let request_id = convert::request_id(&extras.request_id, &mut wrong);
    let tags = convert::own_tags(&extras.tags, format_args!(""), &mut wrong);
    let Some(message) = message else {
        wrong.add(field, "is missing");
        return Err(wrong);
    };
    let payload = Any::pack(message);
    let known = Known::admit(payload.type_name(), &payload.value, &mut Room::default());
    let Some(known) = known else {
        wrong.add(field, "is not an event that the record knows");
        return Err(wrong);
    };
    let known = match known {
        Ok(known) => known,
        Err(found) => {
            wrong.absorb(field, found);
            return Err(wrong);
        }
    };
    let type_name = TypeName::parse(payload.type_name());
    // No claim is at 0; the validation says so.
    let home = known.typed_home().filter(|home| *home != Home::OfClaim(0));
    if home.is_none() || !wrong.0.is_empty() {
        // The engine will not see it, so all that is wrong is reported here at once.
        wrong.0.extend(wrong_fields(field, &known).unwrap_or_default().0);
    }
    let (Some(home), Ok(type_name)) = (home, type_name) else {
        if wrong.0.is_empty() {
            wrong.add(field, "has no stream of its own");
        }
        return Err(wrong);
    };
    let event = NewEvent {
        type_url: payload.type_url,
        type_name,
        payload: payload.value,
        tags,
        metadata: extras.metadata,
    };
    wrong.into_result(EventDraft { request_id, known, home, event })
}

/// What is wrong with the fields of an event, which the request holds in `field`.
fn wrong_fields(field: &str, known: &Known) -> Option<Violations> {
    let mut wrong = Violations::default();
    wrong.absorb(field, known.validate().err()?);
    Some(wrong)
}

/// Violations as the recording request names its fields.
fn rebased(error: AppendError, field: &str) -> RpcError {
    if let AppendError::Invalid(violations) = error {
        let violations = violations.rebased(&format!("{EVENT}.payload"), field);
        return violations.rebased(EVENT, "").into();
    }
    error.into()
}
