//! What one outermost exchange adds to a figure, down to each claim and its source.

use crate::{
    cli::{
        claimed, figure,
        words::{self, indented, plain, plural},
    },
    domain::proto::{ExplainedExchange, ExplainedLeg, LegUse},
};

/// The exchange with its share, its legs and their claims.
pub(super) fn exchange(exchange: &ExplainedExchange) -> Vec<String> {
    let id = plain(&exchange.exchange_id);
    let name = match exchange.title.as_str() {
        "" => id,
        title => format!("{} ({id})", plain(title)),
    };
    let when = match exchange.occurred.as_str() {
        "" => "date not given",
        when => when,
    };
    let mut lines = indented(&format!("{name}, {when}: adds {}", share(exchange)), 0, 2);
    for leg in &exchange.legs {
        lines.extend(explained(leg, exchange));
    }
    if let Some(used) = &exchange.preference {
        lines.extend(claimed::preference(used, 2));
    }
    lines
}

/// What is added, and what stands beside it.
fn share(exchange: &ExplainedExchange) -> String {
    let mut parts = Vec::new();
    if exchange.share.as_ref().is_some_and(|share| share.low.is_some()) {
        parts.push(figure::estimate(exchange.share.as_ref()));
    }
    if exchange.unnumbered > 0 {
        parts.push(format!("{} of unknown number", plural(exchange.unnumbered, "transfer")));
    }
    if parts.is_empty() {
        parts.push("no number of its own".to_owned());
    }
    parts.extend(figure::unattributed("beside it shared", exchange.shared.as_ref()));
    parts.extend(figure::unattributed("beside it open", exchange.open.as_ref()));
    parts.join("; ")
}

fn explained(leg: &ExplainedLeg, exchange: &ExplainedExchange) -> Vec<String> {
    let Some(estimate) = &leg.leg else {
        return Vec::new();
    };
    let wholes: Vec<String> = leg
        .part_of
        .iter()
        .filter_map(|at| exchange.legs.get(usize::try_from(*at).ok()?)?.leg.as_ref())
        .map(|whole| format!("\"{}\"", words::leg(whole.leg.as_ref())))
        .collect();
    let mut note = format!(", {}", used(leg.r#use()));
    if !wholes.is_empty() {
        note = format!("{note} ({})", wholes.join(", "));
    }
    let within = estimate.leg.as_ref().map_or("", |leg| leg.exchange_id.as_str());
    if within != exchange.exchange_id {
        note = format!("{note}; in {}", plain(within));
    }
    claimed::leg(estimate, &note, 2, true)
}

fn used(used: LegUse) -> &'static str {
    match used {
        LegUse::Unspecified => "used in a way that this version does not know",
        LegUse::Counted => "counted",
        LegUse::PartOfAnother => "not added: among those of a larger one",
        LegUse::WholeOfParts => "counted for it and its parts together",
        LegUse::Unnumbered => "without a number",
        LegUse::Joint => "not added: of several parties jointly",
        LegUse::SideUnsaid => "not added: this side is not said",
    }
}
