//! The log as it reads now: claims in their latest correction, without those that are retracted.

use std::collections::{BTreeMap, HashMap};

use super::occurrences::Occurrences;
use crate::{
    cli::import::csv::cited::Cited,
    domain::{
        group,
        known::Known,
        name::is_of_the_server,
        proto::{RecordedEvent, SourceRegistered},
    },
};

/// The claims that stand, and what no table has a place for.
#[derive(Debug, Default)]
pub(super) struct Record {
    claims: BTreeMap<u64, Known>,
    sources: HashMap<String, SourceRegistered>,
    others: Occurrences,
}

impl Record {
    /// Takes in the next event of the log.
    pub(super) fn add(&mut self, event: &RecordedEvent) {
        let Some(any) = &event.payload else { return };
        // How far groups are is of this store only.
        if group::is_of_groups(&event.stream) {
            return;
        }
        if event.tags.iter().any(|tag| !is_of_the_server(tag)) {
            self.others.add("tags of clients");
        }
        if !event.metadata.is_empty() {
            self.others.add("metadata");
        }
        let Some(Ok(known)) = Known::read(any.type_name(), &any.value) else {
            return self.others.add(any.type_name());
        };
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
        Cited::write(id, self.sources.get(id))
    }

    /// The source as it is registered.
    pub(super) fn registered(&self, id: &str) -> Option<&SourceRegistered> {
        self.sources.get(id)
    }

    /// What no table has a place for, and how often it is there.
    pub(super) fn in_no_table(&self) -> Occurrences {
        let mut occurrences = self.others.clone();
        for (_, known) in self.claims() {
            let tabled = matches!(
                known,
                Known::ExchangeReported(_)
                    | Known::RoleAttributed(_)
                    | Known::TransferAgreed(_)
                    | Known::TransferCompleted(_)
                    | Known::TransferDeclined(_)
                    | Known::TotalClaimed(_)
            );
            if !tabled {
                occurrences.add(known.short_name());
            }
        }
        occurrences
    }
}
