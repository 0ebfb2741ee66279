//! What is known of each message that comes from outside, in tables that are fast to look into.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use prost::encoding::WireType;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::item::{Item, packed};
use crate::domain::{known::Known, limits, proto};

/// Fields that a message may have: they are counted in an array of this size.
pub(super) const MOST_FIELDS: usize = 32;

/// The fields of a message.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// By number, from 1; `None` where a number is not in use.
    fields: Vec<Option<Field>>,
}

/// A field, as far as its bytes are concerned.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) number: u32,
    /// Its place among the fields of its message.
    pub(super) place: usize,
    pub(super) value: Value,
    /// What bounds it, if it is a list or a map.
    pub(super) list: Option<List>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A message, by its place in the table.
    Message(usize),
    /// So many bytes at most.
    Bytes(usize),
    /// A number of this layout.
    Number(WireType),
}

/// How many elements a list may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) limit: usize,
    /// What the elements are called.
    pub(super) what: &'static str,
    /// The limit is for such lists in all elements of the list above. A violation names that list.
    pub(super) shared: bool,
}

/// The shapes of all messages, and where each stands.
struct Tables {
    shapes: Vec<Shape>,
    places: HashMap<String, usize>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);

/// Reads the descriptors.
pub(super) fn prepare() {
    LazyLock::force(&TABLES);
}

/// The shape of the message of this full name.
pub(super) fn of(type_name: &str) -> Option<&'static Shape> {
    at(*TABLES.places.get(type_name)?)
}

/// The shape at a place of the table.
pub(super) fn at(place: usize) -> Option<&'static Shape> {
    TABLES.shapes.get(place)
}

impl Shape {
    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.fields.get(index)?.as_ref()
    }
}

impl Field {
    /// How many elements an item adds to this field; `None`: its layout is not this field's.
    pub(super) fn elements(&self, item: &Item<'_>) -> Option<usize> {
        match (self.value, item.layout) {
            (Value::Message(_) | Value::Bytes(_), WireType::LengthDelimited) => Some(1),
            (Value::Number(own), layout) if own == layout => Some(1),
            (Value::Number(own), WireType::LengthDelimited) if self.list.is_some() => {
                Some(packed(item.value, own))
            }
            (Value::Message(_) | Value::Bytes(_) | Value::Number(_), _) => None,
        }
    }

    /// How many elements all items of a message add to this field.
    pub(super) fn all_elements(&self, message: &[u8]) -> usize {
        let own = Item::all(message).filter(|item| item.number == self.number);
        own.filter_map(|item| self.elements(&item)).sum()
    }
}

impl Tables {
    fn read() -> Self {
        let (mut places, mut found) = (BTreeMap::new(), Vec::new());
        let mut next = from_outside(proto::descriptions());
        while let Some(message) = next.pop() {
            if places.contains_key(message.full_name()) {
                continue;
            }
            places.insert(message.full_name().to_owned(), found.len());
            next.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
            found.push(message);
        }
        let shapes = found.iter().map(|message| shape(message, &places)).collect();
        Self { shapes, places: places.into_iter().collect() }
    }
}

/// All messages that come from outside: what calls take, and payloads.
fn from_outside(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let services: Vec<_> = pool.services().collect();
    let requests =
        services.iter().flat_map(|service| service.methods().map(|method| method.input()));
    let payloads = Known::TYPE_NAMES.iter().filter_map(|name| pool.get_message_by_name(name));
    requests.chain(payloads).collect()
}

fn shape(message: &MessageDescriptor, places: &BTreeMap<String, usize>) -> Shape {
    let highest = message.fields().map(|field| field.number() as usize).max().unwrap_or_default();
    let mut shape = Shape::default();
    shape.fields.resize_with(highest, || None);
    for (place, descriptor) in message.fields().enumerate() {
        assert!(place < MOST_FIELDS, "{} has too many fields", message.full_name());
        let number = descriptor.number();
        let list = descriptor.is_list() || descriptor.is_map();
        let field = Field {
            name: descriptor.name().into(),
            number,
            place,
            value: value(message.full_name(), &descriptor, places),
            list: list.then(|| self::list(message.full_name(), descriptor.name())),
        };
        if let Some(slot) = shape.fields.get_mut(number as usize - 1) {
            *slot = Some(field);
        }
    }
    shape
}

fn value(message: &str, field: &FieldDescriptor, places: &BTreeMap<String, usize>) -> Value {
    match field.kind() {
        Kind::Message(inner) => {
            let place = places.get(inner.full_name());
            Value::Message(*place.expect("it was found through this field"))
        }
        Kind::Bytes => Value::Bytes(limits::EVENT_BYTES),
        Kind::String => Value::Bytes(longest(message, field.name())),
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Value::Number(WireType::SixtyFourBit),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Value::Number(WireType::ThirtyTwoBit),
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Bool
        | Kind::Enum(_) => Value::Number(WireType::Varint),
    }
}

/// The limit of a list. What is counted again after decoding is called the same here as there.
fn list(message: &str, field: &str) -> List {
    let (limit, what, shared) = match (message.trim_start_matches("handover.v1."), field) {
        ("AppendRequest", "writes") => (limits::APPEND_EVENTS, "streams", false),
        ("StreamWrite", "events") => (limits::APPEND_EVENTS, "events", true),
        ("Filter", "items") => (limits::FILTER_TERMS, "terms", false),
        ("FilterItem", _) => (limits::FILTER_TERMS, "terms", true),
        ("ConsumeRequest", _) => (limits::CONSUMER_CREDIT, "answers", false),
        ("ReplayParkedRequest", "positions") => (limits::PARKED_REPLAYED, "positions", false),
        ("Leg", "from" | "to") | ("ExchangeReported", "parties") | ("TransferCompleted", "via") => {
            (limits::PARTIES, "parties", false)
        }
        (_, "tags") => (limits::TAGS_PER_EVENT, "tags", false),
        // What has the limit is the sum of their bytes, and each has at least one.
        (_, "metadata") => (limits::METADATA_BYTES, "entries", false),
        (_, _) => (limits::LIST_ENTRIES, "entries", false),
    };
    List { limit, what, shared }
}

/// The longest text that a field may hold. Many texts are refused at less once they are decoded;
/// here is only what keeps them small.
fn longest(message: &str, field: &str) -> usize {
    match (message.trim_start_matches("handover.v1."), field) {
        ("StreamWrite", "stream") | ("FilterItem", "streams" | "categories") => {
            limits::STREAM_NAME_BYTES
        }
        ("FilterItem", "types") => limits::TYPE_NAME_BYTES,
        (_, "tags") => limits::TAG_BYTES,
        (_, "words") => limits::SHORT_TEXT_BYTES,
        (_, _) => limits::LONG_TEXT_BYTES,
    }
}
