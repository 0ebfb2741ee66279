//! The saved state of the projection of claims, as it is found.

use std::{fs, io, path::PathBuf};

use crate::{
    domain::event::Position,
    log::verification::{Finding, Findings, Part, Progress, Verification},
    projections::{
        Projection as _,
        register::Register,
        snapshot::{self, Misfit},
    },
};

/// A saved state that the server would use.
pub(super) struct SavedState {
    path: PathBuf,
    register: Register,
}

impl SavedState {
    /// Reads the state of a stopped store; `None`: there is none that would be used.
    pub(super) fn read(
        verification: &Verification,
        findings: &Findings,
        progress: &Progress,
    ) -> Option<Self> {
        let dir = verification.projections()?;
        let path = dir.join(Register::NAME);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = "there is no saved state";
                findings.add(Finding::missing(Part::Projection, &path, what));
                return None;
            }
            Err(error) => {
                findings.add(Finding::refused(Part::Projection, &path, &error));
                return None;
            }
            Ok(bytes) => bytes,
        };
        progress.expect(bytes.len() as u64);
        progress.done(bytes.len() as u64);
        match snapshot::decode::<Register>(&bytes, verification.store_id()) {
            // Figures that may be ahead of the log are not compared with it either.
            Ok(_) if !verification.is_end_known() => {}
            Ok(register) if register.position() > verification.head() => {
                let (at, head) = (register.position(), verification.head());
                let what = format!("it is of position {at}, and the log ends at {head}");
                findings.add(Finding::derived(Part::Projection, &path, what));
            }
            Ok(register) => return Some(Self { path, register }),
            Err(error @ Misfit::Version) => {
                findings.add(Finding::missing(Part::Projection, &path, error));
            }
            Err(error) => findings.add(Finding::derived(Part::Projection, &path, error)),
        }
        None
    }

    /// The position of its figures.
    pub(super) fn position(&self) -> Position {
        self.register.position()
    }

    /// Compares it with what events say.
    pub(super) fn compare(&self, fresh: &Register, findings: &Findings) {
        if self.register != *fresh && !planted!("verify-passes-figures") {
            let at = self.position();
            let what = format!("its figures are not those of the events up to position {at}");
            findings.add(Finding::derived(Part::Projection, &self.path, what));
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::{
        domain::proto::{Attribution, Leg, TransferCompleted, Unit},
        projections::Event,
    };

    /// Figures as of position 1: with one claim, or without any.
    fn register(claimed: bool) -> Register {
        let source_id = "demo-source".to_owned();
        let leg = Leg {
            exchange_id: "demo-1".to_owned(),
            to: vec!["DE".to_owned()],
            unit: Unit::Person.into(),
            ..Leg::default()
        };
        let claim = TransferCompleted {
            attribution: Some(Attribution { source_id, ..Attribution::default() }),
            leg: Some(leg),
            ..TransferCompleted::default()
        };
        let payload = claim.encode_to_vec();
        let type_name = "handover.v1.TransferCompleted";
        let event = Event { position: 1, recorded_at: 1, type_name, payload: &payload };
        let taken = Register::take(&event).unwrap().filter(|_| claimed);
        let mut register = Register::default();
        register.apply(1, taken).unwrap();
        register
    }

    #[test]
    fn saved_figures_that_are_not_those_of_the_events_are_wrong() {
        for (claimed, wrong) in [(true, 0), (false, 1)] {
            let saved = SavedState { path: PathBuf::from("claims"), register: register(true) };
            let findings = Findings::default();
            saved.compare(&register(claimed), &findings);
            let (found, counts) = findings.finish();
            assert_eq!(counts.derived, wrong, "wrong figures: {found:?}");
        }
    }
}
