//! Claims about numbers as people read them: how many, who says so, and what becomes of it.

use crate::{
    cli::{
        figure, words,
        words::{actor, indented, plain, plural},
    },
    domain::proto::{ClaimRecord, ClaimUse, ClaimedNumber, LegEstimate, Preference},
};

/// The columns of a claim, for spreadsheets.
pub(super) const COLUMNS: [&str; 12] = [
    "claim",
    "claimant",
    "value",
    "low",
    "high",
    "approximate",
    "scope",
    "use",
    "preferred",
    "retracted_by",
    "source",
    "source_url",
];

/// The leg with its estimate, and below it each claim with who says so. With `addresses`, each
/// source stands in a line of its own.
pub(super) fn leg(leg: &LegEstimate, note: &str, margin: usize, addresses: bool) -> Vec<String> {
    let (name, range) = (words::leg(leg.leg.as_ref()), figure::estimate(leg.estimate.as_ref()));
    let undecided = leg.estimate.as_ref().is_some_and(|estimate| {
        estimate.low.is_some() && estimate.low != estimate.high && estimate.preferred.is_none()
    });
    let undecided = if undecided { ", undecided" } else { "" };
    let mut lines = indented(&format!("{name}: {range}{undecided}{note}"), margin, 4);
    let numbers: Vec<String> =
        leg.claims.iter().map(|claim| words::count(claim.count.as_ref())).collect();
    let width = numbers.iter().map(|number| number.chars().count()).max().unwrap_or_default();
    let column = margin + 2 + width + 2;
    for (claim, number) in leg.claims.iter().zip(&numbers) {
        let mut said_lines = indented(&said(claim), column, 2);
        if let Some(first) = said_lines.first_mut() {
            *first = format!("{:margin$}  {number:>width$}  {}", "", first.trim_start());
        }
        lines.extend(said_lines);
        lines.extend(addresses.then(|| format!("{:column$}{}", "", source(claim))));
    }
    lines.extend(leg.preference.iter().flat_map(|used| preference(used, margin + 2)));
    lines
}

/// Who says so, in which claim, and what becomes of it.
fn said(claim: &ClaimedNumber) -> String {
    let mut text = match actor(claim.claimant.as_ref()) {
        unnamed if unnamed.is_empty() => "nobody named".to_owned(),
        claimant => claimant,
    };
    let relays: Vec<String> = claim.relayed_by.iter().map(|relay| actor(Some(relay))).collect();
    if !relays.is_empty() {
        text = format!("{text}, by way of {}", relays.join(", "));
    }
    let mut notes: Vec<String> =
        claim.record.iter().map(|record| words::claims(&[record.position])).collect();
    notes.push(used(claim.r#use()).to_owned());
    notes.extend(claim.preferred.then(|| "preferred".to_owned()));
    notes.extend(claim.record.iter().flat_map(became));
    notes.push(words::of_which(claim.of_which.as_ref()));
    let scope = claim.count.as_ref().map_or("", |count| count.scope.as_str());
    notes.extend((!scope.is_empty()).then(|| format!("\"{}\"", plain(scope))));
    notes.retain(|note| !note.is_empty());
    format!("{text} ({})", notes.join("; "))
}

/// Which claim it is and what became of it, in brackets.
pub(super) fn noted(record: Option<&ClaimRecord>) -> String {
    let Some(record) = record else {
        return String::new();
    };
    let mut notes = vec![words::claims(&[record.position])];
    notes.extend(became(record));
    format!(" ({})", notes.join("; "))
}

/// What became of a claim since it was recorded.
pub(super) fn became(record: &ClaimRecord) -> Vec<String> {
    let at = |what: &str, position: u64| (position > 0).then(|| format!("{what} {position}"));
    let so_many = |what: &str, number: u32| {
        (number > 0).then(|| format!("{what} {}", plural(number, "time")))
    };
    let all = [
        at("corrected by", record.corrected_by),
        at("retracted by", record.retracted_by),
        so_many("confirmed", record.confirmations),
        so_many("disputed", record.disputes),
    ];
    all.into_iter().flatten().collect()
}

/// What becomes of a number; empty: it is used, which needs no word.
fn used(used: ClaimUse) -> &'static str {
    match used {
        ClaimUse::Unspecified | ClaimUse::Entered | ClaimUse::NoNumber => "",
        ClaimUse::Repeated => "the same claimant said so before",
        ClaimUse::ApproximateBesideExact => "left aside: an exact number is there",
        ClaimUse::Corrected => "left aside: it reads otherwise now",
        ClaimUse::Retracted => "left aside: it is withdrawn",
    }
}

/// Where a claim can be read: the address, else the id of the source.
pub(super) fn source(claim: &ClaimedNumber) -> String {
    let source = match claim.source_url.as_str() {
        "" => format!("source {}", claim.source_id),
        url => url.to_owned(),
    };
    let locator = if claim.locator.is_empty() { "" } else { ", " };
    plain(&format!("{source}{locator}{}", claim.locator))
}

/// A preference in force.
pub(super) fn preference(used: &Preference, margin: usize) -> Vec<String> {
    let why = if used.rationale.is_empty() { "" } else { ": " };
    let (value, claim) = (words::thousands(used.value), used.claim);
    let text = format!(
        "{value} is preferred (claim {claim}, by {}){why}{}",
        used.position, used.rationale
    );
    indented(&text, margin, 2)
}

/// The fields of a claim, as [`COLUMNS`] name them.
pub(super) fn row(claim: &ClaimedNumber) -> Vec<String> {
    let count = claim.count.clone().unwrap_or_default();
    let record = claim.record.unwrap_or_default();
    vec![
        record.position.to_string(),
        crate::cli::actor::write(claim.claimant.as_ref()),
        words::number(count.value),
        words::number(count.low),
        words::number(count.high),
        yes(count.approximate),
        count.scope,
        words::spoken(claim.r#use().as_str_name(), "CLAIM_USE_").replace(' ', "_"),
        yes(claim.preferred),
        words::number((record.retracted_by > 0).then_some(record.retracted_by)),
        claim.source_id.clone(),
        claim.source_url.clone(),
    ]
}

/// `yes` or nothing, as the tables that `import` reads have it.
pub(super) fn yes(yes: bool) -> String {
    if yes { "yes".to_owned() } else { String::new() }
}

/// The columns of a leg, for spreadsheets.
pub(super) const LEG_COLUMNS: [&str; 5] = ["from", "to", "unit", "category", "portion"];

/// The fields of a leg, as [`LEG_COLUMNS`] name them: not said is empty.
pub(super) fn leg_row(leg: Option<&crate::domain::proto::Leg>) -> Vec<String> {
    let leg = leg.cloned().unwrap_or_default();
    vec![
        leg.from.join("+"),
        leg.to.join("+"),
        words::unit(leg.unit()).to_owned(),
        words::category(leg.category()).replace(' ', "_"),
        leg.portion,
    ]
}
