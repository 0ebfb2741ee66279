//! Runs: an index of a stretch of the log in a file that is written once and never changed.
//!
//! ```text
//! header | group, group, ... | times | footer | trailer
//! group  = long lists | leaf pages | first key of each leaf page | filter
//! ```
//!
//! Entries stand in leaf pages of 4 KiB, sorted by key; a short list of positions stands in its
//! entry, a long one before the pages of its group. Opening a run reads its header, its footer
//! and, as far as there is room in memory, keys and filters of its groups; a question reads one
//! leaf page and what it needs of a long list. Groups bound what writing and merging keep in
//! memory. Everything carries a checksum. `docs/FORMAT.md` draws it all.

mod budget;
mod cursor;
mod footer;
mod group;
mod header;
mod inspection;
mod leaf;
mod list;
mod merge;
mod output;
mod reader;
mod times;
mod writer;

pub(super) use self::{
    budget::KeyBudget,
    header::{Binding, Header},
    inspection::Visitor,
    merge::merge,
    reader::Run,
    times::Change,
    writer::{RunWriter, Target},
};

/// Bytes of a page.
pub(super) const PAGE: usize = 4096;
/// The same as a place in a file.
const PAGE_U64: u64 = 4096;

/// Sizes that a run is written with; readers need not know them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Keys of a group at most.
    pub(super) group_keys: usize,
    /// Bytes of a list of positions that stands in its entry at most.
    pub(super) inside_bytes: usize,
    /// Bytes that are written to the file at once.
    pub(super) piece_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        // A group's pages and filter take about a megabyte while it is made. Half a page of
        // short lists costs less than one more place to look at.
        Self { group_keys: 32_768, inside_bytes: 64, piece_bytes: 1 << 20 }
    }
}

/// The checksum of bytes at a place of a run: CRC-32C over the header's checksum, the place and
/// the bytes, so that bytes of another run or another place are found out.
fn checksum(salt: u32, offset: u64, bytes: &[u8]) -> u32 {
    let placed = crc32c::crc32c_append(crc32c::crc32c(&salt.to_be_bytes()), &offset.to_be_bytes());
    crc32c::crc32c_append(placed, bytes)
}

/// Bytes that are not what should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed(&'static str);

#[cfg(test)]
mod fuzz;
