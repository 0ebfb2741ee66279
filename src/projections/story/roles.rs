//! Who had which role in an exchange, by whom that is said, and by whom it is denied.

use std::collections::BTreeMap;

use super::Telling;
use crate::domain::{proto, symbol::Symbol};
use crate::projections::{
    claims::{Actor, RoleSaid, Row, Said, View},
    told::Told,
};

/// A role of an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldRole {
    /// The actor, as the first claim calls it.
    pub actor: proto::Actor,
    /// Number of `proto::Role`.
    pub role: i32,
    /// The claims that the actor had it.
    pub attributed: Vec<Told>,
    /// The claims that the actor did not have it.
    pub denied: Vec<Told>,
}

/// Party, name and role: what sort of actor a source takes it for makes no other of it.
type RoleKey = (Symbol, Symbol, i32);

impl Telling<'_, '_, '_> {
    /// The roles in the order of their first claims.
    pub(super) fn roles(&self) -> Vec<ToldRole> {
        let view = self.extent.view;
        let rows = self.rows(|said| matches!(said, Said::Role(_)), self.include_past);
        let mut places: BTreeMap<RoleKey, usize> = BTreeMap::new();
        let mut roles: Vec<ToldRole> = Vec::new();
        for (row, told) in rows {
            let Some((said, key)) = role(view, row) else { continue };
            let place = *places.entry(key).or_insert(roles.len());
            if place == roles.len() {
                let actor = view.vocabulary().actor_message(said.actor).unwrap_or_default();
                let (attributed, denied) = (Vec::new(), Vec::new());
                roles.push(ToldRole { actor, role: said.role, attributed, denied });
            }
            if let Some(entry) = roles.get_mut(place) {
                let claims = if said.denied { &mut entry.denied } else { &mut entry.attributed };
                claims.push(told);
            }
        }
        roles
    }
}

fn role<'r>(view: &View<'_>, row: &'r Row) -> Option<(&'r RoleSaid, RoleKey)> {
    let Said::Role(said) = &row.said else { return None };
    let Actor { party, name, kind: _ } = view.vocabulary().actor_at(said.actor)?;
    Some((said, (*party, *name, said.role)))
}

/// Whether somebody attributes a role that somebody denies.
pub(super) fn any_disputed(view: &View<'_>, rows: &[&Row]) -> bool {
    let mut said: BTreeMap<RoleKey, (bool, bool)> = BTreeMap::new();
    for (role, key) in rows.iter().filter_map(|row| role(view, row)) {
        let (attributed, denied) = said.entry(key).or_default();
        *(if role.denied { denied } else { attributed }) = true;
    }
    said.values().any(|(attributed, denied)| *attributed && *denied)
}
