//! What the index knows a term by: a keyed hash of 16 bytes, whatever the term's text looks like.
//!
//! Every entry of the index has nearly one size then, dictionaries are sorted arrays of keys that
//! are spread evenly, and no text is kept. The hash is SipHash-2-4 with 128 bits under the store's
//! id. The id is random and backups alone get it, so no client can make up two terms with one key.
//! Among a thousand million terms, the odds that two share a key by chance are n^2 / 2^129, below 1
//! in 10^20. Then either term would find the events of both.

use std::{
    fmt,
    hash::{BuildHasherDefault, Hash, Hasher},
};

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::domain::event::RequestId;

/// Something that positions can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term<'a> {
    /// The name of a stream.
    Stream(&'a [u8]),
    /// The category of a stream.
    Category(&'a [u8]),
    /// The type of a payload.
    Type(&'a [u8]),
    /// One tag, key and value.
    Tag(&'a [u8]),
    /// The request id of an append, which is found by the position of its first event.
    Request(&'a RequestId),
}

impl<'a> Term<'a> {
    /// What is hashed: the kind's number, then the bytes. Stored: keep the numbers.
    fn parts(self) -> (u8, &'a [u8]) {
        match self {
            Self::Stream(name) => (1, name),
            Self::Category(name) => (2, name),
            Self::Type(name) => (3, name),
            Self::Tag(tag) => (4, tag),
            Self::Request(id) => (5, id),
        }
    }
}

/// The key of a term; keys sort as their bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    high: u64,
    low: u64,
}

impl Key {
    /// Bytes of a stored key.
    pub(super) const BYTES: usize = 16;

    /// The stored bytes.
    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        (u128::from(self.high) << 64 | u128::from(self.low)).to_be_bytes()
    }

    /// The key with these bytes.
    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let half = |shift: u32| {
            let mask = u128::from(u64::MAX);
            u64::try_from((u128::from_be_bytes(bytes) >> shift) & mask)
                .expect("64 bits of 128 fit into 64")
        };
        Self { high: half(64), low: half(0) }
    }

    /// Its first 8 bytes and its last 8 bytes as numbers.
    pub(super) fn halves(self) -> (u64, u64) {
        (self.high, self.low)
    }

    /// The part that filters and maps go by: its last 8 bytes.
    pub(super) fn low(self) -> u64 {
        self.low
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

/// Makes keys of terms, for one store.
#[derive(Clone, Copy)]
pub(super) struct Keys(SipHasher24);

impl Keys {
    /// The keys of the store with this id.
    pub(super) fn new(store_id: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(store_id))
    }

    /// The term's key.
    pub(super) fn of(&self, term: Term<'_>) -> Key {
        let (kind, bytes) = term.parts();
        let mut hasher = self.0;
        hasher.write(&[kind]);
        hasher.write(bytes);
        Key::from_bytes(hasher.finish128().as_bytes())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hasher holds the store's id.
        f.write_str("Keys(..)")
    }
}

/// For maps by key: keys are hashes already.
pub(super) type AsItIs = BuildHasherDefault<Low>;

/// Takes one `u64` for its hash.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Low(u64);

impl Hasher for Low {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(8) ^ number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_published_hash_of_kind_and_text_under_the_store_id() {
        let id: [u8; 16] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        // The reference vectors of SipHash-2-4-128 with this key: of one and of two bytes.
        let reference = SipHasher24::new_with_key(&id);
        let one = [0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44];
        assert_eq!(reference.hash(&[0]).as_bytes()[..8], one);
        let key = Keys::new(&id).of(Term::Tag(b"to:DE"));
        assert_eq!(key.to_bytes(), reference.hash(b"\x04to:DE").as_bytes());
    }

    #[test]
    fn terms_of_two_kinds_or_stores_have_different_keys() {
        let (one, other) = (Keys::new(&[1; 16]), Keys::new(&[2; 16]));
        let terms = [
            Term::Stream(b"0123456789abcdef"),
            Term::Category(b"0123456789abcdef"),
            Term::Type(b"0123456789abcdef"),
            Term::Tag(b"0123456789abcdef"),
            Term::Request(b"0123456789abcdef"),
        ];
        let keys = |keys: Keys| terms.map(|term| keys.of(term));
        let mut all = [keys(one), keys(other)].concat();
        assert_eq!(all, [keys(one), keys(other)].concat());
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn keys_sort_as_their_bytes() {
        let keys = Keys::new(&[3; 16]);
        let mut all: Vec<Key> =
            (0..500_u32).map(|n| keys.of(Term::Stream(&n.to_be_bytes()))).collect();
        all.sort();
        assert!(all.is_sorted_by_key(|key| key.to_bytes()));
        assert!(all.iter().all(|key| Key::from_bytes(key.to_bytes()) == *key));
        assert!(all.iter().all(|key| key.to_bytes()[8..] == key.low().to_be_bytes()));
    }
}
