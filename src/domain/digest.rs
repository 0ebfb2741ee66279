//! Digests of fewer bytes than a hash has: its first ones.

use sha2::{Digest as _, Sha256};

/// The first bytes of a hash.
pub fn shortened<const BYTES: usize>(hash: Sha256) -> [u8; BYTES] {
    const { assert!(BYTES <= 32, "SHA-256 has no more") };
    let mut digest = [0; BYTES];
    digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    digest
}
