//! Whether a preference fits the record as it stands.
//!
//! It is checked against the register, before the append is queued. A claim that comes in between
//! can move the range away from under a preference; then the rules pass over it, as they do over
//! one that stopped fitting later.

use crate::{
    domain::{leg::Direction, proto},
    engine::{AppendError, reader::Reader, record::RecordReader, validation::Prepared},
    projections::preference,
};

/// Refuses an append with a preference for a number that its figure cannot have.
pub(super) async fn check(
    prepared: &Prepared,
    reader: &Reader,
    record: &RecordReader,
) -> Result<(), AppendError> {
    for preferred in prepared.preferences() {
        record.reached(reader.head().position).await?;
        let claim = preferred.claim;
        let country = preferred.country.clone();
        let direction = match preferred.direction() {
            proto::Direction::Received => Some(Direction::Received),
            proto::Direction::Sent => Some(Direction::Sent),
            proto::Direction::Unspecified => None,
        };
        let fits = record.look_up(move |register| {
            let side = direction.map(|direction| (country.as_str(), direction));
            preference::check(register, claim, side)
        });
        fits.await?.map_err(AppendError::Rule)?;
    }
    Ok(())
}
