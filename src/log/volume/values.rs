//! Where the values of a volume come from: from their offsets in the file, or from sled.

use std::fmt;

use bytes::Bytes;

use super::{VolumeError, key::Key};
use crate::domain::event::Position;

/// Gives the values of one volume, as they were found: the caller checks them.
pub(super) trait Values: fmt::Debug {
    /// The last block or head at or before `position`, and its own position.
    fn block(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError>;

    /// The value under a key.
    fn value(&self, key: Key) -> Result<Option<Bytes>, VolumeError>;

    /// The last page of the append table at or before `position`, and its own position.
    fn page(&self, position: Position) -> Result<Option<(Position, Bytes)>, VolumeError>;

    /// The first page of the append table after the one at this position; of all, if absent.
    fn page_after(&self, after: Option<Position>)
    -> Result<Option<(Position, Bytes)>, VolumeError>;
}
