//! `handover claims show`: what a claim says, and everything that was recorded about it.

use serde_json::{Map, Value};

use crate::{
    cli::{
        claimed, event_line,
        exit::{Exit, Failure},
        members::TYPE,
        moment::{self, AsOfArg},
        output::{ListArgs, Query},
        pages, payload, position, words,
    },
    domain::proto::{ClaimHistoryEntry, Direction, GetClaimRequest, GetClaimResponse, Preference},
};

/// The arguments of `claims show`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Position of the claim
    #[arg(value_name = "POSITION", value_parser = position::only)]
    claim: u64,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    list: ListArgs,
}

/// Prints the claim.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    let (claim, as_of) = (args.claim, args.as_of.moment());
    args.list.print(&GetClaimRequest { claim, as_of, ..Default::default() }).await
}

impl Query for GetClaimRequest {
    fn table(&self, response: &GetClaimResponse) -> String {
        let record = response.record.unwrap_or_default();
        let became = claimed::became(&record);
        let became =
            if became.is_empty() { "stands as recorded".to_owned() } else { became.join("; ") };
        let mut text = format!("claim {}: {became}\n", record.position);
        if let Some(reading) = &response.reading {
            let kind = reading.type_name().rsplit('.').next().unwrap_or_default();
            text = format!("{text}{kind}\n");
            let reading = payload::write(reading, |_| None);
            let lines = reading.iter().filter(|(name, _)| *name != TYPE);
            let lines = lines.flat_map(|(name, value)| outline(name, value, 2));
            text += &lines.map(|line| line + "\n").collect::<String>();
        }
        for preference in &response.preferences {
            for line in preferred(preference) {
                text += &line;
                text.push('\n');
            }
        }
        if let Some(more) = words::more(response.more_preferences) {
            text = format!("{text}{more} preferences, which the history below names\n");
        }
        text += &history(response);
        text += pages::more(response);
        text + &words::as_of(response.position)
    }

    fn columns(&self) -> Vec<&'static str> {
        vec!["event", "recorded_at", "type", "says", "retracted_by"]
    }

    /// One row for each event: the claim itself first.
    fn rows(&self, response: &GetClaimResponse) -> Vec<Vec<String>> {
        let first = response.event.clone().map(|event| {
            let retracted_by = response.record.map_or(0, |record| record.retracted_by);
            ClaimHistoryEntry { event: Some(event), retracted_by }
        });
        let row = |entry: &ClaimHistoryEntry| {
            let event = entry.event.clone().unwrap_or_default();
            let (kind, says) = event_line::kind_and_summary(&event);
            vec![
                event.position.to_string(),
                moment::to_the_second(event.recorded_at.as_ref()),
                kind,
                says,
                words::number((entry.retracted_by > 0).then_some(entry.retracted_by)),
            ]
        };
        first.iter().chain(&response.history).map(row).collect()
    }
}

/// The claim as it was recorded, and each event about it.
fn history(response: &GetClaimResponse) -> String {
    let events = response.history.iter().filter_map(|entry| Some((entry.event.as_ref()?, entry)));
    let events = events.map(|(event, entry)| (event, entry.retracted_by));
    let lines = response.event.iter().map(|event| (event, 0)).chain(events);
    let lines = lines.flat_map(|(event, retracted_by)| {
        let (kind, says) = event_line::kind_and_summary(event);
        let time = moment::to_the_second(event.recorded_at.as_ref());
        let text = format!("{} {time} {kind}: {says}", event.position);
        let retracted = format!(" (retracted by {retracted_by})");
        words::indented(&(text + if retracted_by > 0 { &retracted } else { "" }), 0, 4)
    });
    lines.map(|line| line + "\n").collect()
}

/// A field of the claim as it reads, what it holds further to the right.
fn outline(name: &str, value: &Value, margin: usize) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let holds = |members: &Map<String, Value>| -> Vec<String> {
        members.iter().flat_map(|(name, value)| outline(name, value, margin + 2)).collect()
    };
    let head = format!("{:margin$}{}", "", words::plain(name));
    if let Value::Object(members) = value {
        return [vec![head], holds(members)].concat();
    }
    let Value::Array(entries) = value else {
        return words::indented(&format!("{name}: {}", text(value)), margin, 2);
    };
    if entries.iter().any(Value::is_object) {
        let inner = entries.iter().enumerate();
        let inner = inner.flat_map(|(at, entry)| outline(&at.to_string(), entry, margin + 2));
        return std::iter::once(head).chain(inner).collect();
    }
    let joined: Vec<String> = entries.iter().map(text).collect();
    words::indented(&format!("{name}: {}", joined.join(", ")), margin, 2)
}

/// A preference in force, and for what.
fn preferred(preference: &Preference) -> Vec<String> {
    let of = match preference.direction() {
        Direction::Received => format!("for what {} received: ", preference.country),
        Direction::Sent => format!("for what {} sent: ", preference.country),
        Direction::Unspecified => "for its leg: ".to_owned(),
    };
    let mut lines = claimed::preference(preference, 0);
    if let Some(first) = lines.first_mut() {
        *first = of + first;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        known::{Known, examples},
        proto::{ClaimRecord, RecordedEvent},
    };

    fn recorded(position: u64, known: impl Into<Known>) -> RecordedEvent {
        let (payload, stream) = (Some(known.into().pack()), "exchange/demo-1".to_owned());
        RecordedEvent { position, stream, payload, ..Default::default() }
    }

    fn shown() -> GetClaimResponse {
        let event = |position, known: Known, retracted_by| ClaimHistoryEntry {
            event: Some(recorded(position, known)),
            retracted_by,
        };
        GetClaimResponse {
            record: Some(ClaimRecord { position: 7, disputes: 1, ..Default::default() }),
            event: Some(recorded(7, examples::completed())),
            reading: Some(Known::from(examples::completed()).pack()),
            preferences: vec![Preference {
                position: 8,
                claim: 7,
                value: 13,
                country: "DE".to_owned(),
                direction: Direction::Received.into(),
                ..Default::default()
            }],
            history: vec![
                event(9, examples::confirmed().into(), 11),
                event(10, examples::disputed().into(), 0),
            ],
            position: 11,
            ..Default::default()
        }
    }

    #[test]
    fn a_claim_is_shown_with_what_became_of_it() {
        let text = GetClaimRequest::default().table(&shown());
        assert!(text.starts_with("claim 7: disputed 1 time\nTransferCompleted\n  "), "{text}");
        assert!(
            text.contains("\nfor what DE received: 13 is preferred (claim 7, by 8)\n"),
            "{text}"
        );
        assert!(text.contains("\n  leg\n    category: "), "{text}");
        assert!(text.contains("\n7 TransferCompleted: RU+BY -> DE: 13"), "{text}");
        assert!(text.contains("was there (retracted by 11)\n10 ClaimDisputed: "), "{text}");
        assert!(text.ends_with("\n(as of position 11)\n"), "{text}");
    }

    #[test]
    fn each_event_is_a_row() {
        let query = GetClaimRequest::default();
        let rows = query.rows(&shown());
        assert!(rows.iter().all(|row| row.len() == query.columns().len()));
        let rows: Vec<_> = rows.iter().map(|row| (row[0].as_str(), row[4].as_str())).collect();
        assert_eq!(rows, [("7", ""), ("9", "11"), ("10", "")]);
        let lines = query.entries(&shown()).unwrap();
        assert_eq!(
            lines[0]["history"][0]["event"]["payload"]["@type"],
            "type.googleapis.com/handover.v1.ClaimConfirmed"
        );
    }
}
