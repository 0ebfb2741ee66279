//! Applies events anew: the figures to compare them with the saved ones, and what is recorded of
//! groups to see that each entry fits those before it.

use std::{collections::HashMap, path::PathBuf};

use crate::{
    domain::{
        event::Position,
        group::{self, Audit, CATEGORY},
        known::Known,
        proto::{Any, RecordedEvent},
        recorded::decode_events,
    },
    engine::projector::{failed, taken},
    log::{
        encoded_events::Chunk,
        verification::{Finding, Findings, Part, Verification},
    },
    projections::{Projection as _, register::Register},
};

/// Whether events of this type are applied anew: those that figures know, and those about groups.
pub(super) fn is_replayed(type_name: &[u8]) -> bool {
    let is = |name: &&str| name.as_bytes() == type_name;
    Known::TYPE_NAMES.iter().any(is) || group::TYPE_NAMES.iter().any(is)
}

/// What is applied anew.
pub(super) struct Replay<'a> {
    findings: &'a Findings,
    place: PathBuf,
    /// What figures are up to this position; absent: they are not known.
    figures: Option<(Position, Register)>,
    groups: HashMap<String, Audit>,
}

impl<'a> Replay<'a> {
    /// Nothing is applied yet. Figures are of interest up to a position.
    pub(super) fn new(
        verification: &Verification,
        up_to: Position,
        findings: &'a Findings,
    ) -> Self {
        let figures = Some((up_to, Register::default()));
        Self { findings, place: verification.record_place(), figures, groups: HashMap::new() }
    }

    /// Takes the next events.
    pub(super) fn take(&mut self, chunk: &Chunk) {
        match decode_events(chunk.events().clone()) {
            Ok(events) => events.into_iter().for_each(|event| self.event(event)),
            Err(error) => {
                let what = format!("an event of this block is none: {error}");
                self.report(Part::Event, chunk.first(), what);
                self.figures = None;
            }
        }
    }

    fn event(&mut self, event: RecordedEvent) {
        let position = event.position;
        let type_name = event.payload.as_ref().map(Any::type_name).unwrap_or_default();
        if !is_replayed(type_name.as_bytes()) {
            return;
        }
        if Known::TYPE_NAMES.contains(&type_name) {
            self.claim(event);
        } else if event.stream.split_once('/').is_some_and(|(category, _)| category == CATEGORY) {
            let group = self.groups.entry(event.stream.clone()).or_default();
            if let Err(what) = group.read(&event) {
                self.report(Part::Group, position, format!("{}: {what}", event.stream));
            }
        }
    }

    fn claim(&mut self, event: RecordedEvent) {
        let position = event.position;
        let Some((up_to, register)) = &mut self.figures else { return };
        if position > *up_to {
            return;
        }
        let applied = taken(event)
            .and_then(|(position, taken)| register.apply(position, taken).map_err(failed));
        if let Err(error) = applied {
            self.report(Part::Event, position, error.to_string());
            self.figures = None;
        }
    }

    /// The figures; `None`: they are not known.
    pub(super) fn finish(self) -> Option<Register> {
        self.figures.map(|(_, register)| register)
    }

    fn report(&self, part: Part, position: Position, what: String) {
        self.findings.add(Finding::record(part, &self.place, what).at(position));
    }
}
