//! Which figure of which country a request names.

use crate::{
    domain::{
        leg::{Direction, UnitCode},
        proto::{self, Unit},
        violation::Violations,
    },
    grpc::request,
    projections::{ledger::FigureKey, register::Register},
};

/// One figure, as a request names it.
#[derive(Clone, Debug)]
pub(super) struct NamedFigure {
    country: String,
    unit: UnitCode,
    direction: Direction,
}

impl NamedFigure {
    /// All three are required.
    pub(super) fn parse(country: &str, unit: i32, direction: i32, wrong: &mut Violations) -> Self {
        let country = request::party(country, "country", wrong).unwrap_or_default();
        if unit == 0 {
            wrong.add("unit", "is required: UNIT_PERSON or UNIT_REMAINS");
        }
        let unit = request::choice::<Unit>(unit, "unit", wrong).unwrap_or_default();
        let direction = match proto::Direction::try_from(direction) {
            Ok(proto::Direction::Received) => Direction::Received,
            Ok(proto::Direction::Sent) => Direction::Sent,
            Ok(proto::Direction::Unspecified) | Err(_) => {
                wrong.add("direction", "is required: DIRECTION_RECEIVED or DIRECTION_SENT");
                Direction::Received
            }
        };
        Self { country, unit, direction }
    }

    /// The figure; absent: no claim ever named the country.
    pub(super) fn key(&self, register: &Register) -> Option<FigureKey> {
        let country = register.claims().vocabulary().find(&self.country)?;
        Some((country, self.unit, self.direction))
    }
}
