//! A projection's state as bytes, saved together with its position.
//!
//! ```text
//! magic 8 | crc 4 | store id 16 | position 8 | version 4 | name | 0 | state
//! ```
//!
//! Numbers are little-endian; the CRC-32C covers all that follows it; the state is postcard. A
//! saved state is only ever a shortcut: whatever does not fit exactly is not read, and the
//! projection is built again from the log.

use crate::domain::event::Position;
use crate::projections::Projection;

/// First bytes of every saved state; the last one numbers this layout.
const MAGIC: [u8; 8] = *b"HOVSTAT\x01";

/// Ends the name, so that no name is the beginning of another.
const NAME_END: u8 = 0;

/// Identifies one store; a state saved for another store says nothing about this one.
pub type StoreId = [u8; 16];

/// Why a saved state is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Too short, or without the magic bytes.
    #[error("this is no saved state of this layout")]
    Layout,
    /// Its bytes are not those that were written.
    #[error("the checksum of the saved state does not match")]
    Checksum,
    /// It was saved for another store.
    #[error("the saved state belongs to another store")]
    Store,
    /// It was saved by another projection, or another version of this one.
    #[error("the saved state is of another projection or version")]
    Version,
    /// Its state cannot be read, or stands at another position than its header says.
    #[error("the saved state cannot be read")]
    State,
}

/// The state as bytes to be saved.
///
/// # Panics
///
/// Never: the state is made of plain values, which postcard writes to memory without fail.
pub fn encode<P: Projection>(projection: &P, store: StoreId) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(store);
    body.extend(projection.position().to_le_bytes());
    body.extend(P::VERSION.to_le_bytes());
    body.extend(P::NAME.as_bytes());
    body.push(NAME_END);
    let body = postcard::to_extend(projection, body)
        .expect("plain values with known lengths can be written to memory");
    let mut bytes = MAGIC.to_vec();
    bytes.extend(crc32c::crc32c(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Reads a state that [`encode`] wrote for this store, by this version of this projection.
pub fn decode<P: Projection>(bytes: &[u8], store: StoreId) -> Result<P, Misfit> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(Misfit::Layout)?;
    let (crc, body) = rest.split_first_chunk().ok_or(Misfit::Layout)?;
    if u32::from_le_bytes(*crc) != crc32c::crc32c(body) {
        return Err(Misfit::Checksum);
    }
    let rest = body.strip_prefix(&store).ok_or(Misfit::Store)?;
    let (position, rest) = rest.split_first_chunk().ok_or(Misfit::Layout)?;
    let state = rest
        .strip_prefix(&P::VERSION.to_le_bytes())
        .and_then(|rest| rest.strip_prefix(P::NAME.as_bytes()))
        .and_then(|rest| rest.strip_prefix(&[NAME_END]))
        .ok_or(Misfit::Version)?;
    let (mut projection, rest) =
        postcard::take_from_bytes::<P>(state).map_err(|_| Misfit::State)?;
    projection.restore();
    let fits = rest.is_empty() && projection.position() == Position::from_le_bytes(*position);
    fits.then_some(projection).ok_or(Misfit::State)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projections::{ApplyError, claims::test_record, register::Register};

    const STORE: StoreId = [7; 16];

    fn saved() -> (Register, Vec<u8>) {
        let claims = test_record::ankara_article().claims();
        let bytes = encode(&claims, STORE);
        (claims, bytes)
    }

    #[test]
    fn a_saved_state_is_read_back_as_it_was() {
        let (claims, bytes) = saved();
        assert_eq!(decode::<Register>(&bytes, STORE), Ok(claims));
    }

    #[test]
    fn a_state_of_another_store_is_not_used() {
        assert_eq!(decode::<Register>(&saved().1, [8; 16]), Err(Misfit::Store));
    }

    #[test]
    fn a_state_of_another_version_or_projection_is_not_used() {
        #[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Other<const V: u32>(Position);
        impl<const V: u32> Projection for Other<V> {
            const NAME: &'static str = if V == 9 { "others" } else { "other" };
            const VERSION: u32 = V;
            type Taken = Position;
            fn take(event: &crate::projections::Event<'_>) -> Result<Position, ApplyError> {
                Ok(event.position)
            }
            fn apply(&mut self, at: Position, _: Position) -> Result<(), ApplyError> {
                self.0 = at;
                Ok(())
            }
            fn restore(&mut self) {}
            fn position(&self) -> Position {
                self.0
            }
        }
        let bytes = encode(&Other::<1>(5), STORE);
        assert_eq!(decode::<Other<1>>(&bytes, STORE), Ok(Other(5)));
        assert_eq!(decode::<Other<2>>(&bytes, STORE), Err(Misfit::Version));
        assert_eq!(decode::<Other<9>>(&bytes, STORE), Err(Misfit::Version));
    }

    #[test]
    fn a_flipped_bit_or_a_missing_end_is_found() {
        let (_, bytes) = saved();
        for place in 0..bytes.len() {
            assert!(decode::<Register>(&bytes[..place], STORE).is_err(), "cut at {place}");
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x10;
            assert!(decode::<Register>(&flipped, STORE).is_err(), "flipped at {place}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(decode::<Register>(&longer, STORE).is_err());
    }
}
