//! When an outermost exchange took place, and whether that is when it was asked for.

use crate::domain::date::Edtf;
use crate::projections::claims::{Said, View};

/// How a date lies to the interval that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Some part of it lies within.
    Within,
    /// It lies outside.
    Elsewhere,
    /// Nothing gives a date.
    Unknown,
}

/// Goes by the latest date that was reported of the outermost exchange itself; without one, by
/// any date that a claim about it or about an exchange within it gives.
pub(super) fn when(view: &View<'_>, outermost: &str, occurred: &Edtf) -> When {
    let reported = view
        .reports(outermost)
        .filter_map(|(from, report)| Some((from, Edtf::parse(&report.occurred).ok()?)));
    if let Some((_, date)) = reported.max_by_key(|(from, _)| *from) {
        return among([date].iter(), occurred);
    }
    let rows = view.within(outermost).iter().flat_map(|exchange| view.standing(exchange));
    let dates: Vec<Edtf> = rows
        .filter_map(|row| match &row.said {
            Said::Completed(transfer) => Edtf::parse(&transfer.occurred).ok(),
            Said::Exchange(report) => Edtf::parse(&report.occurred).ok(),
            Said::Preference(_) => None,
        })
        .collect();
    among(dates.iter(), occurred)
}

fn among<'d>(mut dates: impl ExactSizeIterator<Item = &'d Edtf>, occurred: &Edtf) -> When {
    if dates.len() == 0 {
        When::Unknown
    } else if dates.any(|date| date.overlaps(occurred)) {
        When::Within
    } else {
        When::Elsewhere
    }
}
