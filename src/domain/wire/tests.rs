use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::{shape::List, *};
use crate::domain::{
    known::{Known, examples},
    limits, proto,
};

fn check(type_name: &str, message: &[u8]) -> Result<(), Violations> {
    Room::default().check(type_name, message)
}

/// The only violation: its path, its problem, and whether it is one of a limit.
fn refused(type_name: &str, message: &[u8]) -> (String, String, bool) {
    let found = check(type_name, message).expect_err("it is refused");
    assert_eq!((found.0.len(), found.more()), (1, 0), "{found}");
    let only = found.0.into_iter().next().expect("one");
    (only.field, only.problem, only.limit)
}

fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut field);
    prost::encoding::encode_varint(value.len() as u64, &mut field);
    field.extend(value);
    field
}

/// So many elements of a field, each as small as it can be.
fn elements(field: &FieldDescriptor, count: usize) -> Vec<u8> {
    let number = field.number();
    if field.is_packed() {
        self::field(number, &vec![0; count])
    } else {
        self::field(number, &[]).repeat(count)
    }
}

/// Every field of a message and of its parts, as the way to it.
fn ways(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let mut ways = Vec::new();
    for field in message.fields() {
        ways.push(vec![field.clone()]);
        if let Kind::Message(part) = field.kind() {
            for way in self::ways(&part) {
                assert!(way.len() < 8, "a message that holds itself needs a bound of its depth");
                ways.push([vec![field.clone()], way].concat());
            }
        }
    }
    ways
}

/// All messages that calls take and payloads have.
fn from_outside() -> BTreeMap<String, MessageDescriptor> {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).expect("descriptors");
    let services: Vec<_> = pool.services().collect();
    let requests =
        services.iter().flat_map(|service| service.methods().map(|method| method.input()));
    let payloads = Known::TYPE_NAMES.iter().filter_map(|name| pool.get_message_by_name(name));
    requests.chain(payloads).map(|message| (message.full_name().to_owned(), message)).collect()
}

/// `inner` within the parts that lead to the last field of the way.
fn within(way: &[FieldDescriptor], inner: Vec<u8>) -> Vec<u8> {
    let above = way.split_last().expect("a way has a field").1;
    above.iter().rev().fold(inner, |inner, part| field(part.number(), &inner))
}

fn text(way: &[FieldDescriptor]) -> String {
    let names = way.iter().enumerate().map(|(depth, field)| {
        let element = depth + 1 < way.len() && (field.is_list() || field.is_map());
        format!("{}{}", field.name(), if element { "[0]" } else { "" })
    });
    names.collect::<Vec<_>>().join(".")
}

#[test]
fn every_list_has_a_limit_and_its_excess_is_reported_with_path_limit_and_value() {
    let mut lists = 0;
    for (name, message) in from_outside() {
        for way in ways(&message) {
            let last = way.last().expect("a field");
            if !last.is_list() && !last.is_map() {
                continue;
            }
            lists += 1;
            let shape = shape::of(last.parent_message().full_name()).expect("a shape");
            let bound = shape.field(last.number()).and_then(|field| field.list).expect("a list");
            let of = |count| within(&way, elements(last, count));
            assert_eq!(check(&name, &of(bound.limit)), Ok(()), "{name} {}", text(&way));
            for count in [bound.limit + 1, 8 * bound.limit] {
                let (path, problem, limit) = refused(&name, &of(count));
                let reported = if bound.shared { &way[..way.len() - 1] } else { &way[..] };
                assert_eq!(path, text(reported), "{name}");
                let List { what, limit: most, .. } = bound;
                assert_eq!(problem, format!("has {count} {what}; the limit is {most}"));
                assert!(limit);
            }
        }
    }
    assert!(lists > 60, "only {lists} were found");
}

#[test]
fn every_text_has_a_limit() {
    for (name, message) in from_outside() {
        for way in ways(&message) {
            let last = way.last().expect("a field");
            if !matches!(last.kind(), Kind::String | Kind::Bytes) {
                continue;
            }
            let of = |bytes| within(&way, field(last.number(), &vec![b'a'; bytes]));
            let most = limits::EVENT_BYTES;
            let (path, problem, limit) = refused(&name, &of(most + 1));
            let index = if last.is_list() { "[0]" } else { "" };
            assert_eq!(path, format!("{}{index}", text(&way)), "{name}");
            assert!(limit && problem.starts_with("has 1048577 bytes; the limit is "), "{problem}");
        }
    }
}

#[test]
fn what_lists_share_is_counted_over_all_of_them() {
    let item = |tags: usize| field(1, &field(4, b"a:b").repeat(tags));
    let filter =
        |items: &[usize]| field(1, &items.iter().flat_map(|it| item(*it)).collect::<Vec<_>>());
    let read = "handover.v1.ReadRequest";
    assert_eq!(check(read, &filter(&[32, 32])), Ok(()));
    let expected = ("filter.items".to_owned(), "has 68 terms; the limit is 64".to_owned(), true);
    assert_eq!(refused(read, &filter(&[32, 33, 3])), expected);

    let write = |events: usize| field(2, &field(3, &[]).repeat(events));
    let append = "handover.v1.AppendRequest";
    assert_eq!(check(append, &[write(999), write(1)].concat()), Ok(()));
    let expected = ("writes".to_owned(), "has 1001 events; the limit is 1000".to_owned(), true);
    assert_eq!(refused(append, &[write(999), write(2)].concat()), expected);
}

#[test]
fn fields_are_counted_in_all_parts_known_or_not() {
    let name = "handover.v1.RegisterSourceRequest";
    let unknown = |count: usize| [0x80, 0x7d, 0].repeat(count);
    let source = |inner: &[u8]| field(2, inner);
    assert_eq!(check(name, &source(&unknown(limits::FIELDS - 1))), Ok(()));
    let too_many = [
        source(&unknown(limits::FIELDS)),
        // Texts of one field, each in the place of the one before.
        source(&field(4, b"").repeat(limits::FIELDS)),
        // The fields of a group: its start, numbers, its end.
        [vec![0x83, 0x7d], unknown(limits::FIELDS), vec![0x84, 0x7d]].concat(),
    ];
    for message in too_many {
        let (path, problem, limit) = refused(name, &message);
        assert!(path.is_empty() && limit, "{path}");
        assert_eq!(problem, "has more fields than the limit, which is 262144");
    }
}

#[test]
fn a_message_in_the_place_of_another_is_merged_so_often_and_no_more() {
    let name = "handover.v1.RecordTransferRequest";
    let completed = field(2, &field(2, &[]).repeat(2));
    let message = |count: usize| completed.repeat(count);
    // Each but the first stands again, and each has a leg too many.
    assert_eq!(check(name, &message(32)), Ok(()));
    let (path, problem, limit) = refused(name, &message(33));
    assert!(limit && path == "completed.leg", "{path}");
    assert!(problem.contains("the limit is 64"), "{problem}");
    // Numbers and texts take each other's place, which keeps nothing.
    let moments = field(3, &[8, 1].repeat(1_000));
    assert_eq!(check("handover.v1.GetCountryCountsRequest", &moments), Ok(()));
}

#[test]
fn bytes_that_are_no_message_are_refused_where_they_are() {
    let append = "handover.v1.AppendRequest";
    let mut longer = field(2, &field(3, &[]));
    // The event says that it is longer than the write that holds it; bytes for it are there.
    longer[3] = 100;
    longer.extend([0; 100]);
    for (message, path) in [
        (vec![0x0a], ""),
        (vec![0x0a, 0x05, b'a'], ""),
        (vec![0xff; 11], ""),
        // The number 0, and a layout that there is not.
        (vec![0x00, 0x00], ""),
        (vec![0x0f, 0x00], ""),
        (longer, "writes[0]"),
        (field(2, &field(3, &[0x0a])), "writes[0].events[0]"),
        // A number where a text belongs, and a message; groups that end nowhere or elsewhere.
        (vec![0x08, 0x01], "request_id"),
        (field(2, &[0x18, 0x01]), "writes[0].events"),
        (vec![0x83, 0x7d], ""),
        (vec![0x83, 0x7d, 0x8c, 0x7d], ""),
        ([0x83, 0x7d].repeat(101), ""),
    ] {
        let (found, problem, limit) = refused(append, &message);
        assert_eq!((found.as_str(), limit), (path, false), "{problem}: {message:x?}");
        assert!(proto::AppendRequest::decode(message.as_slice()).is_err(), "{message:x?}");
    }
    let nested = [[0x83, 0x7d].repeat(100), [0x84, 0x7d].repeat(100)].concat();
    assert_eq!(check(append, &nested), Ok(()));
    assert!(proto::AppendRequest::decode(nested.as_slice()).is_ok(), "prost takes as many");
    assert_eq!(check("demo.v1.Unknown", &[0xff]), Ok(()), "there is nothing to go by");
}

#[test]
fn what_is_valid_passes() {
    for event in examples::all() {
        let any = event.pack();
        assert_eq!(check(any.type_name(), &any.value), Ok(()), "{event:?}");
    }
}

proptest! {
    /// The walk refuses nothing as malformed that the decoder takes, and what it lets pass the
    /// decoder can only refuse for its texts.
    #[test]
    fn the_walk_is_as_strict_as_the_decoder(
        index in 0..Known::TYPE_NAMES.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let any = examples::all()[index].pack();
        let mut payload = any.value.to_vec();
        for (at, byte) in damage {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload.truncate(cut.index(payload.len()) + 1);
        let decoded = Known::decode(any.type_name(), &payload).expect("a known type");
        match (check(any.type_name(), &payload), decoded) {
            (Err(found), Ok(_)) => prop_assert!(found.0[0].limit, "{found}"),
            (Ok(()), Err(error)) => prop_assert!(error.to_string().contains("UTF-8"), "{error}"),
            (Ok(()), Ok(_)) | (Err(_), Err(_)) => {}
        }
    }
}
