//! How one figure changed, and by which events.

use super::{When, when};
use crate::domain::{date::Edtf, event::Position, figure::Figure, tally::Tally};
use crate::projections::{
    ledger::{FigureKey, Step},
    register::Register,
};

/// A figure before and after one event; absent: no transfer concerned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The event.
    pub event: Position,
    /// The figure before it.
    pub before: Option<Figure>,
    /// The figure after it.
    pub after: Option<Figure>,
}

/// The events after one position, up to another, by which a figure became another; in order.
pub fn moves(
    register: &Register,
    figure: FigureKey,
    after: Position,
    up_to: Position,
) -> Vec<Move> {
    let ledger = register.ledger();
    let before = ledger.figure(figure, after);
    told(register, before, ledger.steps(figure, after, up_to))
}

/// The same, of exchanges that occurred then by what the record said at each moment.
pub fn moves_of(
    register: &Register,
    figure: FigureKey,
    occurred: &Edtf,
    (after, up_to): (Position, Position),
) -> Vec<Move> {
    let within = |traits: &_| when(traits, occurred) == When::Within;
    let steps = register.ledger().steps_where(figure, within);
    let start = steps.partition_point(|step| step.event <= after);
    let end = steps.partition_point(|step| step.event <= up_to);
    let mut before = Tally::default();
    let (past, rest) = steps.split_at(start);
    for step in past {
        register.ledger().apply(step, &mut before);
    }
    told(register, before, rest.get(..end - start).unwrap_or_default())
}

fn told(register: &Register, mut tally: Tally, steps: &[Step]) -> Vec<Move> {
    let figure = |tally: &Tally| (tally.shares > 0).then(|| Figure::from(tally));
    let mut before = figure(&tally);
    let mut moves = Vec::new();
    for steps in steps.chunk_by(|one, another| one.event == another.event) {
        for step in steps {
            register.ledger().apply(step, &mut tally);
        }
        let after = figure(&tally);
        if let Some(step) = steps.first().filter(|_| after != before) {
            moves.push(Move { event: step.event, before, after: after.clone() });
            before = after;
        }
    }
    moves
}
