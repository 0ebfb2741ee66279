//! The log as it reads now: claims in their latest correction, without those that are retracted.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{
    known::Known,
    proto::{ExchangeReported, RecordedEvent, SourceRegistered},
};

/// The claims that stand.
#[derive(Debug, Default)]
pub(super) struct Record {
    claims: BTreeMap<u64, Known>,
    sources: HashMap<String, SourceRegistered>,
}

impl Record {
    /// Takes in the next event of the log; what is no claim of ours changes nothing.
    pub(super) fn add(&mut self, event: &RecordedEvent) {
        let Some(any) = &event.payload else { return };
        let Some(Ok(known)) = Known::read(any.type_name(), &any.value) else { return };
        // A correction cannot be retracted, and nothing is said of a claim after its retraction:
        // so the last word on a claim is the one that counts.
        let position = event.position;
        if let Known::ClaimRetracted(retraction) = &known {
            self.claims.remove(&retraction.claim);
        } else if let Known::ClaimCorrected(correction) = &known {
            let corrected = self.claims.get_mut(&correction.claim).zip(known.replacement());
            if let Some((claim, replacement)) = corrected {
                *claim = replacement;
            }
        } else if let Known::SourceRegistered(source) = known {
            self.sources.insert(source.source_id.clone(), source);
        } else {
            self.claims.insert(position, known);
        }
    }

    /// The claims that stand, by position.
    pub(super) fn claims(&self) -> impl Iterator<Item = (u64, &Known)> {
        self.claims.iter().map(|(position, known)| (*position, known))
    }

    /// What the column says of a source.
    pub(super) fn source(&self, id: &str) -> String {
        super::source(id, self.sources.get(id))
    }

    /// Each exchange as its reports say: of a field that the latest leaves empty, the report
    /// before it that does not. A report that was corrected stays where it was.
    pub(super) fn exchanges(&self) -> HashMap<&str, ExchangeReported> {
        let mut exchanges: HashMap<&str, ExchangeReported> = HashMap::new();
        for (_, known) in self.claims() {
            if let Known::ExchangeReported(report) = known {
                put_over(exchanges.entry(&report.exchange_id).or_default(), report);
            }
        }
        exchanges
    }
}

/// Puts a later report over what was known.
fn put_over(known: &mut ExchangeReported, report: &ExchangeReported) {
    let texts = [
        (&mut known.part_of, &report.part_of),
        (&mut known.title, &report.title),
        (&mut known.place, &report.place),
        (&mut known.occurred, &report.occurred),
    ];
    for (text, later) in texts {
        if !later.is_empty() {
            text.clone_from(later);
        }
    }
    if !report.parties.is_empty() {
        known.parties.clone_from(&report.parties);
    }
    if report.kind != 0 {
        known.kind = report.kind;
    }
    known.status = report.status;
}
