//! Events as CloudEvents 1.0 in the JSON format, one a line: what brokers and functions of other
//! makers take. `docs/CLOUDEVENTS.md` has the mapping and its reasons.

use std::{fmt::Write as _, io::Write};

use futures_util::TryStreamExt as _;
use serde_json::{Map, Value};

use crate::{
    cli::{
        exit::{Exit, Failure},
        members::TYPE,
        payload::{self, BYTES},
    },
    domain::proto::{
        Any, GetHeadRequest, GetHeadResponse, HistoryBranch, ReadRequest, RecordedEvent,
    },
    grpc::client::Client,
};

/// Metadata that CloudEvents has attributes of its own for.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// Checks a source that is given: what may stand in a URI, and something.
pub(super) fn source(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(stands_in_a_uri) {
        return Ok(text.to_owned());
    }
    Err("is not a URI such as https://record.example/ or urn:example:record".to_owned())
}

/// Writes the events that `request` selects as lines.
pub(super) async fn export(
    client: &Client,
    request: ReadRequest,
    source: Option<String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let sources = match source {
        Some(source) => Sources { original: source, branches: Vec::new() },
        None => Sources::of(client.get_head(GetHeadRequest::default()).await?),
    };
    let mut batches = client.read(request);
    while let Some(batch) = batches.try_next().await? {
        for event in &batch.events {
            let source = sources.recorded_in(event.position);
            writeln!(out, "{}", Value::Object(cloud_event(event, source)?))?;
        }
    }
    Ok(())
}

/// The sources of events: the store with the history that each was recorded in. What was recorded
/// before a restore keeps its source, by which receivers know what they have.
struct Sources {
    original: String,
    branches: Vec<HistoryBranch>,
}

impl Sources {
    fn of(head: GetHeadResponse) -> Self {
        let original = head.store.split('#').next().unwrap_or_default().to_owned();
        Self { original, branches: head.history.unwrap_or_default().branches }
    }

    fn recorded_in(&self, position: u64) -> &str {
        let branch = self.branches.iter().rev().find(|branch| position > branch.after);
        branch.map_or(&self.original, |branch| &branch.store)
    }
}

/// One event with its attributes. Those that say nothing are left out, as the format asks for.
fn cloud_event(event: &RecordedEvent, source: &str) -> Result<Map<String, Value>, Failure> {
    let position = event.position;
    let Some(any) = &event.payload else {
        return Err(Failure::new(Exit::Damaged, format!("event {position} has no payload")));
    };
    let time = event.recorded_at.map(|time| time.to_string());
    let mut attributes = vec![
        ("specversion", Some("1.0".to_owned())),
        ("id", Some(position.to_string())),
        ("source", Some(source.to_owned())),
        ("type", Some(any.type_name().to_owned())),
        ("subject", Some(event.stream.clone())),
        ("time", time),
        ("dataschema", schema(any)),
        // Twenty digits hold every position, so that texts compare as the numbers do.
        ("sequence", Some(format!("{position:020}"))),
        ("partitionkey", Some(event.stream.clone())),
        // An Integer has 32 bits there.
        ("revision", Some(event.revision.to_string())),
        ("recordedby", Some(event.recorded_by.clone()).filter(|name| !name.is_empty())),
        ("tags", (!event.tags.is_empty()).then(|| text_of(&Value::from(event.tags.clone())))),
        ("metadata", metadata(event)),
    ];
    for name in TRACE {
        let value = event.metadata.get(name).filter(|value| is_string(value));
        attributes.push((name, value.cloned()));
    }
    let said = attributes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let mut members: Map<_, _> =
        said.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    members.extend(data(any));
    Ok(members)
}

/// The payload: spelled out if that loses nothing, else its bytes.
fn data(any: &Any) -> [(String, Value); 2] {
    let mut fields = payload::write(any, |_| None);
    fields.remove(TYPE);
    let (content, name, data) = match fields.remove(BYTES) {
        Some(bytes) => ("application/protobuf", "data_base64", bytes),
        None => ("application/json", "data", Value::Object(fields)),
    };
    [("datacontenttype".to_owned(), content.into()), (name.to_owned(), data)]
}

/// The type url, which means https where it names no scheme. What is no URI is left out.
fn schema(any: &Any) -> Option<String> {
    let url = &any.type_url;
    let url = if url.contains("://") { url.clone() } else { format!("https://{url}") };
    let absolute = url.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some());
    (absolute && url.bytes().all(stands_in_a_uri)).then_some(url)
}

/// The metadata that have no attribute of their own, as a JSON text: their keys may be anything,
/// and attributes have names of lower-case letters and digits.
fn metadata(event: &RecordedEvent) -> Option<String> {
    let own =
        |(name, value): &(&String, &String)| TRACE.contains(&name.as_str()) && is_string(value);
    let rest = event.metadata.iter().filter(|entry| !own(entry));
    let rest: Map<String, Value> =
        rest.map(|(name, value)| (name.clone(), value.clone().into())).collect();
    (!rest.is_empty()).then(|| text_of(&Value::Object(rest)))
}

/// A JSON text in which every character that a String of CloudEvents may not have is escaped.
fn text_of(value: &Value) -> String {
    value.to_string().chars().fold(String::new(), |mut text, c| {
        if is_allowed(c) {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a text does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    })
}

fn is_string(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_allowed)
}

/// Neither a control character nor one that Unicode will never assign.
fn is_allowed(c: char) -> bool {
    let code = u32::from(c);
    !c.is_control() && !(0xfdd0..=0xfdef).contains(&code) && code & 0xfffe != 0xfffe
}

fn stands_in_a_uri(byte: u8) -> bool {
    byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte)
}

#[cfg(test)]
mod tests;
