//! Which texts of an event are identity texts.
//!
//! The table below has every field of every message, so that a field added to the protos does not
//! compile until it is decided whether the record tells things apart by it: finds, groups, compares
//! or names a stream or tag by it. Titles, places, quotes and remarks are only shown; they stay as
//! they were typed.

use std::borrow::Cow;

use crate::domain::{
    identity::fold,
    proto::{
        Actor, Attribution, ClaimConfirmed, ClaimCorrected, ClaimDisputed, ClaimPreferred,
        ClaimRetracted, Count, DetentionReported, ExchangeReported, Leg, RoleAttributed,
        SourceRegistered, StatementMade, SuperlativeClaimed, TotalClaimed, TransferAgreed,
        TransferCompleted, TransferDeclined,
    },
};

/// What has identity texts in it.
pub(super) trait Identified {
    /// Folds them. Answers whether one of them was not folded before.
    fn fold_texts(&mut self) -> bool;
}

impl Identified for String {
    fn fold_texts(&mut self) -> bool {
        let Cow::Owned(folded) = fold(self) else { return false };
        let changed = folded != *self;
        *self = folded;
        changed
    }
}

impl<T: Identified> Identified for Option<T> {
    fn fold_texts(&mut self) -> bool {
        self.as_mut().is_some_and(T::fold_texts)
    }
}

impl<T: Identified> Identified for Vec<T> {
    fn fold_texts(&mut self) -> bool {
        self.iter_mut().fold(false, |changed, it| it.fold_texts() | changed)
    }
}

/// Of each message, the fields that are folded, and after the bar those that are only shown.
macro_rules! identified {
    ($($message:ident { $($folded:ident),+ | $($shown:ident),* })+) => {
        $(impl Identified for $message {
            fn fold_texts(&mut self) -> bool {
                let Self { $($folded,)+ $($shown: _,)* } = self;
                [$($folded.fold_texts()),+].contains(&true)
            }
        })+
    };
}

// Numbers of different scopes stay distinct where claims are set against each other. Superlatives
// are recorded and shown; nothing is found or compared by their words.
identified! {
    Actor { party, name | kind }
    Attribution {
        source_id, claimed_by, relayed_by
        | locator, reported_at, reliability, credibility, note
    }
    Leg { exchange_id, from, to, portion | unit, category }
    Count { scope | value, low, high, approximate }
    SourceRegistered {
        source_id
        | kind, publisher, title, url, archive_url, sha256, language, translated, published_at
    }
    StatementMade {
        attribution, speaker, on_behalf_of, topics, exchange_id
        | mode, occasion, place, text, mentions, occurred, occurred_text
    }
    ExchangeReported {
        attribution, exchange_id, part_of, parties
        | title, kind, place, occurred, occurred_text, status
    }
    RoleAttributed { attribution, exchange_id, actor | role, denied }
    TransferAgreed { attribution, leg, count | }
    TransferCompleted {
        attribution, leg, count, via
        | of_which, kind, occurred, occurred_text
    }
    TransferDeclined { attribution, leg, count | reason }
    TotalClaimed {
        attribution, leg, series, count, follows_exchange_id
        | as_of, covers, previous_total
    }
    SuperlativeClaimed { attribution, exchange_id | text, measure, scope, since, holder }
    DetentionReported { attribution, detention_id, custodian | subject, status, charge, since }
    ClaimConfirmed { attribution | claim, grounds }
    ClaimDisputed { attribution | claim, grounds }
    ClaimCorrected { attribution, replacement | claim, by, reason }
    ClaimRetracted { attribution | claim, reason }
    ClaimPreferred { attribution, country | claim, direction, rationale }
}
