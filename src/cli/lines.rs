//! One line of JSON Lines: an event with the stream it is for.
//!
//! `{"id"?, "stream"?, "payload", "tags"?, "metadata"?}`. The id lets later lines of the same file
//! name this one as their claim. What `export --with-positions` adds is accepted and not used:
//! positions differ from store to store.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    cli::{
        json::JsonError,
        payload::{self, Payload},
        strict,
    },
    domain::{
        name::{StreamName, Tag},
        proto,
    },
};

/// A line that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {problem}")]
pub struct RowError {
    /// Line in the file, from 1.
    pub line: u64,
    /// Column in the line, in bytes from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl RowError {
    /// A row that is wrong as a whole.
    pub fn whole(line: u64, problem: impl Into<String>) -> Self {
        Self { line, column: 1, problem: problem.into() }
    }
}

/// A line that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The id by which later lines may name it.
    pub id: Option<String>,
    /// The stream, where the line says it.
    pub stream: Option<StreamName>,
    /// The payload.
    pub payload: Payload,
    /// Where the payload begins in the line, in bytes from 0.
    pub payload_offset: usize,
    /// The client's own tags, sorted, each once.
    pub tags: Vec<Tag>,
    /// What accompanies the event.
    pub metadata: BTreeMap<String, String>,
    /// One more event of the row before: it is counted with that.
    pub continues: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    stream: Option<Stream>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default)]
    tags: Vec<OwnTag>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default, rename = "position")]
    _position: Option<IgnoredAny>,
    #[serde(default, rename = "revision")]
    _revision: Option<IgnoredAny>,
    #[serde(default, rename = "recordedAt")]
    _recorded_at: Option<IgnoredAny>,
}

/// Reads one line. `number` is its number in the file.
pub fn read(text: &[u8], number: u64) -> Result<Line, RowError> {
    let at =
        |error: JsonError| RowError { line: number, column: error.column, problem: error.problem };
    let text = std::str::from_utf8(text).map_err(|error| RowError {
        line: number,
        column: error.valid_up_to() + 1,
        problem: "is not UTF-8".to_owned(),
    })?;
    let members = members(text).map_err(at)?;
    let payload_offset = strict::offset(text, members.payload.get());
    let payload =
        payload::read(members.payload.get()).map_err(|error| at(error.shifted(payload_offset)))?;
    let mut tags: Vec<Tag> = members.tags.into_iter().map(|tag| tag.0).collect();
    tags.sort();
    tags.dedup();
    Ok(Line {
        number,
        id: members.id.map(|id| id.0),
        stream: members.stream.map(|stream| stream.0),
        payload,
        payload_offset,
        tags,
        metadata: members.metadata.0,
        continues: false,
    })
}

/// The members of a line, which is an object: a list would be taken for its members in order.
fn members(text: &str) -> Result<Members<'_>, JsonError> {
    let start = text.len() - text.trim_start().len();
    if text.trim_start().starts_with('{') {
        return Ok(serde_json::from_str(text)?);
    }
    serde_json::from_str::<IgnoredAny>(text)?;
    Err(JsonError::new(start + 1, "is not an object; a line is one such as {\"payload\": ...}"))
}

impl Line {
    /// A line that was made of something else, which stands in this line of its file.
    pub fn made(number: u64, payload: Payload) -> Self {
        Self {
            number,
            id: None,
            stream: None,
            payload,
            payload_offset: 0,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            continues: false,
        }
    }

    /// The event, with the position of its claim if that is named by id.
    pub fn event(&self, claim: Option<u64>) -> proto::NewEvent {
        proto::NewEvent {
            payload: Some(self.payload.pack(claim)),
            tags: self.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            metadata: self.metadata.clone(),
        }
    }

    /// An error at the place where the line names its claim.
    pub fn claim_error(&self, problem: impl Into<String>) -> RowError {
        let column = self.payload.claim.as_ref().map_or(1, |claim| claim.column);
        let column = column + self.payload_offset;
        RowError { line: self.number, column, problem: problem.into() }
    }
}

struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let problem = format!(
                "the id {text:?} is empty or a number, which a claim would take \
                for a position; use a name such as \"e1\""
            );
            return Err(D::Error::custom(problem));
        }
        Ok(Self(text.into_owned()))
    }
}

struct Stream(StreamName);

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let name = StreamName::parse(&text);
        name.map(Self).map_err(|error| D::Error::custom(format!("the stream {text:?} {error}")))
    }
}

struct OwnTag(Tag);

impl<'de> Deserialize<'de> for OwnTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let tag = Tag::parse_own(&text);
        tag.map(Self).map_err(|error| D::Error::custom(format!("the tag {text:?} {error}")))
    }
}

/// Texts by their keys, each of which is there once.
#[derive(Default)]
struct Metadata(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut metadata = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if metadata.contains_key(&key) {
                return Err(A::Error::custom(format!("the metadata {key:?} is given twice")));
            }
            metadata.insert(key, map.next_value()?);
        }
        Ok(Metadata(metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_line_is_read() {
        let text = br#"{"id":"a","stream":"demo/1","payload":{"@type":"demo.v1.X","@bytes":"AQ=="},
            "tags":["z:1","a:1","z:1"],"metadata":{"k":"v"},"position":"4","revision":1}"#;
        let line = read(text, 3).unwrap();
        assert_eq!(line.id.as_deref(), Some("a"));
        assert_eq!(line.stream.as_ref().map(StreamName::as_str), Some("demo/1"));
        let event = line.event(None);
        assert_eq!(event.tags, ["a:1", "z:1"]);
        assert_eq!(event.payload.unwrap().type_url, "type.googleapis.com/demo.v1.X");
    }

    #[test]
    fn a_row_that_is_wrong_is_reported_with_line_and_column() {
        for (text, column, problem) in [
            (r#"{"stream":"demo","payload":{}}"#, 16, "category/name"),
            (r#"{"id":"12","payload":{}}"#, 10, "number"),
            (r#"{"id":12,"payload":{}}"#, 8, "is the number 12; a text should stand here"),
            (r#"{"payload":{},"tag":[]}"#, 19, "\"tag\" is not known here; the known names are"),
            (r#"{"payload":{"@type":"handover.v1.Leg"},"tags":["to:DE"]}"#, 55, "\"to\""),
            (r#"{"stream":"demo/1"}"#, 19, "\"payload\" is missing"),
            (r#"{"payload":{"@type":"handover.v1.Leg","unit":"UNIT"}}"#, 51, "'UNIT'"),
            (r#"{"payload": {"@type":"handover.v1.Leg","x":1}}"#, 42, "'x'"),
            (r#"{"payload":"#, 11, "it ends where a value should stand"),
            (r#"["a", null, {}]"#, 1, "is not an object"),
            (r#" "text""#, 2, "is not an object"),
            ("[", 1, "not JSON: it ends within a list"),
            (r#"{"payload":5}"#, 12, "is the number 5; an object should stand here"),
            (
                r#"{"payload":{"@type":"handover.v1.Count","value":-1}}"#,
                49,
                "is -1; the field holds whole numbers from 0 to 4294967295",
            ),
            (r#"{"payload":{"@type":"handover.v1.Leg","unit":1,"unit":1}}"#, 48, "given twice"),
            (r#"{"payload":{},"payload":{}}"#, 23, "\"payload\" is given twice"),
            (r#"{"payload":{},"id":"a","id":"b"}"#, 27, "\"id\" is given twice"),
            (r#"{"metadata":{"k":"1","l":"1","k":"1"},"payload":{}}"#, 32, "\"k\" is given twice"),
        ] {
            let error = read(text.as_bytes(), 9).expect_err(text);
            assert!(error.problem.contains(problem), "{text}: {error}");
            assert_eq!((error.line, error.column), (9, column), "{text}: {error}");
        }
        let error = read(b"{\"id\":\"\xff\"}", 1).unwrap_err();
        assert_eq!((error.column, error.problem.as_str()), (8, "is not UTF-8"));
    }

    #[test]
    fn a_claim_may_name_a_line() {
        let text = r#"{"payload":{"@type":"handover.v1.ClaimRetracted","claim":"first"}}"#;
        let line = read(text.as_bytes(), 1).unwrap();
        assert_eq!(line.payload.claim.as_ref().map(|claim| claim.id.as_str()), Some("first"));
        assert_eq!(line.claim_error("x").column, 58);
    }
}
