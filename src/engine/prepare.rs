//! What an append's own task does before the writer sees it: validation, which is pure, and
//! looking up in the index, as of some position, what the decision needs.

use std::collections::{HashMap, hash_map::Entry};

use crate::{
    domain::{
        append::Resolved,
        claim,
        event::{Append, Digest, NewEvent, Position, Remembered, RequestId, Revision},
        examine::{self, Examined, examine},
        filter::Filter,
        identity,
        known::Known,
        limits,
        name::{RESERVED_TAG_KEYS, StreamName, Tag},
        proto::ClaimPreferred,
        recorded,
        violation::Violations,
        wire::Room,
    },
    engine::{
        AppendError, BeyondHead, End,
        claims::{History, changes_of},
        reader::Reader,
        writer::Verdict,
    },
    log::frame::AppendEntry,
};

/// A valid append: its content will not be looked at again.
#[derive(Debug)]
pub(super) struct Prepared {
    append: Append,
    digest: Digest,
    /// Events about claims, by their place among all events of the append.
    about: Vec<(usize, Known)>,
    bytes: usize,
}

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

impl Prepared {
    /// The preferences among the events, which have to fit what the record says.
    pub(super) fn preferences(&self) -> impl Iterator<Item = &ClaimPreferred> {
        fn preferred(event: &Known) -> Option<&ClaimPreferred> {
            if let Known::ClaimPreferred(preferred) = event { Some(preferred) } else { None }
        }
        self.about.iter().filter_map(|(_, event)| preferred(event))
    }

    /// Bytes that the events will take, at most.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The author of an append.
#[derive(Clone, Copy, Debug)]
pub(super) enum Author {
    /// A client: its payloads are looked at, and the server's own streams are closed to it.
    Client,
    /// The server itself, with the digest of the request that it answers by it, if it has an id.
    Server(Option<Digest>),
}

impl Author {
    /// The digest that identifies a repetition of the append: of the request, as it was typed.
    pub(super) fn digest(self, append: &Append) -> Digest {
        match self {
            Self::Server(Some(digest)) => digest,
            Self::Client | Self::Server(None) => append.digest(),
        }
    }
}

/// An append that is refused without looking at the log.
#[derive(Debug)]
pub(super) struct Refused {
    /// Why.
    pub(super) error: AppendError,
    /// What its repetition is known by, if the rules of an older build let it in.
    pub(super) known_by: Option<(RequestId, Digest)>,
}

/// Checks all that can be checked without looking at the log; `head` bounds the condition.
pub(super) fn check(
    append: Append,
    author: Author,
    recorded_by: &str,
    head: Position,
) -> Result<Prepared, Refused> {
    if let Err(found) = check_size(&append, recorded_by) {
        return Err(Refused { error: AppendError::Invalid(found), known_by: None });
    }
    let (id, digest) = (append.request_id, author.digest(&append));
    check_content(append, digest, author, recorded_by, head)
        .map_err(|error| Refused { error, known_by: id.map(|id| (id, digest)) })
}

fn check_content(
    mut append: Append,
    digest: Digest,
    author: Author,
    recorded_by: &str,
    head: Position,
) -> Result<Prepared, AppendError> {
    let (mut about, mut room) = (Vec::new(), Room::default());
    let (mut bytes, mut place) = (0, 0);
    let mut violations = Violations::default();
    check_shape(&append, author, &mut violations);
    for (index, write) in append.writes.iter_mut().enumerate() {
        let mut home = None;
        for (number, event) in write.events.iter_mut().enumerate() {
            let path = format!("writes[{index}].events[{number}]");
            event.check_limits(&path, &mut violations);
            match admit(author, &write.stream, event, &mut room) {
                Err(found) => {
                    examine::place(found, &format!("writes[{index}]"), &path, &mut violations);
                }
                Ok(Admitted::Foreign) => home = home.or_else(|| Some(write.stream.folded())),
                Ok(Admitted::FirstHand(own)) => home = own.or(home),
                Ok(Admitted::About(known)) => about.push((place, *known)),
            }
            let size = recorded::size_bound(&write.stream, recorded_by, event);
            if size > limits::EVENT_BYTES {
                violations.exceeds(path, "bytes", size, limits::EVENT_BYTES);
            }
            bytes += size;
            place += 1;
        }
        // Events about claims go where their claims are, however that stream is spelled.
        if let Some(home) = home.filter(|_| matches!(author, Author::Client)) {
            write.stream = home;
        }
    }
    check_streams(&append, &mut violations);
    check_bytes(bytes, &mut violations);
    violations.into_result(()).map_err(AppendError::Invalid)?;
    check_condition(&append, head)?;
    Ok(Prepared { append, digest, about, bytes })
}

/// What an event is to the record.
enum Admitted {
    /// Of another package, or recorded by the server of itself.
    Foreign,
    /// A claim or a source, with its own stream.
    FirstHand(Option<StreamName>),
    /// About a claim, which the event has to fit.
    About(Box<Known>),
}

/// Looks at an event that a client brings, and makes it as it will be recorded; what the server
/// records of itself is as it should be.
fn admit(
    author: Author,
    stream: &StreamName,
    event: &mut NewEvent,
    room: &mut Room,
) -> Result<Admitted, Violations> {
    let examined = match author {
        Author::Server(_) => None,
        Author::Client => examine(stream, event.type_name.as_str(), &event.payload, room)?,
    };
    let Some(Examined { known, rewritten, home }) = examined else {
        add_tags(event, []);
        return Ok(Admitted::Foreign);
    };
    add_tags(event, known.tags());
    if let Some(payload) = rewritten {
        event.payload = payload;
    }
    let about = known.about().is_some();
    Ok(if about { Admitted::About(Box::new(known)) } else { Admitted::FirstHand(home) })
}

/// What is too large as a whole is not looked at more closely: it would cost more than what it is
/// refused for.
fn check_size(append: &Append, recorded_by: &str) -> Result<(), Violations> {
    let mut violations = Violations::default();
    let sizes = append.events().map(|(stream, it)| recorded::size_bound(stream, recorded_by, it));
    check_bytes(sizes.sum(), &mut violations);
    check_count(append, &mut violations);
    violations.into_result(())
}

fn check_bytes(bytes: usize, violations: &mut Violations) {
    if bytes > limits::APPEND_BYTES {
        violations.exceeds("writes", "bytes of events", bytes, limits::APPEND_BYTES);
    }
}

fn check_count(append: &Append, violations: &mut Violations) {
    let events = append.events().count();
    if events > limits::APPEND_EVENTS {
        violations.exceeds("writes", "events", events, limits::APPEND_EVENTS);
    }
}

fn check_condition(append: &Append, head: Position) -> Result<(), AppendError> {
    let Some(condition) = &append.condition else { return Ok(()) };
    let (given, end) = (End::Number(condition.after_position), End::Number(head));
    BeyondHead::check("condition.after_position", given, end).map_err(AppendError::BeyondHead)
}

fn check_shape(append: &Append, author: Author, violations: &mut Violations) {
    if append.writes.is_empty() {
        violations.add("writes", "is empty; name at least one stream and one event");
    }
    for (index, write) in append.writes.iter().enumerate() {
        if write.events.is_empty() {
            violations.add(format!("writes[{index}].events"), "is empty; give at least one event");
        }
    }
    if matches!(author, Author::Client) {
        check_names(append, violations);
    }
}

/// No stream is named twice, in whatever spelling.
fn check_streams(append: &Append, violations: &mut Violations) {
    let mut seen = HashMap::new();
    for (index, write) in append.writes.iter().enumerate() {
        if let Some(first) = seen.insert(write.stream.clone(), index) {
            let problem = format!("is the stream of writes[{first}] too; put all its events there");
            violations.add(format!("writes[{index}].stream"), problem);
        }
    }
}

/// Tags of clients and streams of other services are not folded, so none may hide how it is
/// spelled. Streams of the record itself are found under every spelling.
fn check_names(append: &Append, violations: &mut Violations) {
    for (index, write) in append.writes.iter().enumerate() {
        if let Some(problem) = identity::hidden(write.stream.folded().as_str()) {
            violations.add(format!("writes[{index}].stream"), problem);
        }
        for (number, event) in write.events.iter().enumerate() {
            event.check_tags(&format!("writes[{index}].events[{number}]"), violations);
        }
    }
}

fn add_tags(event: &mut NewEvent, derived: impl IntoIterator<Item = Tag>) {
    event.tags.extend(derived);
    event.tags.sort();
    event.tags.dedup();
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
    let assumes_no = claims(prepared, &mut append, reader).await?;
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

/// What is known of a claim when an event about it is checked.
#[derive(Clone, Debug)]
struct ClaimState {
    stream: String,
    recorded: Known,
    latest: Known,
    /// The server's tags on the claim itself.
    own_tags: Vec<Tag>,
    retracted: Option<Position>,
}

/// Checks the events about claims and gives them the claims' tags. Returns the events that must
/// not have come in between, since what was checked rests on their absence.
async fn claims(
    prepared: &Prepared,
    append: &mut Append,
    reader: &Reader,
) -> Result<Option<Filter>, AppendError> {
    let mut states: HashMap<Position, Option<ClaimState>> = HashMap::new();
    for (place, event) in &prepared.about {
        let Some(position) = event.about() else { continue };
        let state = match states.entry(position) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(look_up(position, reader).await?),
        };
        let state = state.as_mut();
        let target = state.as_deref().map(|state| &state.recorded);
        let latest = state.as_deref().map(|state| &state.latest);
        let retracted = state.as_deref().and_then(|state| state.retracted);
        claim::check(event, target, latest, retracted).map_err(AppendError::Rule)?;
        let Some(state) = state else { continue };
        join_claim(append, (*place, &prepared.about), state)?;
        state.follow(event);
    }
    if states.is_empty() {
        return Ok(None);
    }
    let mut violations = Violations::default();
    check_streams(append, &mut violations);
    violations.into_result(()).map_err(AppendError::Invalid)?;
    let items = states.keys().map(|position| changes_of(*position)).collect();
    Ok(Some(Filter::of_server(items)))
}

/// Puts an event into its claim's stream, which it must name, and gives it the claim's tags.
fn join_claim(
    append: &mut Append,
    (place, about): (usize, &[(usize, Known)]),
    state: &ClaimState,
) -> Result<(), AppendError> {
    let mut before = 0;
    for (index, write) in append.writes.iter_mut().enumerate() {
        let within = before..before + write.events.len();
        if within.contains(&place) {
            // The request or an older build may have spelled the claim's stream otherwise. Only a
            // write of events about claims can follow it there, and by its first event.
            let others = about.iter().filter(|(other, _)| within.contains(other)).count();
            if place == before
                && others == write.events.len()
                && let Ok(stored) = StreamName::parse(&state.stream)
                && stored.folded() == write.stream.folded()
            {
                write.stream = stored;
            }
            if write.stream.as_str() != state.stream {
                let mut violations = Violations::default();
                let problem = format!("is not the claim's stream, which is {:?}", state.stream);
                violations.add(format!("writes[{index}].stream"), problem);
                return Err(AppendError::Invalid(violations));
            }
            if let Some(event) = write.events.get_mut(place - before) {
                add_tags(event, state.tags());
            }
            return Ok(());
        }
        before = within.end;
    }
    Ok(())
}

impl ClaimState {
    /// What an event about the claim is found by beside its own tags: those of the claim as it was
    /// recorded and as it reads now. Readings in between are left out, or each correction would
    /// carry the tags of all before it.
    fn tags(&self) -> impl Iterator<Item = Tag> {
        self.own_tags.iter().cloned().chain(self.latest.tags())
    }

    /// Takes in an event about the claim that stands earlier in the same append.
    fn follow(&mut self, event: &Known) {
        if let Known::ClaimRetracted(_) = event {
            self.retracted = Some(Position::MAX);
        } else if let Some(replacement) = event.replacement() {
            self.latest = replacement;
        }
    }
}

/// Reads a claim and what became of it; `None`: there is no such event.
async fn look_up(position: Position, reader: &Reader) -> Result<Option<ClaimState>, AppendError> {
    if position > reader.head().position {
        return Ok(None);
    }
    let event = reader.event(position).await?;
    let payload = event.payload.unwrap_or_default();
    let Some(Ok(recorded)) = Known::read(payload.type_name(), &payload.value) else {
        return Ok(None);
    };
    let History { retracted, latest, .. } = History::of(position, reader).await?;
    let own_tags = server_tags(&event.tags);
    let latest = latest.unwrap_or_else(|| recorded.clone());
    Ok(Some(ClaimState { stream: event.stream, recorded, latest, own_tags, retracted }))
}

fn server_tags(tags: &[String]) -> Vec<Tag> {
    let tags = tags.iter().filter_map(|tag| Tag::parse(tag).ok());
    tags.filter(|tag| RESERVED_TAG_KEYS.contains(&tag.key())).collect()
}
