//! Which exchange is a portion of which: a forest, whatever the reports say.

use std::collections::BTreeMap;

/// The larger exchange of each exchange that has one. Holds no cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nesting<'a> {
    larger: BTreeMap<&'a str, &'a str>,
}

impl<'a> Nesting<'a> {
    /// Builds the forest from (part, larger) in the order in which they were reported.
    ///
    /// A link that would make an exchange a portion of itself is left out: of a cycle, the
    /// report that closed it is the one not believed.
    pub fn new(links: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut nesting = Self::default();
        for (part, larger) in links {
            if !nesting.is_within(larger, part) {
                nesting.larger.insert(part, larger);
            }
        }
        nesting
    }

    /// The exchange that `exchange` is a portion of, through all levels; itself if of none.
    pub fn outermost<'b>(&self, exchange: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.path(exchange).last().unwrap_or(exchange)
    }

    /// Whether `inner` is `outer` or a portion of it, at any level.
    pub fn is_within(&self, inner: &str, outer: &str) -> bool {
        self.path(inner).any(|exchange| exchange == outer)
    }

    /// How many exchanges `exchange` is a portion of.
    pub fn depth(&self, exchange: &str) -> usize {
        self.path(exchange).skip(1).count()
    }

    /// The exchange that `exchange` is directly a portion of.
    pub fn larger(&self, exchange: &str) -> Option<&'a str> {
        self.larger.get(exchange).copied()
    }

    /// The exchange and those around it, from the inside out; ends, because there is no cycle.
    fn path<'b>(&self, exchange: &'b str) -> impl Iterator<Item = &'b str>
    where
        'a: 'b,
    {
        std::iter::successors(Some(exchange), |inner| self.larger(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_found_at_any_depth() {
        let nesting = Nesting::new([("day 1", "truce"), ("morning", "day 1"), ("day 2", "truce")]);
        assert_eq!(nesting.outermost("morning"), "truce");
        assert_eq!(nesting.outermost("elsewhere"), "elsewhere");
        assert!(nesting.is_within("morning", "truce") && !nesting.is_within("truce", "morning"));
        assert_eq!((nesting.depth("truce"), nesting.depth("morning")), (0, 2));
    }

    #[test]
    fn the_link_that_would_close_a_cycle_is_left_out() {
        let nesting = Nesting::new([("a", "a"), ("a", "b"), ("b", "c"), ("c", "a")]);
        for exchange in ["a", "b", "c"] {
            assert_eq!(nesting.outermost(exchange), "c");
        }
    }
}
