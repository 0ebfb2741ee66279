//! `roles.csv`: who had which part in an exchange, by whose word, and who denies it.

use super::{event::Event, fields::Row};
use crate::{
    cli::lines::RowError,
    domain::proto::{Role, RoleAttributed},
};

/// The columns of the form.
pub(in crate::cli) const COLUMNS: [&str; 6] =
    ["exchange", "actor", "role", "attributed_by", "disputed_by", "source"];

/// The words for roles.
pub(in crate::cli) const ROLES: [(&str, Role); 13] = [
    ("requester", Role::Requester),
    ("requested_party", Role::RequestedParty),
    ("negotiator", Role::Negotiator),
    ("mediator", Role::Mediator),
    ("neutral_intermediary", Role::NeutralIntermediary),
    ("facilitator", Role::Facilitator),
    ("coordinator", Role::Coordinator),
    ("host", Role::Host),
    ("observer", Role::Observer),
    ("custodian", Role::Custodian),
    ("decision_maker", Role::DecisionMaker),
    ("representative", Role::Representative),
    ("other", Role::Other),
];

/// The events of a row: the role as attributed, and as denied if somebody denies it.
pub(super) fn events(row: &Row<'_>) -> Result<Vec<Event>, RowError> {
    row.required("actor")?;
    let attributed = RoleAttributed {
        attribution: row.attribution("attributed_by")?,
        exchange_id: row.required("exchange")?,
        actor: row.actor("actor")?,
        role: row.choice("role", &ROLES)?.into(),
        denied: false,
    };
    let mut events = Event::registration(row)?;
    events.push(Event::new(attributed.clone()));
    if !row.text("disputed_by")?.is_empty() {
        let attribution = row.attribution("disputed_by")?;
        events.push(Event::new(RoleAttributed { attribution, denied: true, ..attributed }));
    }
    Ok(events)
}
