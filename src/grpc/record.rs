//! The services that record one event of the record's own language: what they share.
//!
//! Each is an append of one event to the stream that is its own, so whatever holds for appends
//! holds here: validation, request ids, durability before the answer.

use std::{collections::BTreeMap, sync::Arc};

use prost::{Message, Name};

use crate::{
    domain::{
        event::{Append, NewEvent, Write},
        known::{Home, Known},
        name::TypeName,
        proto::{Any, Receipt},
        violation::Violations,
    },
    engine::{AppendError, Engine},
    grpc::{convert, status::Fault},
};

/// Where violations of the single event of an append are found.
const EVENT: &str = "writes[0].events[0]";

/// What a recording request carries beside its event.
#[derive(Debug)]
pub(crate) struct Extras {
    pub(crate) request_id: String,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Records events one by one.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(pub(crate) Arc<Engine>);

impl Recorder {
    /// Records `message`, which the request holds in `field`.
    pub(crate) async fn record<M: Message + Name>(
        &self,
        field: &str,
        message: Option<M>,
        extras: Extras,
    ) -> Result<Receipt, Fault> {
        let append = prepare(field, message.as_ref(), extras)?;
        let stream = append.writes.first().map(|write| write.stream.to_string());
        let appended = self.0.append(append).await.map_err(|error| rebased(error, field))?;
        let stream = stream.unwrap_or_default();
        Ok(Receipt {
            position: appended.first_position,
            revision: appended.revisions.get(&stream).copied().unwrap_or_default(),
            stream,
            duplicate: appended.duplicate,
        })
    }
}

fn prepare<M: Message + Name>(
    field: &str,
    message: Option<&M>,
    extras: Extras,
) -> Result<Append, Violations> {
    let mut wrong = Violations::default();
    let request_id = convert::request_id(&extras.request_id, &mut wrong);
    let tags = convert::own_tags(&extras.tags, "", &mut wrong);
    let Some(message) = message else {
        wrong.add(field, "is missing");
        return Err(wrong);
    };
    let payload = Any::pack(message);
    let known = Known::decode(payload.type_name(), &payload.value);
    let Some(Ok(known)) = known else {
        wrong.add(field, "is not an event that the record knows");
        return Err(wrong);
    };
    if let Err(found) = known.validate() {
        wrong.absorb(field, found);
        return Err(wrong);
    }
    let type_name = TypeName::parse(payload.type_name());
    let (Some(Home::Stream(stream)), Ok(type_name)) = (known.home(), type_name) else {
        wrong.add(field, "has no stream of its own");
        return Err(wrong);
    };
    let event = NewEvent {
        type_url: payload.type_url,
        type_name,
        payload: payload.value,
        tags,
        metadata: extras.metadata,
    };
    let writes = vec![Write { stream, expected_revision: None, events: vec![event] }];
    wrong.into_result(Append { request_id, writes, condition: None })
}

/// Violations as the recording request names its fields.
fn rebased(error: AppendError, field: &str) -> Fault {
    if let AppendError::Invalid(violations) = error {
        let violations = violations.rebased(&format!("{EVENT}.payload"), field);
        return violations.rebased(EVENT, "").into();
    }
    error.into()
}
