//! The rows that a story is made from, with what became of each claim.

use crate::projections::{
    claim_status::{ClaimStatus, Ended},
    claims::{Content, Row, View},
    extent::Extent,
};

/// One report of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedState {
    /// Where it is recorded, and what became of it.
    pub claim: ClaimStatus,
    /// Number of `proto::ExchangeStatus`.
    pub status: i32,
    /// When, as EDTF text; empty: it does not say.
    pub occurred: String,
}

/// One exchange, and the rows that its story is made from.
pub(super) struct StoryBuilder<'t, 'v, 'a> {
    pub(super) extent: &'t Extent<'v, 'a>,
    /// Readings of claims about the exchange itself that no longer stand.
    pub(super) past: &'t [&'a Row],
    pub(super) include_past: bool,
}

impl<'a> StoryBuilder<'_, '_, 'a> {
    fn view(&self) -> &View<'a> {
        self.extent.view
    }

    /// The claims of one sort; if `withdrawn`, also those that were withdrawn.
    pub(super) fn rows(
        &self,
        wanted: impl Fn(&Content) -> bool,
        withdrawn: bool,
    ) -> Vec<(&'a Row, ClaimStatus)> {
        let status = |row: &&'a Row| (*row, ClaimStatus::of(self.view(), row));
        let mut rows: Vec<_> = self.extent.own.iter().map(status).collect();
        if withdrawn {
            rows.extend(self.past.iter().map(status).filter(|(_, status)| is_last_reading(status)));
        }
        rows.retain(|(row, _)| wanted(&row.content));
        rows.sort_by_key(|(row, _)| row.claim);
        rows
    }

    pub(super) fn all(&self, wanted: impl Fn(&Content) -> bool) -> Vec<ClaimStatus> {
        self.rows(wanted, self.include_past).into_iter().map(|(_, status)| status).collect()
    }

    pub(super) fn reports(&self) -> Vec<ReportedState> {
        let rows = self.rows(|content| matches!(content, Content::Exchange(_)), true);
        let report = |(row, claim): (&'a Row, ClaimStatus)| {
            let Content::Exchange(report) = row.content else { return None };
            let occurred = self.view().vocabulary().text(report.occurred).to_owned();
            Some(ReportedState { claim, status: report.status, occurred })
        };
        rows.into_iter().filter_map(report).collect()
    }
}

/// Whether a claim read so when it was withdrawn as a whole.
fn is_last_reading(status: &ClaimStatus) -> bool {
    status.retracted_by.is_some_and(|event| status.ended == Some(Ended::Retracted(event)))
}
