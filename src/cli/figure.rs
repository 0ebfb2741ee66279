//! One figure as people read it: what is unknown is said in words and never printed as 0.

use crate::{
    cli::words::{NOTHING, span, thousands},
    domain::proto::{Estimate, Figure, FigureFlag, FigureOfWhich, SubsetCount, Unattributed},
};

/// One figure: `13`, `8..10`, `189 (150..189)`, `2,650..2,653 + 6 unknown`, `shared, at most 26`.
pub(super) fn cell(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else {
        return NOTHING.to_owned();
    };
    let mut parts = Vec::new();
    if let Some(known) = known(figure) {
        parts.push(known);
    }
    parts.extend(unattributed("shared", figure.shared.as_ref()));
    parts.extend(unattributed("open", figure.open.as_ref()));
    if parts.is_empty() { NOTHING.to_owned() } else { parts.join("; ") }
}

/// What is attributed to the country itself; `None`: nothing is.
fn known(figure: &Figure) -> Option<String> {
    let unknown =
        (figure.unnumbered > 0).then(|| format!("{} unknown", thousands(figure.unnumbered)));
    let mut parts = vec![match (range(figure), unknown) {
        (Some(range), Some(unknown)) => format!("{range} + {unknown}"),
        (Some(range), None) => range,
        (None, Some(unknown)) => unknown,
        (None, None) => return None,
    }];
    let subsets = figure.of_which.as_ref().and_then(subsets);
    parts.extend(subsets.map(|subsets| format!("({subsets})")));
    for (flag, note) in [
        (FigureFlag::OpenBelow, "[or fewer]"),
        (FigureFlag::OpenAbove, "[or more]"),
        (FigureFlag::PartsExceedWhole, "[parts exceed the whole]"),
    ] {
        if figure.flags().any(|other| other == flag) {
            parts.push(note.to_owned());
        }
    }
    Some(parts.join(" "))
}

/// What an estimate comes to: `13`, `189 (150..189)`, `unknown`.
pub(super) fn estimate(estimate: Option<&Estimate>) -> String {
    let as_figure = |estimate: &Estimate| Figure {
        low: estimate.low,
        high: estimate.high,
        preferred: estimate.preferred,
        of_which: estimate.of_which,
        flags: estimate.flags.clone(),
        ..Figure::default()
    };
    let known = estimate.map(as_figure).and_then(|figure| known(&figure));
    known.unwrap_or_else(|| "unknown".to_owned())
}

/// The range, with the number to use where one is preferred; absent: no number is known.
fn range(figure: &Figure) -> Option<String> {
    let low = figure.low?;
    let about = figure.flags().any(|flag| flag == FigureFlag::Approximate);
    let about = if about { "about " } else { "" };
    let Some(high) = figure.high else {
        return Some(format!("{about}{} or more", thousands(low)));
    };
    let range = span(low.into(), high.into());
    Some(match figure.preferred {
        Some(preferred) if low < high => format!("{about}{} ({range})", thousands(preferred)),
        _ => format!("{about}{range}"),
    })
}

fn subsets(of_which: &FigureOfWhich) -> Option<String> {
    let named = [
        ("minors", &of_which.minors),
        ("women", &of_which.women),
        ("civilians", &of_which.civilians),
        ("wounded", &of_which.wounded),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(name, subset)| subset.as_ref().map(|subset| (name, subset)))
        .map(|(name, SubsetCount { low, high, .. })| {
            format!("{name} {}", span((*low).into(), (*high).into()))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What is not attributed to the country alone; absent: there is none.
pub(super) fn unattributed(word: &str, side: Option<&Unattributed>) -> Option<String> {
    let side = side?;
    Some(match side.at_most {
        Some(at_most) => format!("{word}, at most {}", thousands(at_most)),
        None if side.legs > 0 => format!("{word}, number unknown"),
        None => return None,
    })
}

/// The short name of a note, for programs.
pub(super) fn flag(flag: FigureFlag) -> &'static str {
    let name = flag.as_str_name();
    name.strip_prefix("FIGURE_FLAG_").unwrap_or(name)
}
