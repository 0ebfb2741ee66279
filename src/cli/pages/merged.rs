//! Answers with pages that may end within an entry. The rest of an entry is put behind its earlier
//! part.

use super::Page;
use crate::domain::proto::{
    DeclinedLeg, ExplainCountResponse, ExplainedExchange, ExplainedLeg, GetExchangeResponse,
    LegEstimate, ReconcileExchangeResponse, ReconcileSeriesResponse, RoleEntry, SeriesStep,
};

/// An entry that can go on with the next page.
trait Entry {
    /// Whether it goes on from the page before.
    fn continues(&self) -> bool;

    /// Puts the rest of it behind what is here.
    fn go_on(&mut self, rest: Self);
}

/// Puts entries behind others, of which the last may go on.
fn follow<E: Entry>(entries: &mut Vec<E>, next: Vec<E>) {
    for entry in next {
        match entries.last_mut().filter(|_| entry.continues()) {
            Some(last) => last.go_on(entry),
            None => entries.push(entry),
        }
    }
}

impl Entry for LegEstimate {
    fn continues(&self) -> bool {
        self.continues
    }

    fn go_on(&mut self, rest: Self) {
        self.claims.extend(rest.claims);
        self.more_claims = rest.more_claims;
    }
}

impl Entry for DeclinedLeg {
    fn continues(&self) -> bool {
        self.leg.as_ref().is_some_and(LegEstimate::continues)
    }

    fn go_on(&mut self, rest: Self) {
        if let (Some(leg), Some(rest)) = (&mut self.leg, rest.leg) {
            leg.go_on(rest);
        }
    }
}

impl Entry for ExplainedLeg {
    fn continues(&self) -> bool {
        self.leg.as_ref().is_some_and(LegEstimate::continues)
    }

    fn go_on(&mut self, rest: Self) {
        if let (Some(leg), Some(rest)) = (&mut self.leg, rest.leg) {
            leg.go_on(rest);
        }
    }
}

impl Entry for ExplainedExchange {
    fn continues(&self) -> bool {
        self.continues
    }

    fn go_on(&mut self, rest: Self) {
        follow(&mut self.legs, rest.legs);
        self.more_legs = rest.more_legs;
    }
}

impl Entry for RoleEntry {
    fn continues(&self) -> bool {
        self.continues
    }

    fn go_on(&mut self, rest: Self) {
        self.attributed_by.extend(rest.attributed_by);
        self.denied_by.extend(rest.denied_by);
        self.more_attributed_by = rest.more_attributed_by;
        self.more_denied_by = rest.more_denied_by;
    }
}

impl Entry for SeriesStep {
    fn continues(&self) -> bool {
        self.continues
    }

    fn go_on(&mut self, rest: Self) {
        self.exchanges.extend(rest.exchanges);
        self.missing.extend(rest.missing);
        self.more_exchanges = rest.more_exchanges;
        self.more_missing = rest.more_missing;
    }
}

impl Page for ExplainCountResponse {
    fn next(&self) -> String {
        self.next_page_token.clone()
    }

    fn entries(&self) -> usize {
        self.exchanges.len()
    }

    fn follow(&mut self, next: Self) {
        follow(&mut self.exchanges, next.exchanges);
        self.next_page_token = next.next_page_token;
    }

    fn is_cut(&self) -> bool {
        self.exchanges.last().is_some_and(|last| {
            let leg = last.legs.last().and_then(|leg| leg.leg.as_ref());
            last.more_legs > 0 || leg.is_some_and(|leg| leg.more_claims > 0)
        })
    }
}

impl Page for ReconcileSeriesResponse {
    fn next(&self) -> String {
        self.next_page_token.clone()
    }

    fn entries(&self) -> usize {
        self.steps.len() + self.series.len()
    }

    fn follow(&mut self, next: Self) {
        self.series.extend(next.series);
        follow(&mut self.steps, next.steps);
        self.next_page_token = next.next_page_token;
    }

    fn is_cut(&self) -> bool {
        self.steps.last().is_some_and(|last| last.more_exchanges > 0 || last.more_missing > 0)
    }
}

impl Page for ReconcileExchangeResponse {
    fn next(&self) -> String {
        self.next_page_token.clone()
    }

    fn entries(&self) -> usize {
        self.cells.len()
    }

    fn follow(&mut self, next: Self) {
        self.claimants.extend(next.claimants);
        self.legs.extend(next.legs);
        self.cells.extend(next.cells);
        self.lines.extend(next.lines);
        self.next_page_token = next.next_page_token;
    }
}

/// One exchange: its lists go on, and how many more there are is what the last page says.
impl Page for GetExchangeResponse {
    fn next(&self) -> String {
        self.next_page_token.clone()
    }

    fn entries(&self) -> usize {
        1
    }

    fn follow(&mut self, next: Self) {
        let before = std::mem::replace(self, next);
        if let (Some(exchange), Some(first)) = (&mut self.exchange, before.exchange) {
            exchange.portions.splice(..0, first.portions);
            exchange.parties.splice(..0, first.parties);
        }
        let goes_on = std::mem::replace(&mut self.legs, before.legs);
        follow(&mut self.legs, goes_on);
        let goes_on = std::mem::replace(&mut self.agreed, before.agreed);
        follow(&mut self.agreed, goes_on);
        let goes_on = std::mem::replace(&mut self.declined, before.declined);
        follow(&mut self.declined, goes_on);
        let goes_on = std::mem::replace(&mut self.roles, before.roles);
        follow(&mut self.roles, goes_on);
        self.status_history.splice(..0, before.status_history);
        self.totals.splice(..0, before.totals);
        self.superlatives.splice(..0, before.superlatives);
        self.statements.splice(..0, before.statements);
        self.counts.splice(..0, before.counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::{ClaimRecord, ClaimedNumber, ExchangeSummary, StatementEntry};

    fn claim(position: u64) -> ClaimedNumber {
        let record = Some(ClaimRecord { position, ..Default::default() });
        ClaimedNumber { record, ..Default::default() }
    }

    fn leg(claims: &[u64], continues: bool, more_claims: u32) -> LegEstimate {
        let claims = claims.iter().copied().map(claim).collect();
        LegEstimate { claims, continues, more_claims, ..Default::default() }
    }

    fn claims(legs: &[LegEstimate]) -> Vec<Vec<u64>> {
        let position = |claim: &ClaimedNumber| claim.record.map_or(0, |record| record.position);
        legs.iter().map(|leg| leg.claims.iter().map(position).collect()).collect()
    }

    #[test]
    fn the_pages_of_a_story_put_behind_each_other_are_the_whole() {
        let page = |party: &str, legs, more_legs, next: &str| GetExchangeResponse {
            exchange: Some(ExchangeSummary { parties: vec![party.into()], ..Default::default() }),
            legs,
            more_legs,
            statements: vec![StatementEntry::default()],
            next_page_token: next.into(),
            ..Default::default()
        };
        let mut whole = page("A", vec![leg(&[1], false, 0), leg(&[2], false, 2)], 1, "a");
        whole.follow(page("B", vec![leg(&[3], true, 1)], 1, "b"));
        assert_eq!(
            (whole.next().as_str(), whole.more_legs, whole.legs[1].more_claims),
            ("b", 1, 1)
        );
        whole.follow(page("C", vec![leg(&[4], true, 0), leg(&[5], false, 0)], 0, ""));
        assert_eq!(claims(&whole.legs), [vec![1], vec![2, 3, 4], vec![5]]);
        assert_eq!((whole.next().as_str(), whole.more_legs, whole.legs[1].more_claims), ("", 0, 0));
        assert_eq!(whole.exchange.unwrap_or_default().parties, ["A", "B", "C"]);
        assert_eq!(whole.statements.len(), 3);
    }

    #[test]
    fn a_cut_entry_is_one_entry_and_goes_on() {
        let explained = |leg, continues, more_legs| ExplainedExchange {
            legs: vec![ExplainedLeg { leg: Some(leg), ..Default::default() }],
            continues,
            more_legs,
            ..Default::default()
        };
        let page = |exchanges| ExplainCountResponse { exchanges, ..Default::default() };
        let mut whole = page(vec![explained(leg(&[1], false, 1), false, 1)]);
        assert!(whole.is_cut());
        whole.follow(page(vec![explained(leg(&[2], true, 0), true, 1)]));
        assert!(whole.is_cut() && whole.entries() == 1);
        whole.follow(page(vec![
            explained(leg(&[3], false, 0), true, 0),
            explained(leg(&[4], false, 0), false, 0),
        ]));
        assert!(!whole.is_cut() && whole.entries() == 2);
        let legs: Vec<_> = whole.exchanges[0].legs.iter().filter_map(|it| it.leg.clone()).collect();
        assert_eq!(claims(&legs), [vec![1, 2], vec![3]]);
    }
}
