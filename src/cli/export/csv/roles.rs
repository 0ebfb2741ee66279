//! The form `roles`: who had which part in an exchange, by whose word, and who denies it.

use super::{Written, actor, record::Record, word};
use crate::{
    cli::import::csv::roles::ROLES,
    domain::{known::Known, proto::RoleAttributed},
};

/// The rows of all roles, by position. A denial stands in the row of an attribution from the same
/// source, which is the only place that the columns have for it.
pub(super) fn written(record: &Record) -> Written {
    let mut written = Written::default();
    let roles = record.claims().filter_map(|(position, known)| {
        let Known::RoleAttributed(role) = known else { return None };
        Some((position, role))
    });
    let (mut denials, attributions): (Vec<_>, Vec<_>) = roles.partition(|(_, role)| role.denied);
    for (position, role) in attributions {
        let Some(name) = word(&ROLES, &role.role()) else {
            written.left_out.push(format!("claim {position} has a role that has no word"));
            continue;
        };
        let denial = denials.iter().position(|(_, denial)| fits(denial, role));
        let denial = denial.map(|at| denials.remove(at).1);
        let source = role.attribution.as_ref().map_or("", |said| said.source_id.as_str());
        written.rows.push(vec![
            role.exchange_id.clone(),
            actor(role.actor.as_ref()),
            name.to_owned(),
            said_by(role),
            denial.map(said_by).unwrap_or_default(),
            record.source(source),
        ]);
    }
    written.left_out.extend(denials.iter().map(|(position, _)| {
        format!("claim {position} denies a role that its source does not attribute as well")
    }));
    written
}

fn said_by(role: &RoleAttributed) -> String {
    actor(role.attribution.as_ref().and_then(|said| said.claimed_by.as_ref()))
}

/// Whether a denial can stand beside an attribution. One by nobody named would be an empty field.
fn fits(denial: &RoleAttributed, role: &RoleAttributed) -> bool {
    let source = |role: &RoleAttributed| {
        role.attribution.as_ref().map(|said| said.source_id.clone()).unwrap_or_default()
    };
    let key = |role: &RoleAttributed| {
        (role.exchange_id.clone(), actor(role.actor.as_ref()), role.role, source(role))
    };
    key(denial) == key(role) && !said_by(denial).is_empty()
}
