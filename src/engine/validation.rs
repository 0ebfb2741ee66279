//! Validation of an append: all that can be checked without looking at the log. Pure.

use std::{collections::HashMap, sync::Arc};

use crate::{
    domain::{
        event::{Append, Digest, NewEvent, Position, RequestId},
        examine::{self, Examined, examine},
        identity,
        known::Known,
        limits,
        name::{StreamName, Tag},
        proto::ClaimPreferred,
        recorded,
        violation::Violations,
        wire::Room,
    },
    engine::{AppendError, BeyondHead, End},
};

/// A valid append: its content will not be looked at again.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Shared with what is resolved and decided from it: an append whose lookup goes stale is
    /// resolved again from here.
    pub(super) append: Arc<Append>,
    pub(super) digest: Digest,
    /// Events about claims, by their place among all events of the append.
    pub(super) about: Vec<(usize, Known)>,
    /// Bytes that the events will take, at most.
    pub(super) bytes: usize,
}

impl Prepared {
    /// The preferences among the events, which have to fit what the record says.
    pub(super) fn preferences(&self) -> impl Iterator<Item = &ClaimPreferred> {
        fn preferred(event: &Known) -> Option<&ClaimPreferred> {
            if let Known::ClaimPreferred(preferred) = event { Some(preferred) } else { None }
        }
        self.about.iter().filter_map(|(_, event)| preferred(event))
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
pub(super) fn check(append: Append, author: Author, head: Position) -> Result<Prepared, Refused> {
    if let Err(found) = check_size(&append) {
        return Err(Refused { error: AppendError::Invalid(found), known_by: None });
    }
    let (id, digest) = (append.request_id, author.digest(&append));
    check_content(append, digest, author, head)
        .map_err(|error| Refused { error, known_by: id.map(|id| (id, digest)) })
}

fn check_content(
    mut append: Append,
    digest: Digest,
    author: Author,
    head: Position,
) -> Result<Prepared, AppendError> {
    let recorded_by = append.recorded_by.clone().unwrap_or_default();
    let (mut about, mut room) = (Vec::new(), Room::default());
    let (mut bytes, mut place) = (0, 0);
    let mut violations = Violations::default();
    check_shape(&append, author, &mut violations);
    for (index, write) in append.writes.iter_mut().enumerate() {
        let mut home = None;
        for (number, event) in write.events.iter_mut().enumerate() {
            // The path is a text only where something is wrong.
            let path = || format!("writes[{index}].events[{number}]");
            event.check_limits(format_args!("writes[{index}].events[{number}]"), &mut violations);
            match admit(author, &write.stream, event, &mut room) {
                Err(found) => {
                    examine::place(found, &format!("writes[{index}]"), &path(), &mut violations);
                }
                Ok(Admitted::Foreign) => home = home.or_else(|| Some(write.stream.folded())),
                Ok(Admitted::FirstHand(own)) => home = own.or(home),
                Ok(Admitted::About(known)) => about.push((place, *known)),
            }
            let size = recorded::size_bound(&write.stream, &recorded_by, event);
            if size > limits::EVENT_BYTES {
                violations.exceeds(path(), "bytes", size, limits::EVENT_BYTES);
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
    Ok(Prepared { append: Arc::new(append), digest, about, bytes })
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
fn check_size(append: &Append) -> Result<(), Violations> {
    let recorded_by = append.recorded_by.as_deref().unwrap_or_default();
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
pub(super) fn check_streams(append: &Append, violations: &mut Violations) {
    if append.writes.len() < 2 {
        return;
    }
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
            event.check_tags(format_args!("writes[{index}].events[{number}]"), violations);
        }
    }
}

/// Gives an event the server's tags beside its own, each once and in order.
pub(super) fn add_tags(event: &mut NewEvent, derived: impl IntoIterator<Item = Tag>) {
    event.tags.extend(derived);
    event.tags.sort();
    event.tags.dedup();
}
