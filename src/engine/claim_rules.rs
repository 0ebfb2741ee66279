//! Rules of claims: an event about a claim must fit what the record says of that claim, lies in the
//! claim's stream and carries its tags.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use crate::{
    domain::{
        claim,
        event::{Append, Position},
        filter::Filter,
        known::Known,
        name::{RESERVED_TAG_KEYS, StreamName, Tag},
        violation::Violations,
    },
    engine::{
        AppendError,
        claims::{History, changes_of},
        reader::Reader,
        validation::{Prepared, add_tags, check_streams},
    },
};

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
///
/// Only an append with such events is copied. It must be checked again from the beginning when it
/// goes stale, and other tags may follow then.
pub(super) async fn check(
    prepared: &Prepared,
    append: &mut Arc<Append>,
    reader: &Reader,
) -> Result<Option<Filter>, AppendError> {
    if prepared.about.is_empty() {
        return Ok(None);
    }
    let append = Arc::make_mut(append);
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
