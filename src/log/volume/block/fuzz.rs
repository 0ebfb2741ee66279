//! Mutated values: none makes a reader panic, and what is taken is what would be written.

use super::*;
use crate::fuzz::{Fuzz, golden};

const MARKER: Marker = Marker([7; 8]);

/// The key of the first byte, and the rest as what follows the checksum under it.
fn sealed(input: &[u8]) -> Option<(u8, Key, Bytes)> {
    let (kind, body) = input.split_first()?;
    let key = match kind % 3 {
        0 => Key::Block(9),
        1 => Key::Part(9, 1),
        _ => Key::Page(9),
    };
    let mut value = MARKER.0.to_vec();
    value.put_u32(0);
    value.put_slice(body);
    Some((kind % 3, key, seal(key, value).into()))
}

/// The same block, made of its events.
fn again(chunk: &Chunk) -> Vec<u8> {
    let mut builder = BlockBuilder::default();
    for position in chunk.first()..=chunk.last() {
        assert!(builder.push(&chunk.event(position)), "the events of a block fit a block");
    }
    builder.take(Key::Block(9), MARKER)
}

fn read(input: &[u8]) -> String {
    // As it is, without a right checksum.
    let whole = Bytes::copy_from_slice(input);
    let unsealed = decode_block(9, whole.clone()).map(|_| "a block");
    let _ = (decode_part(Key::Part(9, 1), whole.clone()), decode_appends(Key::Page(9), whole));
    let Some((kind, key, value)) = sealed(input) else { return format!("{unsealed:?}") };
    let fits = value.len() <= VALUE_BYTES;
    match kind {
        0 => match decode_block(9, value.clone()) {
            Ok(Block::Events(chunk)) => {
                assert!(!fits || again(&chunk) == value, "it is read otherwise than written");
                "events".to_owned()
            }
            Ok(Block::Large(large)) => {
                assert_eq!(large.encode(key, MARKER), value);
                "large".to_owned()
            }
            Err(error) => error.0.to_owned(),
        },
        1 => match decode_part(key, value.clone()) {
            Ok(bytes) => {
                assert_eq!(encode_part(key, MARKER, &bytes), value);
                "part".to_owned()
            }
            Err(error) => error.0.to_owned(),
        },
        _ => match decode_appends(key, value.clone()) {
            Ok(entries) => {
                assert_eq!(encode_appends(key, MARKER, &entries), value);
                "page".to_owned()
            }
            Err(error) => error.0.to_owned(),
        },
    }
}

#[test]
fn no_value_that_was_changed_makes_a_reader_panic() {
    // Without what stands before the kind, and behind a byte that chooses the key.
    let seeds = golden("volume_value").into_iter().flat_map(|value| {
        [0, 1, 2].map(|kind| [&[kind][..], value.get(HEAD..).unwrap_or_default()].concat())
    });
    Fuzz::of("block", seeds).run(read);
}
