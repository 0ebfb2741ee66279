//! What came of an import, and how its progress is reported.

use std::fmt;

use crate::cli::{
    exit::Exit,
    lines::{Line, RowError},
};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that are not blank, or rows of a table; a row gives several events.
    pub lines: u64,
    /// Events that were added.
    pub added: u64,
    /// Events that were there already.
    pub already: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// Of the events that were there already, those that have no effect any more. Events that the
    /// input itself retracts, corrects or replaces do not count.
    pub undone: u64,
}

impl Summary {
    /// The exit code that stands for it.
    pub fn exit(&self) -> Exit {
        match (self.refused, self.undone) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Undone,
            (_, _) => Exit::RowsRefused,
        }
    }

    /// What came of only checking.
    pub(super) fn checked(&self) -> String {
        let (refused, good) = (self.refused, self.lines.saturating_sub(self.refused));
        let lines = self.counted();
        format!("{lines}: {good} good, {refused} refused (only checked, nothing was sent)")
    }

    /// What an import with --again would do.
    pub(super) fn checked_again(&self) -> String {
        let Self { added, already, refused, undone, .. } = self;
        let (lines, already) = (self.counted(), already.saturating_sub(*undone));
        format!(
            "{lines}: {added} would be added, {undone} recorded anew, {already} are there already, \
             {refused} refused (only checked, nothing was recorded)"
        )
    }

    pub(super) fn count(&mut self, row: &Result<Line, RowError>) {
        let continues = row.as_ref().is_ok_and(|line| line.continues);
        self.lines += u64::from(!continues);
    }

    fn counted(&self) -> String {
        let ending = if self.lines == 1 { "" } else { "s" };
        format!("{} line{ending}", self.lines)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, already, refused, .. } = self;
        let lines = self.counted();
        write!(f, "{lines}: {added} added, {already} already there, {refused} refused")?;
        match self.undone {
            0 => Ok(()),
            undone => write!(
                f,
                "; {undone} of those already there are undone since: import with --again records \
                 them anew"
            ),
        }
    }
}

/// Receives how an import goes on.
pub trait Report {
    /// A line was refused.
    fn refused(&mut self, row: &RowError);
    /// A line was imported before, and its event has no effect any more.
    fn undone(&mut self, row: &RowError);
    /// Something that a user should know of the input, and that refuses no line.
    fn noted(&mut self, note: &str);
    /// Some more lines are done.
    fn advanced(&mut self, summary: &Summary);
}
