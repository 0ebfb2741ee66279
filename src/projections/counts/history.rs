//! How one figure changed, and by which events.

use std::{collections::BTreeSet, sync::Arc};

use crate::domain::{date::Edtf, event::Position, figure::Figure, symbol::Symbol, tally::Tally};
use crate::projections::{
    ledger::{FigureKey, Step},
    register::Register,
    walk::Walk,
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
    moves_from(register, before, ledger.steps(figure, after, up_to))
}

/// The same, of exchanges that occurred then by what the record said at each moment.
pub fn moves_of(
    register: &Register,
    figure: FigureKey,
    occurred: &Edtf,
    (after, up_to): (Position, Position),
) -> Vec<Move> {
    let within = |days| occurred.overlaps_days(days);
    let steps = register.ledger().steps_where(figure, within);
    let start = steps.partition_point(|step| step.event <= after);
    let end = steps.partition_point(|step| step.event <= up_to);
    let mut before = Tally::default();
    let (past, rest) = steps.split_at(start);
    for step in past {
        register.ledger().apply(step, &mut before);
    }
    moves_from(register, before, rest.get(..end - start).unwrap_or_default())
}

fn moves_from(register: &Register, mut tally: Tally, steps: &[Step]) -> Vec<Move> {
    let mut moves = Vec::new();
    make(register, &mut tally, steps, &mut moves);
    moves
}

/// Makes some steps, all of each event, and notes the events by which the figure is another.
fn make(register: &Register, tally: &mut Tally, steps: &[Step], moves: &mut Vec<Move>) {
    let figure = |tally: &Tally| (tally.shares > 0).then(|| Figure::from(tally));
    let mut before = figure(tally);
    for steps in steps.chunk_by(|one, another| one.event == another.event) {
        for step in steps {
            register.ledger().apply(step, tally);
        }
        let after = figure(tally);
        if let Some(step) = steps.first().filter(|_| after != before) {
            moves.push(Move { event: step.event, before, after: after.clone() });
            before = after;
        }
    }
}

/// Exchanges, or steps, that are gone through in one piece.
const PIECE: usize = 256;

/// Gathers the steps of a figure over exchanges that occurred then, by what the record said at
/// each moment, up to a position.
#[derive(Debug)]
pub struct StepsWalk {
    figure: FigureKey,
    occurred: Edtf,
    up_to: Position,
    left: Option<BTreeSet<Symbol>>,
    steps: Vec<Step>,
}

impl StepsWalk {
    /// The steps up to a position.
    pub fn new(figure: FigureKey, occurred: Edtf, up_to: Position) -> Self {
        Self { figure, occurred, up_to, left: None, steps: Vec::new() }
    }
}

impl Walk for StepsWalk {
    type Answer = Vec<Step>;

    fn go_on(&mut self, register: &Register) -> bool {
        let ledger = register.ledger();
        let left = self.left.get_or_insert_with(|| ledger.concerned(self.figure));
        let within = |days| self.occurred.overlaps_days(days);
        for _ in 0..PIECE {
            let Some(exchange) = left.pop_first() else { return true };
            let steps = ledger.steps_in(exchange, self.figure, within);
            self.steps.extend(steps.iter().filter(|step| step.event <= self.up_to));
        }
        false
    }

    fn answer(mut self) -> Vec<Step> {
        self.steps.sort_by_key(|step| step.event);
        self.steps
    }
}

/// Finds the first events after one position, up to another, by which a figure became another.
#[derive(Debug)]
pub struct MoveWalk {
    figure: FigureKey,
    /// The steps that it takes; absent: all that the ledger has.
    steps: Option<Arc<Vec<Step>>>,
    after: Position,
    up_to: Position,
    most: usize,
    /// The step that comes next, and the figure before it; absent: not begun.
    next: Option<(usize, Tally)>,
    moves: Vec<Move>,
}

impl MoveWalk {
    /// At least so many events if there are as many, or all.
    pub fn new(
        figure: FigureKey,
        steps: Option<Arc<Vec<Step>>>,
        (after, up_to): (Position, Position),
        most: usize,
    ) -> Self {
        Self { figure, steps, after, up_to, most, next: None, moves: Vec::new() }
    }
}

impl Walk for MoveWalk {
    type Answer = Vec<Move>;

    fn go_on(&mut self, register: &Register) -> bool {
        let Self { figure, steps, after, up_to, most, next, moves } = self;
        let ledger = register.ledger();
        let steps = steps.as_deref();
        let all = match steps {
            Some(steps) => steps.as_slice(),
            None => ledger.steps(*figure, 0, *up_to),
        };
        let (next, tally) = next.get_or_insert_with(|| {
            if steps.is_some() {
                // Only of all exchanges together is the figure known at any moment.
                (0, Tally::default())
            } else {
                let past = all.partition_point(|step| step.event <= *after);
                (past, ledger.figure(*figure, *after))
            }
        });
        let rest = all.get(*next..).unwrap_or_default();
        let last = rest.get(..PIECE).and_then(<[Step]>::last).map(|step| step.event);
        let end = last.map_or(rest.len(), |last| rest.partition_point(|it| it.event <= last));
        let mut made = Vec::new();
        make(register, tally, rest.get(..end).unwrap_or_default(), &mut made);
        moves.extend(made.into_iter().filter(|it| it.event > *after));
        *next += end;
        end == rest.len() || moves.len() >= *most
    }

    fn answer(self) -> Vec<Move> {
        self.moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::leg::Direction;
    use crate::projections::{
        Projection as _,
        claims::test_record::{Record, flow},
        walk::walked,
    };

    #[test]
    fn a_stretch_of_the_moves_is_the_same_as_that_of_all() {
        let mut record = Record::default();
        for number in 0..600 {
            let id = format!("x-{number}");
            record.report(&id, "", if number % 3 == 0 { "2023" } else { "2024" }, "");
            record.completed(&flow(&id, "RU", "UA", Some(1 + number % 7)));
        }
        let register = record.claims();
        let country = register.claims().vocabulary().find("UA").unwrap();
        let (figure, up_to) = ((country, 1, Direction::Received), register.position());
        let occurred = Edtf::parse("2024").unwrap();
        let steps = walked(StepsWalk::new(figure, occurred.clone(), up_to), &register);
        let all = [
            (None, moves(&register, figure, 0, up_to)),
            (Some(Arc::new(steps)), moves_of(&register, figure, &occurred, (0, up_to))),
        ];
        assert_eq!(all.clone().map(|(_, moves)| moves.len()), [600, 400]);
        for (steps, all) in all {
            let (mut after, mut found) = (0, Vec::new());
            while found.len() < all.len() {
                let walk = MoveWalk::new(figure, steps.clone(), (after, up_to), 7);
                let mut some = walked(walk, &register);
                assert!(some.len() >= 7.min(all.len() - found.len()), "{}", some.len());
                some.truncate(7);
                after = some.last().unwrap().event;
                found.extend(some);
            }
            assert_eq!(found, all);
        }
    }
}
