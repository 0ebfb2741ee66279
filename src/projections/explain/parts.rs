//! Which of the legs behind a figure are parts of others.

use std::cmp::Reverse;

use crate::domain::{
    nesting::Nesting,
    proto::LegUse,
    whole::{Finder, Seen, is_part},
    work,
};

/// Legs, each with whether it has a number, and how they contain each other.
#[derive(Debug)]
pub(super) struct Parts<'l, 'a> {
    legs: &'l [(Seen<'a>, bool)],
    finder: Finder,
    nesting: &'l Nesting,
    counts: Vec<Counts>,
}

/// How many other legs are around one, and within it.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    around: usize,
    /// Of those around, the ones with a number.
    numbered_around: usize,
    /// The ones with a number.
    numbered_within: usize,
}

impl<'l, 'a> Parts<'l, 'a> {
    pub(super) fn new(legs: &'l [(Seen<'a>, bool)], nesting: &'l Nesting) -> Self {
        let finder = Finder::new(legs.iter().map(|(leg, _)| leg.key), nesting);
        let mut parts = Self { legs, finder, nesting, counts: Vec::new() };
        let mut counts = vec![Counts::default(); legs.len()];
        for (number, (_, numbered)) in legs.iter().enumerate() {
            let around = parts.around(number);
            if let Some(own) = counts.get_mut(number) {
                own.around = around.len();
                own.numbered_around = around.iter().filter(|it| parts.is_numbered(**it)).count();
            }
            for whole in around.iter().filter(|_| *numbered) {
                if let Some(whole) = counts.get_mut(*whole) {
                    whole.numbered_within += 1;
                }
            }
        }
        parts.counts = counts;
        parts
    }

    fn is_numbered(&self, number: usize) -> bool {
        self.legs.get(number).is_some_and(|(_, numbered)| *numbered)
    }

    fn counts(&self, number: usize) -> Counts {
        self.counts.get(number).copied().unwrap_or_default()
    }

    /// Whether one leg is a part of another of the same own side.
    fn is_part(&self, whole: usize, part: usize) -> bool {
        work::visit(1);
        let legs = self.legs.get(whole).zip(self.legs.get(part));
        legs.is_some_and(|((whole, _), (part, _))| {
            whole.own == part.own && is_part(*whole, *part, self.nesting)
        })
    }

    /// The legs of the same own side that one is a part of, rising.
    fn around(&self, number: usize) -> Vec<usize> {
        let Some((leg, _)) = self.legs.get(number) else { return Vec::new() };
        let mut near = self.finder.around(leg.key, self.nesting);
        near.retain(|whole| self.is_part(*whole, number));
        near
    }

    /// What becomes of a leg in the sum.
    pub(super) fn used(&self, number: usize) -> LegUse {
        let own = self.legs.get(number).map_or(0, |(leg, _)| leg.own.len());
        let counts = self.counts(number);
        match own {
            0 => LegUse::SideUnsaid,
            1 if !self.is_numbered(number) => LegUse::Unnumbered,
            1 if counts.numbered_around > 0 => LegUse::PartOfAnother,
            1 if counts.numbered_within > 0 => LegUse::WholeOfParts,
            1 => LegUse::Counted,
            _ => LegUse::Joint,
        }
    }

    /// The legs that one is a part of, without those around another of them.
    pub(super) fn directly_part_of(&self, number: usize) -> Vec<u32> {
        let around = self.around(number);
        // The innermost first: most of the others are around it. What nothing is around tells
        // nothing.
        let mut nearer = around.clone();
        nearer.retain(|it| self.counts(*it).around > 0);
        nearer.sort_by_key(|it| Reverse(self.counts(*it).around));
        let direct = |whole: &usize| !nearer.iter().any(|nearer| self.is_part(*whole, *nearer));
        let direct = around.into_iter().filter(direct);
        direct.filter_map(|whole| u32::try_from(whole).ok()).collect()
    }
}

#[cfg(test)]
mod tests;
