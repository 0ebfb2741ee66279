//! Payloads as JSON: an object with an `@type` that names its message.
//!
//! What cannot be said in JSON without loss (a type that is not ours, fields of a newer version)
//! stands as base64 under `@bytes`. Reading what was written gives the same bytes, always.

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::STANDARD as BASE64,
    },
};
use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{
    DeserializeOptions, DynamicMessage, MessageDescriptor, ReflectMessage as _, Value as Field,
};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    cli::{
        json::{CLAIM, JsonError, describe, is_about_a_claim},
        members::{self, Hidden, TYPE},
        strict::{self, Members, Text},
    },
    domain::{
        known::Known,
        proto::{self, Any},
    },
};

/// The member that holds a payload which is not spelled out.
pub(super) const BYTES: &str = "@bytes";

/// Letters that a type's name may differ in from the one that is suggested.
const SLIPS: usize = 3;

/// Proto3 JSON reads both alphabets of base64, with its padding or without.
const READ: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const READ_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, READ);
const READ_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, READ);

/// A payload that has been read, but may still wait for the position of the claim it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    type_url: String,
    body: Body,
    /// The claim, where it is named by the id of its line.
    pub claim: Option<ClaimName>,
}

/// A claim that is named by the id of its line instead of its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName {
    /// The id.
    pub id: String,
    /// Where it stands, in bytes from 1.
    pub column: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Message(DynamicMessage),
    Bytes(Bytes),
}

impl Payload {
    /// An event of the record as a payload, which may name its claim.
    pub fn of(known: &Known, claim: Option<ClaimName>) -> Result<Self, JsonError> {
        let Any { type_url, value } = known.pack();
        let body = match (&claim, describe(known.type_name())) {
            (Some(_), Some(descriptor)) => DynamicMessage::decode(descriptor, value.as_ref())
                .map(Body::Message)
                .map_err(|error| JsonError::new(1, error.to_string()))?,
            _ => Body::Bytes(value),
        };
        Ok(Self { type_url, body, claim })
    }

    /// The payload as it is stored, with the position of the claim if it names one by id.
    pub fn pack(&self, claim: Option<u64>) -> Any {
        let value = match (&self.body, claim) {
            (Body::Message(message), Some(position)) => {
                let mut message = message.clone();
                message.set_field_by_name(CLAIM, Field::U64(position));
                message.encode_to_vec().into()
            }
            (Body::Message(message), None) => message.encode_to_vec().into(),
            (Body::Bytes(bytes), _) => bytes.clone(),
        };
        Any { type_url: self.type_url.clone(), value }
    }
}

/// Reads a payload. Unknown fields, unknown enum names and types that are not ours are refused, and
/// so is what is given twice.
pub fn read(text: &str) -> Result<Payload, JsonError> {
    let members = serde_json::from_str(text).map_err(|error| JsonError::of(text, error))?;
    let source = PayloadText { text, members };
    Text(text).each_once(&source.members)?;
    let type_url = source.type_url()?;
    let descriptor = describe(type_url.rsplit('/').next().unwrap_or_default());
    let claim = match &descriptor {
        Some(descriptor) if is_about_a_claim(descriptor) => source.claim()?,
        _ => None,
    };
    let body = match descriptor {
        _ if source.members.get(BYTES).is_some() => source.bytes(descriptor, claim.is_some())?,
        Some(descriptor) => source.message(descriptor, claim.is_some())?,
        None => return Err(source.error(TYPE, unknown(&type_url))),
    };
    Ok(Payload { type_url, body, claim })
}

/// Why a payload of a type without a description cannot be read as JSON.
fn unknown(type_url: &str) -> String {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    if !name.starts_with(proto::PACKAGE) {
        return format!(
            "{type_url:?} is not a type that can be written as JSON here; \
             give its encoded bytes as base64 in \"@bytes\""
        );
    }
    let unknown = format!("{name} is not an event that this version knows");
    let slips = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let meant = Known::TYPE_NAMES.iter().min_by_key(slips).filter(|it| slips(it) <= SLIPS);
    match meant {
        Some(meant) => format!("{unknown}; did you mean {meant}?"),
        None => unknown,
    }
}

/// The text of a payload and its members.
struct PayloadText<'a> {
    text: &'a str,
    members: Members<'a>,
}

impl PayloadText<'_> {
    fn type_url(&self) -> Result<String, JsonError> {
        let Some(raw) = self.members.get(TYPE) else {
            return Err(self.error(TYPE, "the payload has no \"@type\" that names its type"));
        };
        let text: String = self.parse(raw)?;
        Ok(members::qualified(text))
    }

    /// The claim's id; numbers, as JSON numbers or as texts, are positions and no ids.
    fn claim(&self) -> Result<Option<ClaimName>, JsonError> {
        let Some(raw) = self.members.get(CLAIM).filter(|raw| raw.get().starts_with('"')) else {
            return Ok(None);
        };
        let id: String = self.parse(raw)?;
        let position = id.bytes().all(|byte| byte.is_ascii_digit());
        Ok((!position).then(|| ClaimName { id, column: self.error(CLAIM, "").column }))
    }

    fn message(&self, descriptor: MessageDescriptor, named: bool) -> Result<Body, JsonError> {
        Text(self.text).message(&self.members, &descriptor)?;
        let mut json = serde_json::Deserializer::from_str(self.text);
        let hidden = Hidden { deserializer: &mut json, claim: named };
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        DynamicMessage::deserialize_with_options(descriptor, hidden, &options)
            .map(Body::Message)
            .map_err(|error| JsonError::of(self.text, error))
    }

    /// A message in bytes is decoded only where the position of its claim has to be put in.
    fn bytes(&self, descriptor: Option<MessageDescriptor>, named: bool) -> Result<Body, JsonError> {
        let allowed = [TYPE, BYTES, CLAIM];
        let mut keys = self.members.0.iter().map(|(key, _)| key.as_ref());
        if let Some(key) = keys.find(|key| !allowed.contains(key)) {
            let problem = format!("{key:?} stands beside \"@bytes\", which is the whole payload");
            return Err(self.error(key, problem));
        }
        let text: String = match self.members.get(BYTES) {
            Some(raw) => self.parse(raw)?,
            None => String::new(),
        };
        let bytes = READ_STANDARD.decode(&text).or_else(|error| {
            READ_URL_SAFE
                .decode(&text)
                .map_err(|_| self.error(BYTES, format!("\"@bytes\" is not base64: {error}")))
        })?;
        match descriptor {
            Some(descriptor) if named => DynamicMessage::decode(descriptor, bytes.as_slice())
                .map(Body::Message)
                .map_err(|error| self.error(BYTES, format!("\"@bytes\": {error}"))),
            _ if self.members.get(CLAIM).is_some() => {
                let problem = "beside \"@bytes\" only a line's id can stand as \"claim\"";
                Err(self.error(CLAIM, problem))
            }
            _ => Ok(Body::Bytes(bytes.into())),
        }
    }

    fn parse(&self, raw: &RawValue) -> Result<String, JsonError> {
        let text = raw.get();
        serde_json::from_str(text).map_err(|error| {
            // A text stands on one line.
            let JsonError { column, problem, .. } = JsonError::from(error);
            JsonError::at(self.text, strict::offset(self.text, text) + column - 1, problem)
        })
    }

    /// An error at the member with this key, if it is there.
    fn error(&self, key: &str, problem: impl Into<String>) -> JsonError {
        let offset = self.members.get(key).map_or(0, |raw| strict::offset(self.text, raw.get()));
        JsonError::at(self.text, offset, problem)
    }
}

/// A payload as JSON, and the position of the claim that it is about, if it is about one.
///
/// The claim is left out where `claim_name` gives it another name, which then stands for it.
pub fn write(any: &Any, claim_name: impl Fn(u64) -> Option<String>) -> Map<String, Value> {
    let message = describe(any.type_name())
        .and_then(|descriptor| DynamicMessage::decode(descriptor, any.value.clone()).ok());
    let mut members = Map::new();
    members.insert(TYPE.to_owned(), any.type_url.clone().into());
    let name = message.as_ref().and_then(claim_of).and_then(claim_name);
    match message.as_ref().and_then(|message| spelled_out(message, any)) {
        Some(spelled_out) => members.extend(spelled_out),
        None => {
            members.insert(BYTES.to_owned(), BASE64.encode(&any.value).into());
        }
    }
    if let Some(name) = name {
        members.insert(CLAIM.to_owned(), name.into());
    }
    members
}

fn claim_of(message: &DynamicMessage) -> Option<u64> {
    let about = is_about_a_claim(&message.descriptor());
    about.then(|| message.get_field_by_name(CLAIM)?.as_u64()).flatten().filter(|claim| *claim > 0)
}

/// The fields as JSON, unless reading them back would not give the same bytes.
fn spelled_out(message: &DynamicMessage, any: &Any) -> Option<Map<String, Value>> {
    let Ok(Value::Object(fields)) = serde_json::to_value(message) else {
        return None;
    };
    let mut whole = fields.clone();
    whole.insert(TYPE.to_owned(), any.type_url.clone().into());
    let again = read(&Value::Object(whole).to_string()).ok()?;
    (again.pack(None) == *any).then_some(fields)
}

#[cfg(test)]
mod tests;
