//! Which events the table takes notice of, and what it keeps of them.
//!
//! `TransferAgreed`, `TransferDeclined` and `TotalClaimed` never enter a figure. Where a query
//! needs them they become further kinds of [`Said`], beside these.

use std::collections::BTreeSet;

use prost::{Message, Name};
use serde::{Deserialize, Serialize};

use crate::domain::{
    estimate::Number,
    event::Position,
    leg::{Direction, LegKey},
    of_which::OfWhich,
    proto,
};
use crate::projections::{ApplyError, Event};

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// So many were handed over.
    Completed(Transfer),
    /// An exchange is in some state.
    Exchange(Report),
    /// A claim is to be used.
    Preference(Preference),
}

/// So many were handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// From where to where.
    pub leg: LegKey,
    /// How many.
    pub number: Number,
    /// Parts that the claim names.
    pub of_which: OfWhich<Option<u32>>,
    /// When, as EDTF text; empty: not said.
    pub occurred: String,
}

/// What is reported of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The larger exchange that it is a portion of; empty: none is named.
    pub part_of: String,
    /// Its parties, as named by this source.
    pub parties: BTreeSet<String>,
    /// When, as EDTF text; empty: not said.
    pub occurred: String,
    /// Number of `proto::ExchangeStatus`, kept as stored.
    pub status: i32,
}

/// A claim is to be used for its leg or, with a side, for the figure of a country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// The claim.
    pub claim: Position,
    /// Country and direction; absent: the claim's leg is meant.
    pub side: Option<(String, Direction)>,
}

/// What an event does to the table.
pub(super) enum Act {
    /// A claim about an exchange.
    Claim(String, Said),
    /// A claim is to be used.
    Prefer(Position, Preference),
    /// A claim should read so.
    Correct(Position, Said),
    /// A claim, or a correction of one, is withdrawn.
    Retract(Position),
}

/// Reads an event; `None`: it does not concern the table.
pub(super) fn read(event: &Event<'_>) -> Result<Option<Act>, ApplyError> {
    let at = event.position;
    if is::<proto::ClaimCorrected>(event.type_name) {
        let corrected: proto::ClaimCorrected = decode(at, event.payload)?;
        let Some(replacement) = corrected.replacement else {
            return Ok(None);
        };
        let said = match read_claim(at, replacement.type_name(), &replacement.value)? {
            Some(Act::Claim(_, said)) => said,
            Some(Act::Prefer(_, preference)) => Said::Preference(preference),
            Some(Act::Correct(..) | Act::Retract(_)) | None => return Ok(None),
        };
        return Ok(Some(Act::Correct(corrected.claim, said)));
    }
    if is::<proto::ClaimRetracted>(event.type_name) {
        let retracted: proto::ClaimRetracted = decode(at, event.payload)?;
        return Ok(Some(Act::Retract(retracted.claim)));
    }
    read_claim(at, event.type_name, event.payload)
}

fn read_claim(at: Position, type_name: &str, payload: &[u8]) -> Result<Option<Act>, ApplyError> {
    if is::<proto::TransferCompleted>(type_name) {
        return Ok(transfer(decode(at, payload)?));
    }
    if is::<proto::ExchangeReported>(type_name) {
        return Ok(Some(report(decode(at, payload)?)));
    }
    if is::<proto::ClaimPreferred>(type_name) {
        return Ok(Some(preference(decode(at, payload)?)));
    }
    Ok(None)
}

/// A leg is required, so there always is one; without it there is nothing to count.
fn transfer(completed: proto::TransferCompleted) -> Option<Act> {
    let leg = LegKey::from(completed.leg?);
    let exchange = leg.exchange.clone();
    let said = Said::Completed(Transfer {
        leg,
        number: completed.count.map(Number::from).unwrap_or_default(),
        of_which: completed.of_which.map(OfWhich::from).unwrap_or_default(),
        occurred: completed.occurred,
    });
    Some(Act::Claim(exchange, said))
}

fn report(reported: proto::ExchangeReported) -> Act {
    let said = Said::Exchange(Report {
        part_of: reported.part_of,
        parties: reported.parties.into_iter().collect(),
        occurred: reported.occurred,
        status: reported.status,
    });
    Act::Claim(reported.exchange_id, said)
}

fn preference(preferred: proto::ClaimPreferred) -> Act {
    let direction = match preferred.direction() {
        proto::Direction::Received => Some(Direction::Received),
        proto::Direction::Sent => Some(Direction::Sent),
        proto::Direction::Unspecified => None,
    };
    let side = direction.map(|direction| (preferred.country, direction));
    Act::Prefer(preferred.claim, Preference { claim: preferred.claim, side })
}

fn is<M: Name>(type_name: &str) -> bool {
    let short = type_name.strip_prefix(M::PACKAGE).and_then(|rest| rest.strip_prefix('.'));
    short == Some(M::NAME)
}

fn decode<M: Message + Name + Default>(
    position: Position,
    payload: &[u8],
) -> Result<M, ApplyError> {
    M::decode(payload).map_err(|source| ApplyError::Payload {
        position,
        type_name: M::full_name(),
        source,
    })
}
