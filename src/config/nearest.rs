//! The name that a misspelt one is meant for.

/// A name that differs by a letter of every three, and by at most so many, is taken for a misspelt
/// one.
const SLIPS: usize = 2;

/// The one of `known` that `name` is nearly spelt as.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let slips = |known: &&str| strsim::damerau_levenshtein(name, known);
    let nearest = known.into_iter().min_by_key(slips)?;
    (slips(&nearest) <= (nearest.len() / 3).min(SLIPS)).then_some(nearest)
}
