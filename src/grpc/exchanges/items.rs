//! The order of the items in the lists of a story, so that pages can be cut anywhere.
//!
//! A page should show some of everything, since many clients look at the first one only. So the
//! lists take turns, each with so many items, until none is left.

use crate::projections::{claim_status::LegClaims, story::Story};

/// Items of one list before the next list has its turn.
const TURN: usize = 64;

/// Which list of legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legs {
    Completed,
    Agreed,
    Declined,
}

/// What is never divided: one entry of a list, by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Count(usize),
    /// A claim on a leg.
    Claim(Legs, usize, usize),
    Total(usize),
    /// A claim that an actor had a role, or that the actor did not.
    Attributed(usize, usize),
    Denied(usize, usize),
    Report(usize),
    Superlative(usize),
    Portion(usize),
    Party(usize),
    Statement(usize),
}

/// All items of a story, in the order of its pages.
pub(super) fn items(story: &Story) -> Vec<Item> {
    let each = |count: usize, item: fn(usize) -> Item| (0..count).map(item).collect::<Vec<_>>();
    let mut lists = [
        each(story.counts.len(), Item::Count),
        claims(Legs::Completed, story),
        each(story.totals.len(), Item::Total),
        roles(story),
        claims(Legs::Agreed, story),
        claims(Legs::Declined, story),
        each(story.reports.len(), Item::Report),
        each(story.superlatives.len(), Item::Superlative),
        each(story.summary.portions.len(), Item::Portion),
        each(story.summary.parties.len(), Item::Party),
        each(story.statements.len(), Item::Statement),
    ]
    .map(Vec::into_iter);
    let mut items = Vec::new();
    while lists.iter().any(|list| list.len() > 0) {
        for list in &mut lists {
            items.extend(list.by_ref().take(TURN));
        }
    }
    items
}

/// A leg of a list.
pub(super) fn leg(story: &Story, legs: Legs, place: usize) -> Option<&LegClaims> {
    match legs {
        Legs::Completed => story.legs.get(place),
        Legs::Agreed => story.agreed.get(place),
        Legs::Declined => story.declined.get(place).map(|(leg, _)| leg),
    }
}

fn claims(legs: Legs, story: &Story) -> Vec<Item> {
    let all = (0..).map_while(|place| leg(story, legs, place)).enumerate();
    let claims = all.flat_map(|(place, leg)| {
        (0..leg.claims.len()).map(move |claim| Item::Claim(legs, place, claim))
    });
    claims.collect()
}

fn roles(story: &Story) -> Vec<Item> {
    let roles = story.roles.iter().enumerate().flat_map(|(place, role)| {
        let attributed = (0..role.attributed.len()).map(move |it| Item::Attributed(place, it));
        attributed.chain((0..role.denied.len()).map(move |it| Item::Denied(place, it)))
    });
    roles.collect()
}
