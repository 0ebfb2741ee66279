//! Who had which role in an exchange, by whom that is said, and by whom it is denied.

use std::collections::BTreeMap;

use super::builder::StoryBuilder;
use crate::domain::{proto, symbol::Symbol};
use crate::projections::{
    claim_status::ClaimStatus,
    claims::{Actor, Content, RoleClaim, Row, View},
};

/// A role of an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributedRole {
    /// The actor, as the first claim calls it.
    pub actor: proto::Actor,
    /// Number of `proto::Role`.
    pub role: i32,
    /// The claims that the actor had it.
    pub attributed: Vec<ClaimStatus>,
    /// The claims that the actor did not have it.
    pub denied: Vec<ClaimStatus>,
}

/// Party, name and role: what sort of actor a source takes it for makes no other of it.
type RoleKey = (Symbol, Symbol, i32);

impl StoryBuilder<'_, '_, '_> {
    /// The roles in the order of their first claims.
    pub(super) fn roles(&self) -> Vec<AttributedRole> {
        let view = self.extent.view;
        let rows = self.rows(|content| matches!(content, Content::Role(_)), self.include_past);
        let mut places: BTreeMap<RoleKey, usize> = BTreeMap::new();
        let mut roles: Vec<AttributedRole> = Vec::new();
        for (row, status) in rows {
            let Some((claim, key)) = role(view, row) else { continue };
            let place = *places.entry(key).or_insert(roles.len());
            if place == roles.len() {
                let actor = view.vocabulary().actor_message(claim.actor).unwrap_or_default();
                let (attributed, denied) = (Vec::new(), Vec::new());
                roles.push(AttributedRole { actor, role: claim.role, attributed, denied });
            }
            if let Some(entry) = roles.get_mut(place) {
                let claims = if claim.denied { &mut entry.denied } else { &mut entry.attributed };
                claims.push(status);
            }
        }
        roles
    }
}

fn role<'r>(view: &View<'_>, row: &'r Row) -> Option<(&'r RoleClaim, RoleKey)> {
    let Content::Role(claim) = &row.content else { return None };
    let Actor { party, name, kind: _ } = view.vocabulary().actor_at(claim.actor)?;
    Some((claim, (*party, *name, claim.role)))
}

/// Whether somebody attributes a role that somebody denies.
pub(super) fn any_disputed(view: &View<'_>, rows: &[&Row]) -> bool {
    let mut claims: BTreeMap<RoleKey, (bool, bool)> = BTreeMap::new();
    for (role, key) in rows.iter().filter_map(|row| role(view, row)) {
        let (attributed, denied) = claims.entry(key).or_default();
        *(if role.denied { denied } else { attributed }) = true;
    }
    claims.values().any(|(attributed, denied)| *attributed && *denied)
}
