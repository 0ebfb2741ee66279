//! What differs, in sentences: the two sides, the amount, and what the record gives as a reason.

use crate::{
    cli::words::{self, actor, indented, signed_span, span, spoken},
    domain::proto::{
        Difference, DifferenceExplanation, DifferenceKind, DifferenceReason, DifferenceSide,
        ReconcileExchangeResponse, TransferClaimKind,
    },
};

/// A difference, and below it each reason.
pub(super) fn lines(difference: &Difference, all: &ReconcileExchangeResponse) -> Vec<String> {
    let (one, other) = names(difference.kind());
    let sides = [(one, difference.one.as_ref()), (other, difference.other.as_ref())];
    // What is said of the same legs on both sides is named once.
    let legs = |side: Option<&DifferenceSide>| side.map(|side| side.legs.clone());
    let same = legs(difference.one.as_ref()) == legs(difference.other.as_ref());
    let of = difference.one.as_ref().filter(|_| same).map(|one| format!(" ({})", summed(one, all)));
    let sides = sides.map(|(name, numbers)| side(name, numbers, all, !same));
    let amount = match (difference.difference_low, difference.difference_high) {
        (Some(low), Some(high)) => format!("difference {}", signed_span(low, high)),
        _ => "difference unknown".to_owned(),
    };
    let text = format!(
        "{}{}: {}; {}; {amount}",
        title(difference.kind()),
        of.unwrap_or_default(),
        sides[0],
        sides[1]
    );
    let mut lines = indented(&text, 0, 2);
    for reason in &difference.reasons {
        lines.extend(indented(&explanation(reason), 2, 2));
    }
    lines
}

fn title(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Unspecified => "a difference that this version does not know",
        DifferenceKind::ClaimantsDiffer => "claimants differ",
        DifferenceKind::AgreedVsCompleted => "agreed on against completed",
        DifferenceKind::PartsVsWhole => "parts against their whole",
        DifferenceKind::TotalVsSum => "total claimed against the sum",
        DifferenceKind::SentVsReceived => "sent against received",
    }
}

/// What the two sides are called.
fn names(kind: DifferenceKind) -> (&'static str, &'static str) {
    match kind {
        DifferenceKind::Unspecified | DifferenceKind::ClaimantsDiffer => ("", ""),
        DifferenceKind::AgreedVsCompleted => ("agreed", "completed"),
        DifferenceKind::PartsVsWhole => ("the parts", "the whole"),
        DifferenceKind::TotalVsSum => ("the total", "the sum"),
        DifferenceKind::SentVsReceived => ("sent", "received"),
    }
}

/// The legs of a side; several are summed.
fn summed(side: &DifferenceSide, all: &ReconcileExchangeResponse) -> String {
    let legs = side.legs.iter().map(|at| leg(all, *at));
    legs.chain(words::more(side.more_legs)).collect::<Vec<_>>().join(" + ")
}

fn side(
    name: &str,
    side: Option<&DifferenceSide>,
    all: &ReconcileExchangeResponse,
    with_legs: bool,
) -> String {
    let Some(numbers) = side else {
        return format!("{name} not said").trim_start().to_owned();
    };
    let number = match (numbers.low, numbers.high) {
        (Some(low), Some(high)) => span(low.into(), high.into()),
        (Some(low), None) => format!("{} or more", words::thousands(low)),
        (None, Some(high)) => format!("at most {}", words::thousands(high)),
        (None, None) => "no number".to_owned(),
    };
    let claimants: Vec<String> = numbers
        .claimants
        .iter()
        .filter_map(|at| all.claimants.get(usize::try_from(*at).ok()?))
        .map(|claimant| match actor(Some(claimant)) {
            unnamed if unnamed.is_empty() => "nobody named".to_owned(),
            claimant => claimant,
        })
        .chain(words::more(numbers.more_claimants))
        .collect();
    let mut text = format!("{name} {number}").trim_start().to_owned();
    if with_legs && !numbers.legs.is_empty() {
        text = format!("{text} ({})", summed(numbers, all));
    }
    if !claimants.is_empty() {
        text = format!("{text} according to {}", claimants.join(", "));
    }
    if !numbers.positions.is_empty() {
        let claims = words::some_claims(&numbers.positions, numbers.more_positions);
        text = format!("{text}, {claims}");
    }
    text
}

/// A leg by its place, named with its exchange where the answer is about several.
pub(super) fn leg(all: &ReconcileExchangeResponse, at: u32) -> String {
    let Some(leg) = usize::try_from(at).ok().and_then(|at| all.legs.get(at)) else {
        return "a leg that is not listed".to_owned();
    };
    let several = all.legs.iter().any(|other| other.exchange_id != leg.exchange_id);
    let exchange =
        if several { format!("{}: ", words::plain(&leg.exchange_id)) } else { String::new() };
    exchange + &words::leg(Some(leg))
}

/// A sort of claim, as the tables that `import` reads call it.
pub(super) fn record(kind: TransferClaimKind) -> String {
    spoken(kind.as_str_name(), "TRANSFER_CLAIM_KIND_")
}

fn explanation(explanation: &DifferenceExplanation) -> String {
    let amount = match (explanation.low, explanation.high) {
        (Some(low), Some(high)) => format!("{} ", span(low.into(), high.into())),
        (Some(low), None) => format!("{} or more ", words::thousands(low)),
        (None, Some(high)) => format!("at most {} ", words::thousands(high)),
        (None, None) => String::new(),
    };
    let mut text = format!("{amount}{}", reason(explanation.reason()));
    if !explanation.scope.is_empty() {
        let scopes = explanation.scope.lines().map(|scope| format!("\"{scope}\""));
        let scopes: Vec<String> = scopes.chain(words::more(explanation.more_scopes)).collect();
        text = format!("{text}: {}", scopes.join(", "));
    }
    if !explanation.positions.is_empty() {
        let claims = words::some_claims(&explanation.positions, explanation.more_positions);
        text = format!("{text} ({claims})");
    }
    text
}

fn reason(reason: DifferenceReason) -> &'static str {
    match reason {
        DifferenceReason::Unspecified => "for a reason that this version does not know",
        DifferenceReason::Scope => "they say that they cover different persons",
        DifferenceReason::Declined => "refused to go",
        DifferenceReason::NoShow => "did not appear",
        DifferenceReason::Withheld => "were kept by their holder",
        DifferenceReason::Died => "had died",
        DifferenceReason::Approximate => "one of them was given as \"about\"",
        DifferenceReason::TotalAgainstEach => {
            "one is the number of each side, the other that of both together"
        }
        DifferenceReason::Unnumbered => {
            "a transfer has no number, so a sum is smaller than what it stands for"
        }
        DifferenceReason::Unexplained => "unexplained: nothing in the record says why",
    }
}
