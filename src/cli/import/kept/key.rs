//! The keys of entries: hashes of their names.

use sha2::{Digest as _, Sha256};

use crate::domain::digest;

/// The hash of an entry's name. Two names that differ never have the same one.
pub(in crate::cli::import) type Key = [u8; 16];

/// The key of a text.
pub(in crate::cli::import) fn key(text: &str) -> Key {
    digest::shortened(Sha256::new().chain_update(text))
}

/// The key of what has this hash.
pub(in crate::cli::import) fn shortened(digest: &[u8; 32]) -> Key {
    let [start, _] = digest.as_chunks().0 else { return Key::default() };
    *start
}
