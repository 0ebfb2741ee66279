//! `handover import`: events from JSON Lines and CSV, safe to repeat.
//!
//! Each line is one append with a request id that follows from its content, so the server
//! recognises what is already there. Lines are sent without waiting for the answers, except a line
//! about a claim: it waits for the claim's position, and for earlier lines about the same claim.

mod again;
mod check;
mod claimed;
pub mod command;
mod content;
pub(super) mod csv;
mod decoded;
mod exported;
mod failures;
mod kept;
mod looks;
mod named;
mod outcomes;
mod pass;
mod pipeline;
mod reading;
mod recordings;
mod rows;
mod source;
mod summary;

use std::io::{BufRead, Seek};

use self::{
    again::Renewed,
    pass::{Passed, pass},
};
pub use self::{
    check::check,
    pass::Options,
    reading::Reading,
    summary::{Report, Summary},
};
use crate::{
    cli::{exit::Failure, lines::RowError},
    grpc::client::Client,
};

/// Imports events. Refused lines are reported and counted; only what stops the whole import
/// is a failure, after which it can simply be run again.
pub async fn import(
    client: &Client,
    input: impl BufRead,
    options: Options,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let Passed { summary, gone } = pass(client, input, options, Renewed::default(), report).await?;
    Ok(Summary { undone: gone.report(report)?, ..summary })
}

/// Imports the events of an input if all of them are in order, as far as can be known without the
/// record. What only the server can refuse ends the import there, with the exit code for it.
pub async fn import_checked(
    client: &Client,
    mut input: impl BufRead + Seek,
    reading: Reading,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let checked = check(&mut input, &reading, report)?;
    if checked.refused > 0 {
        return Ok(checked);
    }
    input.rewind()?;
    import(client, input, Options { reading, stop_at_refusal: true, dry_run: false }, report).await
}

/// Imports events, and records anew those that were imported before and have no effect any more. An
/// event that the input itself retracts or corrects is left as it is.
///
/// Only the end of the input shows which events these are, so the import reads it twice. Its second
/// pass may accept a line that the first one refuses, about a row that is recorded anew. So what is
/// refused is reported by the second pass.
pub async fn import_again(
    client: &Client,
    mut input: impl BufRead + Seek,
    options: Options,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let mut silent = Silent(report);
    let first = pass(client, &mut input, options.clone(), Renewed::default(), &mut silent).await?;
    let (renewed, count) = Renewed::of(&first.gone)?;
    if count == 0 && first.summary.refused == 0 {
        return Ok(first.summary);
    }
    input.rewind()?;
    let Passed { summary, gone } = pass(client, input, options, renewed, report).await?;
    // The second pass finds what the first one added.
    let added = first.summary.added;
    Ok(Summary {
        added: summary.added + added,
        already: summary.already.saturating_sub(added),
        undone: gone.report(report)?,
        ..summary
    })
}

/// Checks an input, and asks the server what an import of it with --again would do. Records
/// nothing.
pub async fn check_again(
    client: &Client,
    input: impl BufRead,
    reading: Reading,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let options = Options { reading, dry_run: true, stop_at_refusal: false };
    let Passed { summary, gone } = pass(client, input, options, Renewed::default(), report).await?;
    Ok(Summary { undone: gone.report_each_content(report)?, ..summary })
}

/// Reports no row: a second pass does.
struct Silent<'a>(&'a mut dyn Report);

impl Report for Silent<'_> {
    fn refused(&mut self, _: &RowError) {}

    fn undone(&mut self, _: &RowError) {}

    fn noted(&mut self, note: &str) {
        self.0.noted(note);
    }

    fn advanced(&mut self, _: &Summary) {}
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tests;
