//! Appends, put together from typed events and repeated until they are answered.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{CallError, Client, ClientError, ClientErrorKind, retry};
use crate::domain::{
    event::Position,
    known::{Home, Known},
    name::StreamName,
    proto::{
        Any, AppendCondition, AppendRequest, AppendResponse, Filter, NewEvent, ReadRequest,
        StreamWrite, read_request::Start,
    },
};

/// An event to be appended: a message, and what goes with it. Any message is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(NewEvent);

impl Event {
    /// An event with a message that is packed already.
    pub fn packed(payload: Any) -> Self {
        Self(NewEvent { payload: Some(payload), ..NewEvent::default() })
    }

    /// The same event with one label more, `key:value`.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.0.tags.push(tag.into());
        self
    }

    /// The same event with something that accompanies it, such as a correlation id.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.metadata.insert(key.into(), value.into());
        self
    }

    /// Where the event belongs, if its type and its fields say so. A stream stands there as it was
    /// typed and as it is recorded.
    fn home(&self) -> Result<Belongs, ClientError> {
        let payload = self.0.payload.clone().unwrap_or_default();
        let known = match Known::decode(payload.type_name(), &payload.value) {
            Some(Ok(known)) => known,
            Some(Err(error)) => {
                return Err(invalid(format!("{}: {error}", payload.type_name())));
            }
            None => {
                let problem = "has no stream of its own: name one with `event_in`";
                return Err(invalid(format!("{} {problem}", payload.type_name())));
            }
        };
        let typed = known.typed_home().ok_or_else(|| {
            let problem = "lacks the id or the name that its stream follows from";
            invalid(format!("{} {problem}", known.type_name()))
        })?;
        Ok(match (typed, known.folded().home()) {
            (Home::OfClaim(claim), _) => Belongs::ToClaim(claim),
            (Home::Stream(typed), Some(Home::Stream(recorded))) => {
                Belongs::In(Named { typed: typed.to_string(), recorded: recorded.to_string() })
            }
            (Home::Stream(typed), _) => Belongs::In(Named::new(typed.to_string())),
        })
    }
}

/// Where an event belongs.
enum Belongs {
    /// In this stream.
    In(Named),
    /// In the stream of the claim at this position.
    ToClaim(Position),
}

/// A stream, which may be typed in several spellings and is recorded in one.
struct Named {
    typed: String,
    recorded: String,
}

impl Named {
    fn new(typed: String) -> Self {
        Self { recorded: recorded_as(&typed), typed }
    }
}

/// The name under which a stream is recorded; of what is no name, the same.
fn recorded_as(typed: &str) -> String {
    StreamName::parse(typed).map_or_else(|_| typed.to_owned(), |name| name.folded().to_string())
}

impl<M: prost::Message + prost::Name> From<M> for Event {
    fn from(message: M) -> Self {
        Self::packed(Any::pack(&message))
    }
}

fn invalid(message: String) -> ClientError {
    ClientError::local(ClientErrorKind::Invalid, message)
}

/// What is to be appended: all of it, or none.
///
/// Events of one stream keep their order. Streams follow one another in the order in which they
/// are first named, so the events of two streams do not lie between one another in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    request_id: Uuid,
    /// Each event with its stream; without one, it goes where it belongs.
    events: Vec<(Option<String>, Event)>,
    expected: BTreeMap<String, u64>,
    condition: Option<AppendCondition>,
}

impl Default for Append {
    fn default() -> Self {
        Self::new()
    }
}

impl Append {
    /// Nothing yet, under a request id of its own.
    pub fn new() -> Self {
        let (events, expected) = (Vec::new(), BTreeMap::new());
        Self { request_id: Uuid::new_v4(), events, expected, condition: None }
    }

    /// With an event of a type that the server knows, in the stream where it belongs. Where that is
    /// the stream of a claim, the claim is looked up.
    #[must_use]
    pub fn event(mut self, event: impl Into<Event>) -> Self {
        self.events.push((None, event.into()));
        self
    }

    /// With an event in a stream, `category/name`.
    #[must_use]
    pub fn event_in(mut self, stream: impl Into<String>, event: impl Into<Event>) -> Self {
        self.events.push((Some(stream.into()), event.into()));
        self
    }

    /// Only if the stream, which must be among those appended to, holds so many events; 0: if it
    /// does not exist.
    #[must_use]
    pub fn expect(mut self, stream: impl Into<String>, revision: u64) -> Self {
        self.expected.insert(stream.into(), revision);
        self
    }

    /// Only if no event after `position` matches the filter.
    #[must_use]
    pub fn unless(mut self, filter: Filter, position: u64) -> Self {
        let fail_if_match = Some(filter);
        self.condition = Some(AppendCondition { fail_if_match, after_position: position });
        self
    }

    /// Under this request id, for example one that was stored with the reason for the append: then
    /// it stays safe to repeat after the program was started anew.
    #[must_use]
    pub fn request_id(mut self, id: Uuid) -> Self {
        self.request_id = id;
        self
    }

    /// The request, given the streams of the claims that events are about.
    fn request(self, claims: &BTreeMap<Position, String>) -> Result<AppendRequest, ClientError> {
        let mut writes: Vec<StreamWrite> = Vec::new();
        let mut recorded: Vec<String> = Vec::new();
        for (stream, event) in self.events {
            let named = match stream {
                Some(stream) => Named::new(stream),
                None => stream_of(&event, claims)?,
            };
            let place = recorded.iter().position(|name| *name == named.recorded);
            if let Some(write) = place.and_then(|place| writes.get_mut(place)) {
                write.events.push(event.0);
                continue;
            }
            let (stream, events) = (named.typed, vec![event.0]);
            let mut expected = self.expected.iter();
            let expected_revision =
                expected.find(|(name, _)| recorded_as(name) == named.recorded).map(|(_, it)| *it);
            writes.push(StreamWrite { stream, expected_revision, events });
            recorded.push(named.recorded);
        }
        let named = |stream: &&String| recorded.contains(&recorded_as(stream));
        if let Some(stream) = self.expected.keys().find(|stream| !named(stream)) {
            return Err(invalid(format!("{stream}: is expected, but nothing is appended to it")));
        }
        let request_id = self.request_id.to_string();
        let condition = self.condition;
        Ok(AppendRequest { request_id, writes, condition, store: String::new() })
    }

    /// The claims for which streams have to be looked up.
    fn claims(&self) -> Result<Vec<Position>, ClientError> {
        let homeless = self.events.iter().filter(|(stream, _)| stream.is_none());
        let mut claims = Vec::new();
        for (_, event) in homeless {
            if let Belongs::ToClaim(claim) = event.home()? {
                claims.push(claim);
            }
        }
        Ok(claims)
    }
}

/// The stream of an event that names none.
fn stream_of(event: &Event, claims: &BTreeMap<Position, String>) -> Result<Named, ClientError> {
    match event.home()? {
        Belongs::In(stream) => Ok(stream),
        Belongs::ToClaim(claim) => {
            let stream = claims.get(&claim).cloned();
            let stream =
                stream.ok_or_else(|| invalid(format!("there is no event at position {claim}")))?;
            // It is recorded, so this is its only spelling.
            Ok(Named { typed: stream.clone(), recorded: stream })
        }
    }
}

impl Client {
    /// Appends events and repeats the request until it is answered, for as long as the client's
    /// [`Retry`](super::Retry) allows. However often it is repeated, it is recorded once, and only
    /// in the store that this client is for: a revision, or the position of a claim, means
    /// something else in another one.
    ///
    /// # Errors
    ///
    /// What the server has decided (a conflict, a field, a rule of the record) is never repeated.
    /// Where the time ran out, [`CallError::outcome_unknown`] says whether it may be recorded.
    pub async fn append(&self, append: Append) -> Result<AppendResponse, CallError> {
        self.append_in(append, None).await
    }

    /// The same to the store of this name; without one, to that of the client.
    pub(super) async fn append_in(
        &self,
        append: Append,
        store: Option<&str>,
    ) -> Result<AppendResponse, CallError> {
        let mut claims = BTreeMap::new();
        for claim in append.claims()? {
            if let Some(stream) = self.stream_of(claim).await? {
                claims.insert(claim, stream);
            }
        }
        let request = append.request(&claims)?;
        retry::retried(self.retry, || async {
            let store = match store {
                Some(name) => name.to_owned(),
                None => self.named_store().await?,
            };
            self.calls.append(AppendRequest { store, ..request.clone() }).await
        })
        .await
    }

    /// The stream of the event at a position.
    async fn stream_of(&self, position: Position) -> Result<Option<String>, CallError> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        let request = ReadRequest {
            start: Some(Start::AfterPosition(before)),
            limit: Some(1),
            ..ReadRequest::default()
        };
        let found = self.read_all(request).await?;
        Ok(found.into_iter().next().map(|event| event.stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        known::examples,
        proto::{ClaimConfirmed, ExchangeReported},
    };

    #[test]
    fn known_events_go_where_they_belong_and_others_where_the_caller_says() {
        let append = Append::new()
            .event(examples::statement())
            .event_in("desk/1", Event::from(examples::statement()).tag("own:yes"))
            .event(examples::exchange())
            .event(examples::role())
            .event(ClaimConfirmed { claim: 7, ..Default::default() })
            .expect("exchange/demo-1", 3);
        assert_eq!(append.claims().unwrap(), [7]);
        let id = append.request_id.to_string();
        let request = append.request(&[(7, "exchange/other".to_owned())].into()).unwrap();
        assert_eq!(request.request_id, id);
        let writes = request.writes.iter();
        let writes: Vec<_> = writes
            .map(|write| (write.stream.as_str(), write.expected_revision, write.events.len()))
            .collect();
        let expected = [
            ("statement/ana-demo", None, 1),
            ("desk/1", None, 1),
            ("exchange/demo-1", Some(3), 2),
            ("exchange/other", None, 1),
        ];
        assert_eq!(writes, expected);
        assert_eq!(request.writes[1].events[0].tags, ["own:yes"]);
    }

    #[test]
    fn spellings_of_one_stream_are_one_write() {
        let typed = |id: &str| ExchangeReported { exchange_id: id.into(), ..examples::exchange() };
        let append = Append::new()
            .event(typed("e\u{301}"))
            .event(typed("\u{e9}\u{200b}"))
            .event_in("exchange/\u{e9}", typed("\u{e9}"))
            .event_in("desk/e\u{301}", typed("\u{e9}"))
            .expect("exchange/\u{e9}\u{200b}", 7);
        let request = append.request(&BTreeMap::new()).unwrap();
        let writes = request.writes.iter();
        let writes: Vec<_> = writes
            .map(|write| (write.stream.as_str(), write.expected_revision, write.events.len()))
            .collect();
        assert_eq!(writes, [("exchange/e\u{301}", Some(7), 3), ("desk/e\u{301}", None, 1)]);
    }

    #[test]
    fn each_append_has_a_request_id_of_its_own_and_keeps_it() {
        let append = Append::new().event(examples::statement());
        let copy = append.clone().request(&BTreeMap::new()).unwrap();
        assert_eq!(copy, append.request(&BTreeMap::new()).unwrap());
        assert_ne!(Append::new().request_id, Append::new().request_id);
    }

    #[test]
    fn what_has_no_place_is_reported_before_anything_is_sent() {
        let refused = |append: Append| {
            let error = append.request(&BTreeMap::new()).unwrap_err();
            assert_eq!(error.kind, ClientErrorKind::Invalid);
            error.message
        };
        let other = Any { type_url: "x/demo.v1.Noted".to_owned(), value: "".into() };
        let reported = refused(Append::new().event(Event::packed(other)));
        assert!(reported.starts_with("demo.v1.Noted has no stream of its own"), "{reported}");
        let reported = refused(Append::new().event(crate::domain::proto::StatementMade::default()));
        assert!(reported.contains("lacks the id or the name"), "{reported}");
        let reported =
            refused(Append::new().event(ClaimConfirmed { claim: 7, ..Default::default() }));
        assert_eq!(reported, "there is no event at position 7");
        let reported = refused(Append::new().event(examples::statement()).expect("demo/1", 0));
        assert_eq!(reported, "demo/1: is expected, but nothing is appended to it");
    }
}
