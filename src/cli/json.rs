//! Proto3 JSON of messages, from the descriptors that the program carries.

mod plain;

use prost::{Message, Name};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use serde_json::Value;

pub(super) use crate::domain::proto::describe;
use crate::domain::proto::{PACKAGE, descriptions};

/// The field by which an event names the claim that it is about.
pub(super) const CLAIM: &str = "claim";

/// What is wrong with a JSON text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Line within the text, from 1.
    pub line: usize,
    /// Column within the line, in bytes from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

impl JsonError {
    pub(super) fn new(column: usize, problem: impl Into<String>) -> Self {
        Self { line: 1, column, problem: problem.into() }
    }

    /// An error at a place of a text, in bytes from 0. A line ends with LF, CR or both.
    pub(super) fn at(text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let ends = |at: &usize| match before.get(*at) {
            Some(b'\n') => true,
            Some(b'\r') => text.as_bytes().get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let (mut line, mut start) = (1, 0);
        for end in (0..before.len()).filter(ends) {
            (line, start) = (line + 1, end + 1);
        }
        Self { line, column: before.len() - start + 1, problem: problem.into() }
    }

    /// An error of the reader, which counts lines by their LF only.
    pub(super) fn of(text: &str, error: serde_json::Error) -> Self {
        let Self { line, column, problem } = error.into();
        let before = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
        Self::at(text, before + column - 1, problem)
    }

    /// The same error, for a text that begins `offset` bytes into its line.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        if self.line == 1 {
            self.column += offset;
        }
        self
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let problem = text.strip_suffix(&place).unwrap_or(&text);
        let problem = if error.is_data() { plain::data(problem) } else { plain::syntax(problem) };
        Self { line: error.line().max(1), column: error.column().max(1), problem }
    }
}

/// A message as JSON. The type is one of ours, so this fails only for an `Any` inside with a type
/// that is not.
pub fn of_message<M: Message + Name>(message: &M) -> Result<Value, serde_json::Error> {
    let Some(descriptor) = describe(&M::full_name()) else {
        return Err(serde::ser::Error::custom(format!("{} is not described", M::full_name())));
    };
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(serde::ser::Error::custom)?;
    serde_json::to_value(dynamic)
}

/// The values of one of our enums, by its short name: each without the enum's prefix, in lower
/// case, with its number. Empty: there is no such enum.
pub(super) fn enum_values(name: &str) -> Vec<(String, i32)> {
    let Some(described) = descriptions().get_enum_by_name(&format!("{PACKAGE}{name}")) else {
        return Vec::new();
    };
    let unspecified = described.default_value();
    let prefix = unspecified.name().trim_end_matches("UNSPECIFIED");
    let word = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_lowercase();
    described.values().map(|value| (word(value.name()), value.number())).collect()
}

/// Whether events of this type name a claim by its position.
pub(super) fn is_about_a_claim(descriptor: &MessageDescriptor) -> bool {
    descriptor.get_field_by_name(CLAIM).is_some_and(|field| field.kind() == Kind::Uint64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto;

    #[test]
    fn an_unknown_number_is_absent_and_a_zero_that_was_claimed_is_there() {
        let figure = proto::Figure { low: Some(0), ..Default::default() };
        assert_eq!(of_message(&figure).unwrap(), serde_json::json!({"low": 0}));
        assert_eq!(of_message(&proto::Figure::default()).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn a_place_is_reported_in_each_way_to_end_a_line() {
        let place = |text: &str, offset| {
            let JsonError { line, column, .. } = JsonError::at(text, offset, "");
            (line, column)
        };
        for end in ["\n", "\r", "\r\n"] {
            let text = format!("ab{end}{end}c");
            assert_eq!(place(&text, 0), (1, 1), "{end:?}");
            assert_eq!(place(&text, 1), (1, 2), "{end:?}");
            assert_eq!(place(&text, 2 + 2 * end.len()), (3, 1), "{end:?}");
            assert_eq!(place(&text, 99), (3, 2), "{end:?}");
            let text = format!("{{{end} \"a\":{end}x}}");
            let error = serde_json::from_str::<Value>(&text).unwrap_err();
            let JsonError { line, column, problem } = JsonError::of(&text, error);
            assert_eq!((line, column), (3, 1), "{end:?}: {problem}");
        }
    }

    #[test]
    fn only_our_own_types_are_described() {
        assert!(describe("handover.v1.TransferCompleted").is_some());
        assert!(describe("handover.v1.Nonsense").is_none());
        assert!(describe("google.protobuf.Timestamp").is_none());
    }
}
