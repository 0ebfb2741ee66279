//! Messages that carry as much as they can of each of their fields, found by the descriptors, so
//! that what is added to the protos is tried as well.

use std::{collections::BTreeSet, fmt};

use handover::domain::{
    known::Known,
    limits,
    proto::{Any, DESCRIPTORS},
};
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_reflect::{
    DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

use crate::support::{append, event};

/// A number that no message has as a field.
const UNKNOWN: u32 = 2_000;
const APPEND: &str = "/handover.v1.EventStoreService/Append";
/// The method of which all is tried.
const READ: &str = "/handover.v1.EventStoreService/Read";
/// Bytes that the parts around what is filled may take, in a request and in a payload.
const AROUND: usize = 64;
const IN_PAYLOAD: usize = 1_024;
/// Methods that are not of this package; their messages have no lists.
const FOREIGN: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// How much of what there is to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// One message of each method.
    Methods,
    /// Each field of each request, and of each part of one only where it is met first. Of fields
    /// that hold one value, which all end alike, only messages and one other of each request.
    EachPartOnce,
    /// Each field on each way.
    EachWay,
}

/// What a message is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filling {
    /// The field, empty, again and again.
    Empty,
    /// Elements of a map, all different.
    Entries,
    /// Numbers, packed.
    Packed,
    /// Numbers, each for itself.
    Numbers,
    /// One long text, of characters that are longer when they are quoted.
    Long,
    /// Fields that the protos do not have.
    Unknown,
    /// A group that the protos do not have, full of numbers.
    Group,
    /// Groups within groups.
    Nested,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Of the method.
    pub(crate) path: String,
    /// The fields that lead to what is filled, itself included.
    way: Vec<FieldDescriptor>,
    filling: Filling,
    /// The type of the payload that holds it; `None`: it is the request itself.
    payload: Option<&'static str>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way: Vec<&str> = self.way.iter().map(FieldDescriptor::name).collect();
        let payload = self.payload.map(|name| format!(" of {name}")).unwrap_or_default();
        write!(f, "{} {}{payload} {:?}", self.path, way.join("."), self.filling)
    }
}

/// Everything that is to be tried.
pub(crate) fn plans(depth: Depth) -> Vec<Plan> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("build.rs made the descriptors");
    let services: Vec<_> = pool.services().collect();
    let mut met = BTreeSet::new();
    let mut plans = Vec::new();
    for method in services.iter().flat_map(ServiceDescriptor::methods) {
        plans.extend(of(&path(&method), &method.input(), None, depth, &mut met));
    }
    if depth == Depth::Methods {
        return plans;
    }
    plans.extend(FOREIGN.iter().flat_map(|path| unknown(path, None)));
    for name in Known::TYPE_NAMES {
        let message = pool.get_message_by_name(name).expect("a described type");
        plans.extend(of(APPEND, &message, Some(name), depth, &mut met));
    }
    plans
}

/// What is to be tried with one message.
fn of(
    path: &str,
    message: &MessageDescriptor,
    payload: Option<&'static str>,
    depth: Depth,
    met: &mut BTreeSet<String>,
) -> Vec<Plan> {
    let plan = |way, filling| Plan { path: path.to_owned(), way, filling, payload };
    let ways = ways(message, depth, met).into_iter();
    let mut plans: Vec<_> = ways
        .flat_map(|way| fillings(&way).map(move |filling| (way.clone(), filling)))
        .map(|(way, filling)| plan(way, filling))
        .chain(unknown(path, payload))
        .collect();
    let mut first = true;
    match depth {
        Depth::Methods => plans.truncate(1),
        Depth::EachPartOnce if path == READ => {}
        Depth::EachPartOnce => {
            plans.retain(|plan| !plan.grows_nothing() || std::mem::take(&mut first));
        }
        Depth::EachWay => {}
    }
    plans
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn unknown(path: &str, payload: Option<&'static str>) -> impl Iterator<Item = Plan> + use<> {
    [Filling::Unknown, Filling::Group, Filling::Nested]
        .map(|filling| Plan { path: path.to_owned(), way: Vec::new(), filling, payload })
        .into_iter()
}

/// The ways to all fields of a message and of its parts.
fn ways(
    message: &MessageDescriptor,
    depth: Depth,
    met: &mut BTreeSet<String>,
) -> Vec<Vec<FieldDescriptor>> {
    let mut ways = Vec::new();
    for field in message.fields() {
        ways.push(vec![field.clone()]);
        let Kind::Message(part) = field.kind() else { continue };
        let first = met.insert(part.full_name().to_owned());
        if first || depth == Depth::EachWay {
            let below = self::ways(&part, depth, met).into_iter();
            ways.extend(below.map(|way| [vec![field.clone()], way].concat()));
        }
    }
    ways
}

/// What the last field of a way can be filled with.
fn fillings(way: &[FieldDescriptor]) -> impl Iterator<Item = Filling> + use<> {
    let field = way.last().expect("a way has a field");
    let kind = field.kind();
    let fillings: &[Filling] = if field.is_map() {
        &[Filling::Empty, Filling::Entries]
    } else if matches!(kind, Kind::Message(_)) {
        &[Filling::Empty]
    } else if matches!(kind, Kind::String | Kind::Bytes) {
        &[Filling::Empty, Filling::Long]
    } else if field.is_list() {
        &[Filling::Packed, Filling::Numbers]
    } else {
        &[Filling::Numbers]
    };
    fillings.iter().copied()
}

impl Plan {
    /// Whether what is filled are fields of the request itself.
    pub(crate) fn is_at_the_top(&self) -> bool {
        self.way.len() <= 1 && self.payload.is_none()
    }

    /// Whether it grows nothing: one value in the place of another, or fields of no proto.
    pub(crate) fn grows_nothing(&self) -> bool {
        let single = self.way.last().is_none_or(|field| {
            let message = matches!(field.kind(), Kind::Message(_));
            !field.is_list() && !field.is_map() && !message
        });
        single && self.filling != Filling::Long
    }

    /// Whether the method is reflection: its library ends the stream where a request is refused.
    pub(crate) fn is_swallowed(&self) -> bool {
        self.path.starts_with("/grpc.reflection.")
    }

    /// Whether what is filled is a list, with nothing but its elements.
    pub(crate) fn is_list(&self) -> bool {
        let list = self.way.last().is_some_and(|it| it.is_list() || it.is_map());
        list && matches!(self.filling, Filling::Empty | Filling::Packed)
    }

    /// The bytes of a message with so many elements.
    pub(crate) fn bytes_of(&self, elements: usize) -> usize {
        let number = self.way.last().map_or(UNKNOWN, FieldDescriptor::number);
        let each = key(number, WireType::LengthDelimited, &[0]).len();
        let bytes = elements * if self.filling == Filling::Packed { 1 } else { each };
        bytes + if self.payload.is_some() { IN_PAYLOAD } else { AROUND }
    }

    /// The message, of so many bytes or a few less.
    pub(crate) fn message(&self, bytes: usize) -> Vec<u8> {
        let Some(name) = self.payload else { return self.filled(bytes - AROUND) };
        let type_url = format!("type.googleapis.com/{name}");
        let value = self.filled(bytes.min(limits::EVENT_BYTES) - IN_PAYLOAD).into();
        let mut event = event("", &[]);
        event.payload = Some(Any { type_url, value });
        append("exchange/demo-1", vec![event]).encode_to_vec()
    }

    fn filled(&self, bytes: usize) -> Vec<u8> {
        let number = self.way.last().map_or(UNKNOWN, FieldDescriptor::number);
        let filled = match self.filling {
            Filling::Empty => repeated(&key(number, WireType::LengthDelimited, &[0]), bytes),
            Filling::Entries => entries(number, bytes),
            Filling::Packed => field(number, &vec![0; bytes]),
            Filling::Numbers | Filling::Unknown => numbers(number, bytes),
            Filling::Long => field(number, &vec![1; bytes]),
            Filling::Group => {
                let start = key(number, WireType::StartGroup, &[]);
                [start, numbers(UNKNOWN, bytes), key(number, WireType::EndGroup, &[])].concat()
            }
            Filling::Nested => repeated(&key(number, WireType::StartGroup, &[]), bytes),
        };
        let above = self.way.split_last().map_or([].as_slice(), |(_, above)| above);
        above.iter().rev().fold(filled, |inner, part| field(part.number(), &inner))
    }
}

fn repeated(unit: &[u8], bytes: usize) -> Vec<u8> {
    unit.repeat(bytes / unit.len())
}

fn numbers(number: u32, bytes: usize) -> Vec<u8> {
    repeated(&key(number, WireType::Varint, &[1]), bytes)
}

fn key(number: u32, wire: WireType, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, wire, &mut bytes);
    bytes.extend(value);
    bytes
}

fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = key(number, WireType::LengthDelimited, &[]);
    encode_varint(value.len() as u64, &mut bytes);
    bytes.extend(value);
    bytes
}

fn entries(number: u32, bytes: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes);
    for entry in 0u32.. {
        let entry = field(number, &field(1, format!("{entry:x}").as_bytes()));
        if all.len() + entry.len() > bytes {
            break;
        }
        all.extend(entry);
    }
    all
}
