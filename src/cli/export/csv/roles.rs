//! The form `roles`: who had which part in an exchange, by whose word, and who denies it.

use std::collections::BTreeMap;

use super::{
    record::Record,
    reread::Row,
    rows::{TableRows, word},
};
use crate::{
    cli::{
        actor,
        import::csv::roles::{COLUMNS, ROLES},
    },
    domain::{known::Known, proto::RoleAttributed},
};

/// What a denial has in common with the attribution in the row where it can stand.
type About<'a> = (&'a str, i32, &'a str);

/// The rows of all roles, by position. A denial stands in the row of an attribution from the same
/// source, which is the only place that the columns have for it.
pub(super) fn rows(record: &Record) -> TableRows {
    let mut rows = TableRows::default();
    let roles = record.claims().filter_map(|(position, known)| {
        let Known::RoleAttributed(role) = known else { return None };
        Some((position, known, role))
    });
    let (denied, attributed): (Vec<_>, Vec<_>) = roles.partition(|(.., role)| role.denied);
    let mut denials: BTreeMap<About<'_>, Vec<_>> = BTreeMap::new();
    for denial in denied {
        denials.entry(about(denial.2)).or_default().push(denial);
    }
    for (position, known, role) in attributed {
        let denials = denials.entry(about(role)).or_default();
        let both = denials.iter().enumerate().find_map(|(at, (_, denial, denied))| {
            let fields = fields(role, Some(denied), record);
            Some((at, Row::of(&COLUMNS, fields, &[known, denial]).ok()?))
        });
        if let Some((at, row)) = both {
            let (_, denial, _) = denials.remove(at);
            rows.row_of(position, Ok(row), &[known, denial]);
        } else {
            let row = Row::of(&COLUMNS, fields(role, None, record), &[known]);
            rows.row_of(position, row, &[known]);
        }
    }
    let mut rest: Vec<u64> =
        denials.into_values().flatten().map(|(position, ..)| position).collect();
    rest.sort_unstable();
    for position in rest {
        let problem =
            "denies a role that no row attributes, and only the row of a role has a place for it";
        rows.leave_out(position, problem);
    }
    rows
}

fn about(role: &RoleAttributed) -> About<'_> {
    (&role.exchange_id, role.role, source(role))
}

fn source(role: &RoleAttributed) -> &str {
    role.attribution.as_ref().map_or("", |said| said.source_id.as_str())
}

fn fields(role: &RoleAttributed, denial: Option<&RoleAttributed>, record: &Record) -> Vec<String> {
    let said_by = |role: &RoleAttributed| {
        actor::write(role.attribution.as_ref().and_then(|said| said.claimed_by.as_ref()))
    };
    let row: [String; COLUMNS.len()] = [
        role.exchange_id.clone(),
        actor::write(role.actor.as_ref()),
        word(&ROLES, &role.role()).unwrap_or_default().to_owned(),
        said_by(role),
        denial.map(said_by).unwrap_or_default(),
        record.source(source(role)),
    ];
    row.into()
}
