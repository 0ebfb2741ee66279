//! What is claimed, as the table keeps it: names as symbols, everything that recurs by its place.
//!
//! Texts that only an answer shows (what was said, notes, titles of sources) are not kept here:
//! they stand in the log, at the position that the row names.

use serde::{Deserialize, Serialize};

use crate::domain::{
    estimate::Number,
    event::Position,
    leg::{Direction, Side},
    symbol::Symbol,
};
use crate::projections::interned::Place;

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// So many were handed over.
    Completed(Transfer),
    /// So many are to be handed over.
    Agreed(Counted),
    /// So many were not handed over, for the reason with this number of `proto::DeclineReason`.
    Declined(Counted, i32),
    /// The whole of a leg adds up to this.
    Total(Counted, Covered),
    /// A series adds up to this; the number stands in the place of a leg's.
    RunningTotal(RunningTotal),
    /// An exchange is in some state.
    Exchange(Report),
    /// Somebody had a role, or did not have it.
    Role(RoleClaim),
    /// The largest, the first.
    Superlative,
    /// Somebody said something.
    Statement(Statement),
    /// Somebody is held.
    Detention,
    /// A document exists, of the kind with this number of `proto::SourceKind`. It is no claim,
    /// and no actor stands behind it.
    Source(i32),
    /// Another claim is to be used.
    Preference(Preference),
    /// Another claim is backed by somebody.
    Confirmed(Position),
    /// Another claim is contested by somebody.
    Disputed(Position),
}

/// A number for a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The leg's place in the table of legs.
    pub leg: Place,
    /// How many.
    pub number: Number,
    /// What the number covers, in the claimant's words; empty: not said.
    pub scope: Symbol,
}

/// So many were handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The leg and the number.
    pub counted: Counted,
    /// The place, in their table, of the parts that the claim names.
    pub of_which: Place,
    /// When, as EDTF text; empty: not said.
    pub occurred: Symbol,
}

/// What span a total covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Up to when, as EDTF text; empty: not said.
    pub as_of: Symbol,
    /// The span of time, as EDTF text; empty: not said.
    pub covers: Symbol,
}

/// A series adds up to this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTotal {
    /// How many.
    pub number: Number,
    /// Up to when, as EDTF text.
    pub as_of: Symbol,
    /// The total that the claimant gave before.
    pub previous: Option<u32>,
    /// The exchange that it follows; empty: not said.
    pub follows: Symbol,
}

/// What is reported of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The larger exchange that it is a portion of; empty: none is named.
    pub part_of: Symbol,
    /// The place, in the table of sides, of the parties that this source names.
    pub parties: Place,
    /// When, as EDTF text; empty: not said.
    pub occurred: Symbol,
    /// What it is called; empty: not said.
    pub title: Symbol,
    /// Where it took place; empty: not said.
    pub place: Symbol,
    /// Number of `proto::ExchangeStatus`, kept as stored.
    pub status: i32,
    /// Number of `proto::ExchangeKind`, kept as stored; 0: not said.
    pub kind: i32,
}

/// Somebody had a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleClaim {
    /// The actor's place in the table of actors.
    pub actor: Place,
    /// Number of `proto::Role`, kept as stored.
    pub role: i32,
    /// The claim is that the actor did not have it.
    pub denied: bool,
}

/// Somebody said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The speaker's place in the table of actors.
    pub speaker: Place,
    /// Whom the speaker spoke for: a place in the table of actors.
    pub on_behalf_of: Place,
    /// Number of `proto::StatementMode`, kept as stored.
    pub mode: i32,
    /// The place, in the table of sides, of the topics.
    pub topics: Place,
    /// When, as EDTF text; empty: not said.
    pub occurred: Symbol,
}

/// A claim is to be used for its leg or, with a side, for the figure of a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// The claim: the position of its first reading.
    pub claim: Position,
    /// Country and direction; absent: the claim's leg is meant.
    pub side: Option<(Symbol, Direction)>,
}

/// Somebody who speaks, acts or holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Party code; empty: belongs to none.
    pub party: Symbol,
    /// The name as the source gives it.
    pub name: Symbol,
    /// Number of `proto::ActorKind`, kept as stored.
    pub kind: i32,
}

impl Content {
    /// Whether figures, or what they are grouped by, can change by it.
    pub fn enters_figures(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Exchange(_) | Self::Preference(_) | Self::Role(_))
    }

    /// Whether it is about an exchange, or may be: of a statement, the row's subject tells.
    pub fn is_about_an_exchange(&self) -> bool {
        match self {
            Self::Completed(_)
            | Self::Exchange(_)
            | Self::Preference(_)
            | Self::Role(_)
            | Self::Agreed(_)
            | Self::Declined(..)
            | Self::Total(..)
            | Self::Superlative
            | Self::Statement(_) => true,
            Self::RunningTotal(_)
            | Self::Detention
            | Self::Source(_)
            | Self::Confirmed(_)
            | Self::Disputed(_) => false,
        }
    }

    /// The completed transfer, if it is one.
    pub fn transfer(&self) -> Option<&Transfer> {
        if let Self::Completed(transfer) = self { Some(transfer) } else { None }
    }

    /// The report of an exchange, if it is one.
    pub fn report(&self) -> Option<&Report> {
        if let Self::Exchange(report) = self { Some(report) } else { None }
    }

    /// When the transfer or exchange took place, as it says; absent: it says nothing of that.
    pub fn occurred(&self) -> Option<Symbol> {
        let transfer = self.transfer().map(|transfer| transfer.occurred);
        let occurred = transfer.or_else(|| self.report().map(|report| report.occurred));
        occurred.filter(|occurred| !occurred.is_empty())
    }

    /// The leg and number, of whatever kind of claim about a leg.
    pub fn counted(&self) -> Option<&Counted> {
        match self {
            Self::Completed(transfer) => Some(&transfer.counted),
            Self::Agreed(counted) | Self::Declined(counted, _) | Self::Total(counted, _) => {
                Some(counted)
            }
            Self::RunningTotal(_)
            | Self::Exchange(_)
            | Self::Role(_)
            | Self::Superlative
            | Self::Statement(_)
            | Self::Detention
            | Self::Source(_)
            | Self::Preference(_)
            | Self::Confirmed(_)
            | Self::Disputed(_) => None,
        }
    }
}

impl Actor {
    /// What it is called where one word must do: its party or, of no party, its name.
    pub fn label(&self) -> Symbol {
        if self.party.is_empty() { self.name } else { self.party }
    }
}

/// Topics are a set of names, as the parties of a side are.
pub type NameSet = Side;
