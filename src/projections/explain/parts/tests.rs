//! What the finder answers is what looking at all legs answers. A failure prints the seed that
//! brings it back.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::domain::{
    leg::Direction,
    whole::random_legs::{legs, nestings},
};
use crate::projections::counts::properties::config;

/// The rules, each applied to all legs.
struct Plain<'l, 'a>(&'l [(Seen<'a>, bool)], &'l Nesting);

impl Plain<'_, '_> {
    fn is_part(&self, whole: usize, part: usize) -> bool {
        let (whole, part) = (self.0[whole].0, self.0[part].0);
        whole.own == part.own && is_part(whole, part, self.1)
    }

    fn used(&self, number: usize) -> LegUse {
        let (leg, numbered) = self.0[number];
        let mut others = (0..self.0.len()).filter(|other| self.0[*other].1);
        match leg.own.len() {
            0 => LegUse::SideUnsaid,
            1 if !numbered => LegUse::Unnumbered,
            1 if others.clone().any(|it| self.is_part(it, number)) => LegUse::PartOfAnother,
            1 if others.any(|it| self.is_part(number, it)) => LegUse::WholeOfParts,
            1 => LegUse::Counted,
            _ => LegUse::Joint,
        }
    }

    fn directly_part_of(&self, number: usize) -> Vec<u32> {
        let around: Vec<usize> =
            (0..self.0.len()).filter(|whole| self.is_part(*whole, number)).collect();
        let direct = |whole: &&usize| !around.iter().any(|nearer| self.is_part(**whole, *nearer));
        around.iter().filter(direct).map(|it| u32::try_from(*it).unwrap()).collect()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_leg_is_found_to_be_what_all_legs_make_of_it(
        keys in prop::collection::btree_set(legs(), 1..60),
        numbered in any::<u64>(),
        nesting in nestings(),
        direction in select(vec![Direction::Received, Direction::Sent]),
    ) {
        let has_number = |place: usize| numbered >> (place % 64) & 1 == 1;
        let legs: Vec<(Seen<'_>, bool)> = keys
            .iter()
            .enumerate()
            .map(|(place, key)| (Seen::new(key, direction), has_number(place)))
            .collect();
        let (parts, plain) = (Parts::new(&legs, &nesting), Plain(&legs, &nesting));
        for number in 0..legs.len() {
            prop_assert_eq!(parts.used(number), plain.used(number), "leg {}", number);
            let direct = plain.directly_part_of(number);
            prop_assert_eq!(parts.directly_part_of(number), direct, "leg {}", number);
        }
    }
}
