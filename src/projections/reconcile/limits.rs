//! How much of a list an answer names.

/// Claims that a cell, a side or an explanation names, and places that a side does.
pub(super) const NAMED: usize = 1_000;
/// Sources that a cell names.
pub(super) const SOURCES: usize = 256;
/// Lines of a scope.
pub(super) const SCOPES: usize = 64;

/// The first of a list, and how many more there are.
pub(super) fn first<T>(mut list: Vec<T>, most: usize) -> (Vec<T>, u32) {
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    (list, u32::try_from(more).unwrap_or(u32::MAX))
}
