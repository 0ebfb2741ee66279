//! What was said of an exchange beside its transfers: totals, roles, statements, superlatives.

use crate::{
    cli::{
        claimed, figure,
        words::{self, actor, indented, plain, spoken},
    },
    domain::proto::{
        GetExchangeResponse, Leg, RoleClaim, RoleEntry, StatementEntry, StatementMode, TotalEntry,
    },
};

/// Characters of a statement on the screen of its exchange; `statements` prints all of it.
const IN_SHORT: usize = 160;

/// The totals claimed, each beside what the transfers add up to.
pub(super) fn totals(response: &GetExchangeResponse) -> Vec<String> {
    let lines: Vec<String> = response.totals.iter().flat_map(total).collect();
    titled("Totals claimed (in no figure)", lines)
}

fn total(entry: &TotalEntry) -> Vec<String> {
    let total = entry.total.clone().unwrap_or_default();
    let mut text = format!(
        "{} {}, by {}",
        words::count(total.count.as_ref()),
        whole(total.leg.as_ref()),
        words::claimant(total.attribution.as_ref())
    );
    text += &claimed::noted(entry.record.as_ref());
    let scope = total.count.as_ref().map_or("", |count| count.scope.as_str());
    if !scope.is_empty() {
        text = format!("{text}: \"{scope}\"");
    }
    let sum = match &entry.sum {
        Some(sum) => format!("the transfers add up to {}", figure::estimate(Some(sum))),
        None => "no transfer of it has a number".to_owned(),
    };
    indented(&format!("{text}; {sum}"), 2, 4)
}

/// Of what a total is the whole.
fn whole(leg: Option<&Leg>) -> String {
    match leg {
        Some(leg) if leg.from.is_empty() && leg.to.is_empty() => {
            words::leg(Some(leg)).replacen("? -> ?", "in all", 1)
        }
        leg => format!("of {}", words::leg(leg)),
    }
}

/// Who had which role, and who denies it.
pub(super) fn roles(response: &GetExchangeResponse) -> Vec<String> {
    titled("Roles", response.roles.iter().flat_map(role).collect())
}

fn role(entry: &RoleEntry) -> Vec<String> {
    let name = actor(entry.actor.as_ref());
    let role = spoken(entry.role().as_str_name(), "ROLE_");
    let sides =
        [("according to", &entry.attributed_by), ("denied by", &entry.denied_by)].into_iter();
    let sides = sides.filter(|(_, claims)| !claims.is_empty()).map(|(word, claims)| {
        format!("{word} {}", claims.iter().map(role_claim).collect::<Vec<_>>().join(", "))
    });
    indented(&format!("{name}: {role}, {}", sides.collect::<Vec<_>>().join("; ")), 2, 4)
}

fn role_claim(claim: &RoleClaim) -> String {
    words::claimant(claim.attribution.as_ref()) + &claimed::noted(claim.record.as_ref())
}

/// What was said, in short.
pub(super) fn statements(response: &GetExchangeResponse) -> Vec<String> {
    titled("Statements", response.statements.iter().flat_map(in_short).collect())
}

fn in_short(entry: &StatementEntry) -> Vec<String> {
    let statement = entry.statement.clone().unwrap_or_default();
    let speaker = actor(statement.speaker.as_ref());
    let said = if statement.mode() == StatementMode::Declined {
        "declined to comment".to_owned()
    } else {
        let text = plain(&statement.text);
        let cut: String = text.chars().take(IN_SHORT).collect();
        let more = if cut.len() < text.len() { "..." } else { "" };
        format!("\"{}{more}\"", cut.trim_end())
    };
    let when = if statement.occurred.is_empty() {
        String::new()
    } else {
        format!(", {}", statement.occurred)
    };
    let text = format!("{speaker}{when}: {said}{}", claimed::noted(entry.record.as_ref()));
    indented(&text, 2, 4)
}

/// The largest, the first: as somebody said, never judged.
pub(super) fn superlatives(response: &GetExchangeResponse) -> Vec<String> {
    let lines = response.superlatives.iter().flat_map(|entry| {
        let superlative = entry.superlative.clone().unwrap_or_default();
        let holder = match superlative.holder.as_str() {
            "" => words::claimant(superlative.attribution.as_ref()),
            holder => plain(holder),
        };
        let text =
            format!("{}, by {holder}{}", superlative.text, claimed::noted(entry.record.as_ref()));
        indented(&text, 2, 4)
    });
    titled("Called", lines.collect())
}

fn titled(title: &str, mut lines: Vec<String>) -> Vec<String> {
    if !lines.is_empty() {
        lines.insert(0, title.to_owned());
    }
    lines
}
