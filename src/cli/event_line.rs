//! One event as one line: aligned for people, or whole as JSON.

use serde_json::Value;

use crate::{
    cli::{
        exit::Failure,
        json, moment, payload,
        words::{actor, count, plain, side, spoken},
    },
    domain::{
        known::Known,
        proto::{Attribution, Count, Leg, RecordedEvent, StatementMode, Unit},
    },
};

/// Characters of a summary; longer ones are cut so that a line stays a line.
const SUMMARY_CHARS: usize = 72;

/// Streams that are longer push the rest of their line to the right.
const STREAM_CHARS: usize = 48;

/// Lines of events, in columns that grow with what they hold and never shrink.
#[derive(Debug, Default)]
pub(super) struct Columns {
    stream: usize,
}

impl Columns {
    /// A line for each event: position, time, stream, type and what the event says.
    pub(super) fn lines(&mut self, events: &[RecordedEvent]) -> String {
        let longest = events.iter().map(|event| event.stream.len()).max().unwrap_or_default();
        self.stream = self.stream.max(longest.min(STREAM_CHARS));
        events.iter().map(|event| aligned(event, self.stream) + "\n").collect()
    }
}

fn aligned(event: &RecordedEvent, width: usize) -> String {
    let time = moment::to_the_second(event.recorded_at.as_ref());
    let (kind, summary) = kind_and_summary(event);
    let (position, stream) = (event.position, &event.stream);
    let line =
        format!("{position:>6}  {time:<20}  {stream:<width$}  {kind:<18}  {}", cut(&summary));
    line.trim_end().to_owned()
}

/// The type of an event, and what it says in short.
pub(super) fn kind_and_summary(event: &RecordedEvent) -> (String, String) {
    let any = event.payload.as_ref();
    let name = any.map_or("", |any| any.type_name());
    let known = any.and_then(|any| Known::decode(name, &any.value)?.ok());
    let (kind, said) = match &known {
        Some(known) => (known.short_name(), summary(known)),
        None => (name, any.map_or(String::new(), |any| format!("{} bytes", any.value.len()))),
    };
    (kind.to_owned(), said)
}

/// The whole event as proto3 JSON; a payload of another type keeps its bytes as base64.
pub(super) fn json(event: &RecordedEvent) -> Result<String, Failure> {
    Ok(value(event)?.to_string())
}

/// The same, to be a part of something else.
pub(super) fn value(event: &RecordedEvent) -> Result<Value, serde_json::Error> {
    let bare = RecordedEvent { payload: None, ..event.clone() };
    let mut value = json::of_message(&bare)?;
    if let (Some(members), Some(any)) = (value.as_object_mut(), &event.payload) {
        members.insert("payload".to_owned(), payload::write(any, |_| None).into());
    }
    Ok(value)
}

fn summary(event: &Known) -> String {
    match event {
        Known::SourceRegistered(e) => join([&e.publisher, &e.title]),
        Known::StatementMade(e) if e.mode() == StatementMode::Declined => {
            format!("declined to comment on {}", e.topics.join(", "))
        }
        Known::StatementMade(e) => e.text.clone(),
        Known::ExchangeReported(e) => {
            join([&spoken(e.status().as_str_name(), "STATUS_"), &e.title])
        }
        Known::RoleAttributed(e) => {
            let not = if e.denied { "not " } else { "" };
            format!("{}: {not}{}", actor(e.actor.as_ref()), spoken(e.role().as_str_name(), "ROLE_"))
        }
        Known::TransferAgreed(e) => transfer(e.leg.as_ref(), e.count.as_ref()),
        Known::TransferCompleted(e) => {
            let minors = e.of_which.and_then(|part| part.minors);
            let minors = minors.map(|minors| format!(", minors {minors}")).unwrap_or_default();
            transfer(e.leg.as_ref(), e.count.as_ref()) + &minors
        }
        Known::TransferDeclined(e) => transfer(e.leg.as_ref(), e.count.as_ref()),
        Known::TotalClaimed(e) if e.leg.is_some() => transfer(e.leg.as_ref(), e.count.as_ref()),
        Known::TotalClaimed(e) => format!("{} {}", e.series, count(e.count.as_ref())),
        Known::SuperlativeClaimed(e) => e.text.clone(),
        Known::DetentionReported(e) => e.subject.clone(),
        Known::ClaimConfirmed(e) => about(e.claim, &e.grounds, e.attribution.as_ref()),
        Known::ClaimDisputed(e) => about(e.claim, &e.grounds, e.attribution.as_ref()),
        Known::ClaimCorrected(e) => about(e.claim, &e.reason, e.attribution.as_ref()),
        Known::ClaimRetracted(e) => about(e.claim, &e.reason, e.attribution.as_ref()),
        Known::ClaimPreferred(e) => about(e.claim, &e.rationale, e.attribution.as_ref()),
    }
}

fn transfer(leg: Option<&Leg>, number: Option<&Count>) -> String {
    let Some(leg) = leg else { return count(number) };
    let remains = if leg.unit() == Unit::Remains { " remains" } else { "" };
    format!("{} -> {}: {}{remains}", side(&leg.from), side(&leg.to), count(number))
}

fn about(claim: u64, why: &str, attribution: Option<&Attribution>) -> String {
    let by = actor(attribution.and_then(|attribution| attribution.claimed_by.as_ref()));
    join([&format!("claim {claim}"), &by, why])
}

fn join<const N: usize>(parts: [&str; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The text on one line, without control characters: what is stored must not steer a terminal.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SUMMARY_CHARS) {
        Some((end, _)) => plain(text.get(..end).unwrap_or(text)) + "...",
        None => plain(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, proto};

    fn recorded(payload: proto::Any) -> RecordedEvent {
        RecordedEvent {
            position: 12,
            stream: "exchange/demo-1".to_owned(),
            revision: 1,
            recorded_at: Some(prost_types::Timestamp { seconds: 1_722_600_000, nanos: 1 }),
            payload: Some(payload),
            ..Default::default()
        }
    }

    #[test]
    fn a_transfer_reads_as_from_where_to_where() {
        let transfer = proto::TransferCompleted {
            leg: Some(Leg {
                from: vec!["SI".to_owned(), "NO".to_owned()],
                to: vec!["RU".to_owned()],
                unit: Unit::Person.into(),
                ..Default::default()
            }),
            count: Some(Count { value: Some(10), ..Default::default() }),
            of_which: Some(proto::OfWhich { minors: Some(2), ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(
            aligned(&recorded(proto::Any::pack(&transfer)), 0),
            "    12  2024-08-02T12:00:00Z  exchange/demo-1  TransferCompleted   \
             SI+NO -> RU: 10, minors 2"
        );
    }

    #[test]
    fn a_column_is_as_wide_as_what_it_has_held() {
        let event = |stream: &str| RecordedEvent {
            stream: stream.to_owned(),
            ..recorded(proto::Any { type_url: "x/demo.v1.X".to_owned(), ..Default::default() })
        };
        let mut columns = Columns::default();
        let kind = |line: &str| line.find("demo.v1.X").unwrap();
        let long = columns.lines(&[event("demo/1"), event("demo/a-longer-name")]);
        let places: Vec<usize> = long.lines().map(kind).collect();
        assert_eq!(places[0], places[1]);
        assert_eq!(kind(&columns.lines(&[event("demo/1")])), places[0], "it does not shrink");
        columns.lines(&[event(&format!("demo/{}", "a".repeat(200)))]);
        assert!(kind(&columns.lines(&[event("demo/1")])) < 90, "it has a limit");
    }

    #[test]
    fn every_known_event_and_any_other_fits_on_a_line() {
        let other = proto::Any { type_url: "x/demo.v1.X".to_owned(), value: vec![255; 9].into() };
        let all = examples::all().into_iter().map(|event| event.pack()).chain([other]);
        for payload in all {
            let event = recorded(payload);
            for line in [aligned(&event, 0), json(&event).unwrap()] {
                assert!(!line.contains(char::is_control), "{line:?}");
            }
            assert!(aligned(&event, STREAM_CHARS).len() < 200);
        }
    }

    #[test]
    fn stored_text_cannot_steer_a_terminal() {
        let text = "a\u{1b}[31m\nb".to_owned();
        let statement = proto::StatementMade { text, ..Default::default() };
        let line = aligned(&recorded(proto::Any::pack(&statement)), 0);
        assert!(line.ends_with("a [31m b"), "{line:?}");
    }
}
