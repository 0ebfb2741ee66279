//! Which exchanges can have been portions of each other since some position.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claims, Said};
use crate::domain::event::Position;

/// Pairs of exchanges of which one was reported to be a portion of the other.
#[derive(Clone, Debug, Default)]
pub struct Links<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl Claims {
    /// What any report says that stood at `since` or came later. However the exchanges nested at
    /// a moment from then on, it was by some of these.
    pub fn links_since(&self, since: Position) -> Links<'_> {
        let mut links = Links::default();
        for row in self.rows.iter().filter(|row| row.to > since) {
            if let Said::Exchange(report) = &row.said
                && !report.part_of.is_empty()
            {
                links.0.entry(&row.exchange).or_default().insert(&report.part_of);
                links.0.entry(&report.part_of).or_default().insert(&row.exchange);
            }
        }
        links
    }
}

impl<'a> Links<'a> {
    /// The exchange and all that are linked to it, directly or not: what is said of others makes
    /// no difference to it.
    pub fn group(&self, exchange: &'a str) -> BTreeSet<&'a str> {
        let mut group = BTreeSet::from([exchange]);
        let mut open = vec![exchange];
        while let Some(next) = open.pop() {
            let linked = self.0.get(next).into_iter().flatten();
            open.extend(linked.filter(|other| group.insert(other)));
        }
        group
    }
}
