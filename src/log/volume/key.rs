//! The keys that the values of a volume are kept under. Pure.
//!
//! ```text
//! position u64                    a block, by its first event; or the head of a large event
//! position u64 | part u32         a part of the large event at that position
//! 0xFF | position u64             a page of the append table, by its first entry's first event
//! ```
//!
//! All numbers are big-endian, so keys sort by position, the parts of an event behind its head, and
//! the pages behind everything else.

use std::ops::Deref;

use crate::domain::event::Position;

/// What the keys of append pages begin with; positions never get there.
const PAGE_PREFIX: u8 = 0xFF;

/// What a value is kept under. They sort by kind first, unlike their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// The block with its first event at a position, or the head of the large event there.
    Block(Position),
    /// A part, numbered from 0, of the large event at a position.
    Part(Position, u32),
    /// The page of the append table that has the first event of its first entry at a position.
    Page(Position),
}

/// A key as sled has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyBytes {
    bytes: [u8; 12],
    length: usize,
}

impl Key {
    /// What sorts right before all pages.
    pub(super) const BEFORE_PAGES: [u8; 1] = [PAGE_PREFIX];

    /// The key as sled has it.
    pub(super) fn bytes(self) -> KeyBytes {
        let put = |pieces: &[&[u8]]| {
            let mut key = KeyBytes { bytes: [0; 12], length: 0 };
            for byte in pieces.iter().copied().flatten() {
                if let Some(to) = key.bytes.get_mut(key.length) {
                    *to = *byte;
                    key.length += 1;
                }
            }
            key
        };
        match self {
            Self::Block(position) => put(&[&position.to_be_bytes()]),
            Self::Part(position, part) => put(&[&position.to_be_bytes(), &part.to_be_bytes()]),
            Self::Page(position) => put(&[&[PAGE_PREFIX], &position.to_be_bytes()]),
        }
    }

    /// Reads a key; `None`: it is none of these.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [PAGE_PREFIX, position @ ..] if position.len() == 8 => {
                Some(Self::Page(u64::from_be_bytes(position.try_into().ok()?)))
            }
            _ => {
                let (position, part) = bytes.split_first_chunk::<8>()?;
                let position = u64::from_be_bytes(*position);
                match part {
                    [] => Some(Self::Block(position)),
                    part => Some(Self::Part(position, u32::from_be_bytes(part.try_into().ok()?))),
                }
            }
        }
    }

    /// The position that it names.
    pub(super) fn position(self) -> Position {
        match self {
            Self::Block(position) | Self::Part(position, _) | Self::Page(position) => position,
        }
    }
}

impl Deref for KeyBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_position_then_part_and_pages_come_last() {
        let keys = [
            Key::Block(1),
            Key::Part(1, 0),
            Key::Part(1, 256),
            Key::Block(2),
            Key::Block(1 << 40),
            Key::Page(1),
            Key::Page(1 << 40),
        ];
        assert!(keys.map(|key| key.bytes().to_vec()).is_sorted());
        assert!(Key::Page(0).bytes()[..] > Key::BEFORE_PAGES[..]);
        assert!(Key::Part(u64::MAX >> 8, 0).bytes()[..] < Key::BEFORE_PAGES[..]);
    }

    #[test]
    fn a_key_comes_back_from_its_bytes_and_nothing_else_does() {
        for key in [Key::Block(7), Key::Part(7, 9), Key::Page(7), Key::Page(0xFF << 56)] {
            assert_eq!(Key::read(&key.bytes()), Some(key));
        }
        for bytes in [&[][..], &[0; 7], &[0; 9], &[0; 11], &[0; 13]] {
            assert_eq!(Key::read(bytes), None, "{bytes:?}");
        }
    }
}
