//! Rows that were imported before and have no effect any more, and recording them anew.
//!
//! Each content has a sequence of request ids, one for each copy of it: the rows of a file have the
//! first ones, and a recording that is made anew has the next. They follow from the content. So a
//! repeated import records nothing twice, and a file that an export wrote afterwards finds both
//! recordings. A row has its effect as long as one recording of its content has.

use prost::Message as _;

use super::{
    kept::{Kept, Key, key},
    summary::Report,
};
use crate::{
    cli::{
        exit::{Exit, Failure},
        lines::RowError,
        undone,
    },
    domain::{
        event::Position,
        proto::{AppendResponse, Undoing, Undone},
    },
};

/// A row with an event that has no effect any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gone {
    /// Which row of the input, counted from 0.
    pub(super) row: u64,
    /// The line in which it begins.
    pub(super) line: u64,
    /// What it says: of equal rows that are all undone, one is recorded anew.
    pub(super) content: Key,
    /// What took the effect away.
    pub(super) undone: Undone,
}

impl Gone {
    fn row_error(&self) -> RowError {
        let problem = format!("was imported before: {}", undone::words(&self.undone));
        RowError::whole(self.line, problem)
    }

    fn to_bytes(self) -> Vec<u8> {
        let (row, line) = (self.row.to_le_bytes(), self.line.to_le_bytes());
        [row.as_slice(), &line, &self.content, &self.undone.encode_to_vec()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (row, rest) = bytes.split_first_chunk()?;
        let (line, rest) = rest.split_first_chunk()?;
        let (content, undone) = rest.split_first_chunk()?;
        let undone = Undone::decode(undone).ok()?;
        let (row, line) = (u64::from_le_bytes(*row), u64::from_le_bytes(*line));
        Some(Self { row, line, content: *content, undone })
    }
}

/// The rows of an input that have no effect any more, and what the input itself undoes. Both grow
/// with the lines, so they are kept as the rest of what an import remembers.
#[derive(Debug, Default)]
pub(super) struct AllGone {
    /// By their number in the order of the answers.
    gone: Kept,
    count: u64,
    /// Positions of the events about claims that the input has.
    about_claims: Kept,
}

impl AllGone {
    /// Notes a row that has no effect any more.
    pub(super) fn add(&mut self, gone: Gone) -> Result<(), Failure> {
        self.gone.set(numbered(self.count), gone.to_bytes())?;
        self.count += 1;
        Ok(())
    }

    /// Notes that a row of the input is an event about a claim, at this position.
    pub(super) fn is_about_a_claim(&mut self, event: Position) -> Result<(), Failure> {
        self.about_claims.set(numbered(event), Vec::new())
    }

    /// Goes through the rows that lost their effect by something else than this input; how many
    /// there are.
    fn for_each(&self, mut visit: impl FnMut(Gone) -> Result<(), Failure>) -> Result<u64, Failure> {
        let mut visited = 0;
        for number in 0..self.count {
            let bytes = self.gone.get(&numbered(number))?.unwrap_or_default();
            let changed = || Failure::new(Exit::Failed, "the import's temporary file was changed");
            let gone = Gone::from_bytes(&bytes).ok_or_else(changed)?;
            if self.about_claims.get(&numbered(gone.undone.by))?.is_none() {
                visited += 1;
                visit(gone)?;
            }
        }
        Ok(visited)
    }

    /// The rows of which `import --again` records one each; equal rows count once.
    pub(super) fn report_each_content(&self, report: &mut dyn Report) -> Result<u64, Failure> {
        let (mut seen, mut count) = (Kept::default(), 0);
        self.for_each(|gone| {
            if seen.get(&gone.content)?.is_none() {
                seen.set(gone.content, Vec::new())?;
                count += 1;
                report.undone(&gone.row_error());
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Reports the rows; how many there are.
    pub(super) fn report(&self, report: &mut dyn Report) -> Result<u64, Failure> {
        self.for_each(|gone| {
            report.undone(&gone.row_error());
            Ok(())
        })
    }
}

/// Rows that are to be recorded anew if they have no effect any more, counted from 0.
#[derive(Debug, Default)]
pub(super) struct Renewed(Kept);

impl Renewed {
    /// The rows that lost their effect by something else than this input, and how many there are.
    pub(super) fn of(gone: &AllGone) -> Result<(Self, u64), Failure> {
        let mut renewed = Self::default();
        let count = gone.for_each(|gone| renewed.0.set(numbered(gone.row), Vec::new()))?;
        Ok((renewed, count))
    }

    pub(super) fn has(&self, row: u64) -> Result<bool, Failure> {
        Ok(self.0.get(&numbered(row))?.is_some())
    }
}

fn numbered(number: u64) -> [u8; 16] {
    key(&number.to_string())
}

/// What took away the effect of what an append recorded, if anything did. A corrected claim stands
/// with its correction: recorded anew, it would be a second claim that contradicts it.
pub(super) fn lost(answer: &AppendResponse) -> Option<Undone> {
    answer.undone.iter().find(|undone| undone.how() != Undoing::Corrected).copied()
}

/// The event that retracted what has no effect any more; 0: the effect was taken away otherwise.
pub(super) fn retracted(undone: &Undone) -> Position {
    if undone.how() == Undoing::Retracted { undone.by } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::Undoing;

    #[test]
    fn rows_that_the_input_itself_undoes_are_passed_over() {
        let mut all = AllGone::default();
        let gone = |row, by| {
            let undone = Undone { position: row + 1, by, how: Undoing::Retracted.into() };
            Gone { row, line: row + 7, content: [7; 16], undone }
        };
        let count = 30_000;
        for row in 0..count {
            all.add(gone(row, count + row)).unwrap();
            if row % 3 == 0 {
                all.is_about_a_claim(count + row).unwrap();
            }
        }
        let mut seen = Vec::new();
        let visited = all.for_each(|gone| {
            seen.push(gone);
            Ok(())
        });
        let expected: Vec<_> =
            (0..count).filter(|row| row % 3 != 0).map(|row| gone(row, count + row)).collect();
        assert_eq!(seen, expected);
        let (renewed, rows) = Renewed::of(&all).unwrap();
        assert_eq!((visited, rows), (Ok(20_000), 20_000));
        assert_eq!([0, 1, 2, 3].map(|row| renewed.has(row)), [false, true, true, false].map(Ok));
    }
}
