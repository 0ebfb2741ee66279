//! Claims as answers show them: what the register knows of each, with its texts from the log.

use std::collections::BTreeMap;

use prost_types::Timestamp;

use crate::{
    domain::{
        amount::Amount,
        estimate::Estimate,
        event::Position,
        figure::Figure,
        known::Known,
        leg::Direction,
        proto::{self, RecordedEvent, transfer_entry},
        share::Share,
    },
    engine::Engine,
    grpc::status::RpcError,
    projections::claim_status::{ClaimStatus, Ended, LegClaims, LegNumber, PreferenceInForce},
};

/// The events that an answer takes texts from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(BTreeMap<Position, RecordedEvent>);

impl Texts {
    /// Reads them from the log.
    pub(crate) async fn read(
        engine: &Engine,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<Self, RpcError> {
        Ok(Self(engine.record().events(positions).await?))
    }

    /// Reads those of some entries, from the first on: as many as may fit an answer, and how many
    /// that are.
    pub(crate) async fn of_entries(
        engine: &Engine,
        entries: &[Vec<Position>],
    ) -> Result<(Self, usize), RpcError> {
        let (events, read) = engine.record().events_of(entries).await?;
        Ok((Self(events), read))
    }

    /// An event as it is stored.
    pub(crate) fn event(&self, position: Position) -> Option<&RecordedEvent> {
        self.0.get(&position)
    }

    /// When an event was recorded.
    pub(crate) fn recorded_at(&self, position: Position) -> Option<Timestamp> {
        self.0.get(&position)?.recorded_at
    }

    /// What an event says; of a correction, what it puts in the claim's place.
    pub(crate) fn reading(&self, position: Position) -> Option<Known> {
        let payload = self.0.get(&position)?.payload.as_ref()?;
        let known = Known::read(payload.type_name(), &payload.value)?.ok()?;
        if matches!(known, Known::ClaimCorrected(_)) { known.replacement() } else { Some(known) }
    }

    /// Where a claim is recorded, and what became of it.
    pub(crate) fn record(&self, status: &ClaimStatus) -> proto::ClaimRecord {
        let corrected = status.read_from != status.claim;
        proto::ClaimRecord {
            position: status.claim,
            recorded_at: self.recorded_at(status.claim),
            corrected_by: if corrected { status.read_from } else { 0 },
            retracted_by: status.retracted_by.unwrap_or_default(),
            confirmations: status.confirmations,
            disputes: status.disputes,
        }
    }

    /// The address of a source, by the position of its registration.
    fn url(&self, registration: Option<Position>) -> String {
        match registration.and_then(|position| self.reading(position)) {
            Some(Known::SourceRegistered(source)) => source.url,
            _ => String::new(),
        }
    }

    /// One number, with who gave it and where it can be read.
    pub(crate) fn number(&self, number: &LegNumber) -> proto::ClaimedNumber {
        let status = &number.status;
        let reading = self.reading(status.read_from);
        let attribution = reading.as_ref().and_then(Known::attribution).cloned();
        let proto::Attribution { source_id, locator, claimed_by, relayed_by, .. } =
            attribution.unwrap_or_default();
        let (count, of_which) = numbers(reading);
        proto::ClaimedNumber {
            record: Some(self.record(status)),
            claimant: claimed_by,
            relayed_by,
            source_id,
            locator,
            source_url: self.url(status.source),
            count,
            of_which,
            r#use: number.used.into(),
            preferred: number.preferred,
            read_from: status.read_from,
            read_until: status.ended.map(Ended::event).unwrap_or_default(),
        }
    }

    /// One leg with what the claims on it amount to, beginning at `first_claim` and still without
    /// claims. The preference comes with the first claim.
    pub(crate) fn leg(&self, leg: &LegClaims, first_claim: usize) -> proto::LegEstimate {
        let preference = leg.preference.clone().filter(|_| first_claim == 0);
        proto::LegEstimate {
            leg: Some(leg.leg.clone()),
            estimate: Some(leg.estimate.clone().into()),
            preference: preference.map(|preference| self.preference(preference)),
            continues: first_claim > 0,
            ..proto::LegEstimate::default()
        }
    }

    /// A decision which number to use.
    pub(crate) fn preference(&self, preference: PreferenceInForce) -> proto::Preference {
        let PreferenceInForce { position, read_from, claim, value, side } = preference;
        let (rationale, attribution) = match self.reading(read_from) {
            Some(Known::ClaimPreferred(preferred)) => (preferred.rationale, preferred.attribution),
            _ => (String::new(), None),
        };
        let (country, direction) = match side {
            Some((country, Direction::Received)) => (country, proto::Direction::Received),
            Some((country, Direction::Sent)) => (country, proto::Direction::Sent),
            None => (String::new(), proto::Direction::Unspecified),
        };
        proto::Preference {
            position,
            recorded_at: self.recorded_at(position),
            claim,
            value,
            country,
            direction: direction.into(),
            rationale,
            attribution,
        }
    }

    /// A statement in its latest correction.
    pub(crate) fn statement(&self, status: &ClaimStatus) -> proto::StatementEntry {
        let statement = match self.reading(status.read_from) {
            Some(Known::StatementMade(statement)) => Some(statement),
            _ => None,
        };
        proto::StatementEntry { record: Some(self.record(status)), statement }
    }

    /// A claim about a transfer in its latest correction.
    pub(crate) fn transfer(&self, status: &ClaimStatus) -> proto::TransferEntry {
        use transfer_entry::Claim;
        let claim = match self.reading(status.read_from) {
            Some(Known::TransferCompleted(it)) => Some(Claim::Completed(it)),
            Some(Known::TransferAgreed(it)) => Some(Claim::Agreed(it)),
            Some(Known::TransferDeclined(it)) => Some(Claim::Declined(it)),
            Some(Known::TotalClaimed(it)) => Some(Claim::Total(it)),
            _ => None,
        };
        proto::TransferEntry { record: Some(self.record(status)), claim }
    }
}

/// The number of a claim, and the parts of it that the claim names.
fn numbers(reading: Option<Known>) -> (Option<proto::Count>, Option<proto::OfWhich>) {
    match reading {
        Some(Known::TransferCompleted(it)) => (it.count, it.of_which),
        Some(Known::TransferAgreed(it)) => (it.count, None),
        Some(Known::TransferDeclined(it)) => (it.count, None),
        Some(Known::TotalClaimed(it)) => (it.count, None),
        _ => (None, None),
    }
}

impl From<Estimate> for proto::Estimate {
    fn from(estimate: Estimate) -> Self {
        let part = |range: Option<(u32, u32)>| range.map(|range| Amount::of_range(range).into());
        let (amount, of_which) = (Amount::of_leg(&estimate), estimate.of_which.map(part));
        Figure::from(Share { amount, of_which, ..Share::default() }).into()
    }
}

impl From<Figure> for proto::Estimate {
    fn from(figure: Figure) -> Self {
        let proto::Figure { low, high, preferred, of_which, flags, .. } = figure.into();
        Self { low, high, preferred, of_which, flags }
    }
}
