//! Rules of transfers and totals.

#![allow(clippy::ref_option, reason = "the tables of rules pass fields as they stand")]

use super::parts;
use crate::domain::{
    identity::fold,
    known::fields::{Fields, rules},
    proto::{
        Count, DeclineReason, Leg, OfWhich, TotalClaimed, TransferAgreed, TransferCompleted,
        TransferDeclined, TransferKind,
    },
};

rules! {
    TransferAgreed { attribution: message, leg: message, count: message }
    TransferCompleted {
        attribution: message,
        leg: message,
        count: message,
        of_which: parts_of(count.as_ref()),
        kind: known(TransferKind::as_str_name),
        via: parties,
        occurred: date,
        occurred_text: line,
    }
    TransferDeclined {
        attribution: message,
        leg: message,
        count: message,
        reason: known(DeclineReason::as_str_name),
    }
    TotalClaimed {
        attribution: message,
        leg: leg_or_series(series, as_of),
        covers: date,
        count: message,
        follows_exchange_id: optional_id,
        | series, as_of, previous_total
    }
}

impl Fields {
    fn parts_of(&mut self, field: &str, parts: &Option<OfWhich>, count: Option<&Count>) {
        if let Some(parts) = parts {
            self.0.absorb(field, parts::of_which(parts, count));
        }
    }

    fn leg_or_series(&mut self, field: &str, leg: &Option<Leg>, series: &str, as_of: &str) {
        let no_series = fold(series).is_empty();
        if leg.is_none() && no_series {
            self.add(field, "is required, unless a series is named");
        } else if leg.is_none() {
            self.slugged("series", series);
            self.required_date("as_of", as_of);
        } else {
            self.message(field, leg);
            if !no_series {
                self.add("series", "stands beside leg; a total is of one or the other");
            }
            if !as_of.is_empty() {
                self.add("as_of", "stands beside leg; it belongs to the total of a series");
            }
        }
    }
}
