//! Rules of transfers and totals.

use super::parts;
use crate::domain::{
    identity::fold,
    known::fields::Fields,
    proto::{
        DeclineReason, TotalClaimed, TransferAgreed, TransferCompleted as Completed,
        TransferDeclined, TransferKind,
    },
    violation::Violations,
};

pub(super) fn agreed(event: &TransferAgreed) -> Violations {
    let TransferAgreed { attribution, leg, count } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.message("leg", leg.as_ref(), parts::leg);
    fields.message("count", count.as_ref(), parts::count);
    fields.0
}

pub(super) fn completed(event: &Completed) -> Violations {
    let Completed { attribution, leg, count, of_which, kind, via, occurred, occurred_text } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.message("leg", leg.as_ref(), parts::leg);
    fields.message("count", count.as_ref(), parts::count);
    if let Some(of_which) = of_which {
        fields.0.absorb("of_which", parts::of_which(of_which, count.as_ref()));
    }
    fields.known("kind", *kind, TransferKind::as_str_name);
    fields.parties("via", via);
    fields.date("occurred", occurred);
    fields.line("occurred_text", occurred_text);
    fields.0
}

pub(super) fn declined(event: &TransferDeclined) -> Violations {
    let TransferDeclined { attribution, leg, count, reason } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    fields.message("leg", leg.as_ref(), parts::leg);
    fields.message("count", count.as_ref(), parts::count);
    fields.known("reason", *reason, DeclineReason::as_str_name);
    fields.0
}

pub(super) fn total(event: &TotalClaimed) -> Violations {
    let TotalClaimed {
        attribution,
        leg,
        series,
        as_of,
        covers,
        count,
        previous_total: _,
        follows_exchange_id,
    } = event;
    let mut fields = Fields::default();
    fields.message("attribution", attribution.as_ref(), parts::attribution);
    match (leg, fold(series).is_empty()) {
        (None, true) => fields.add("leg", "is required, unless a series is named"),
        (None, false) => {
            fields.slugged("series", series);
            fields.required_date("as_of", as_of);
        }
        (Some(leg), no_series) => {
            fields.message("leg", Some(leg), parts::leg);
            if !no_series {
                fields.add("series", "stands beside leg; a total is of one or the other");
            }
            if !as_of.is_empty() {
                fields.add("as_of", "stands beside leg; it belongs to the total of a series");
            }
        }
    }
    fields.date("covers", covers);
    fields.message("count", count.as_ref(), parts::count);
    fields.optional_id("follows_exchange_id", follows_exchange_id);
    fields.0
}
