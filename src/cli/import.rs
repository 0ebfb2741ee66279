//! `handover import`: events from JSON Lines and CSV, safe to repeat.
//!
//! Each line is one append whose request id follows from its content, so what is already there
//! is recognised by the server. Lines are sent without waiting for the answers, except a line
//! about a claim: it waits for the claim's position, and for earlier lines about the same claim.

mod again;
mod check;
mod command;
mod content;
pub(super) mod csv;
mod fates;
mod kept;
mod looks;
mod named;
mod pipeline;
mod rows;
mod source;
mod summary;

use std::io::{BufRead, Seek};

pub use self::{
    again::import_again,
    check::check,
    command::{Args, Terminal, run},
    summary::{Report, Summary},
};
use self::{
    again::{AllGone, Gone, Renewed, Repeat},
    check::Valid,
    content::Contents,
    fates::{Fate, Fates},
    pipeline::Pipeline,
    source::Source,
};
use crate::{
    cli::{
        exit::{Exit, Failure, words},
        lines::{Line, RowError},
    },
    domain::{event::Position, name::StreamName, proto},
    grpc::client::{AppendOutcome, Client, ClientError, ClientErrorKind},
};

/// How an import goes about lines that are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Ends at the first one; what was added before it stays.
    pub stop_at_refusal: bool,
}

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

/// The outcome of one pass over an input.
struct Passed {
    summary: Summary,
    /// Rows that have no effect any more and were not recorded anew.
    gone: AllGone,
}

/// Imports an input. Records the rows in `renewed` anew if they have no effect any more.
async fn pass(
    client: &Client,
    input: impl BufRead,
    options: Options,
    renewed: Renewed,
    report: &mut dyn Report,
) -> Result<Passed, Failure> {
    let import = Import {
        client: client.clone(),
        pipeline: Pipeline::open(client),
        fates: Fates::default(),
        contents: Contents::default(),
        summary: Summary::default(),
        options,
        rows: 0,
        renewed,
        gone: AllGone::default(),
        stopped: None,
        report,
    };
    import.run(Source::open(input)?).await
}

/// Imports the events of an input if all of them are in order, as far as can be known without the
/// record. What only the server can refuse ends the import there, with the exit code for it.
pub async fn import_checked(
    client: &Client,
    mut input: impl BufRead + Seek,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let checked = check(&mut input, report)?;
    if checked.refused > 0 {
        return Ok(checked);
    }
    input.rewind()?;
    import(client, input, Options { stop_at_refusal: true }, report).await
}

/// A line whose answer is awaited.
struct Sent {
    line: u64,
    id: Option<String>,
    stream: StreamName,
    about: Option<Position>,
    /// Which row of the input it is, counted from 0: a line of a table can give several.
    row: u64,
    repeat: Repeat,
}

struct Import<'a> {
    /// For single calls beside the pipeline.
    client: Client,
    pipeline: Pipeline<Sent>,
    fates: Fates,
    contents: Contents,
    summary: Summary,
    options: Options,
    /// Rows so far.
    rows: u64,
    /// The rows to record anew if they have no effect any more.
    renewed: Renewed,
    /// Rows that have no effect any more.
    gone: AllGone,
    /// The refusal that ended the import, with the exit code for it.
    stopped: Option<(Exit, RowError)>,
    report: &'a mut dyn Report,
}

impl Import<'_> {
    async fn run(mut self, mut rows: Source<impl BufRead>) -> Result<Passed, Failure> {
        while self.stopped.is_none()
            && let Some(row) = rows.next()?
        {
            self.summary.count(&row);
            match row {
                Ok(line) => self.line(line).await?,
                Err(error) => self.refuse(None, error, Exit::RowsRefused)?,
            }
            while let Some((sent, outcome)) = self.pipeline.ready()? {
                self.settle(sent, outcome).await?;
            }
            self.report.advanced(&self.summary);
        }
        while !self.pipeline.is_empty() {
            self.settle_next().await?;
        }
        self.report.advanced(&self.summary);
        match self.stopped {
            None => Ok(Passed { summary: self.summary, gone: self.gone }),
            Some((exit, row)) => {
                let Summary { added, already, .. } = self.summary;
                let so_far = format!("{added} lines added, {already} already there");
                Err(Failure::new(exit, format!("{row}; the import ended there: {so_far}")))
            }
        }
    }

    async fn line(&mut self, line: Line) -> Result<(), Failure> {
        if let Some(id) = &line.id
            && self.fates.get(id)?.is_some()
        {
            let problem = format!("the id {id:?} belongs to an earlier line already");
            return self.refuse(None, RowError::whole(line.number, problem), Exit::RowsRefused);
        }
        let claim = match self.claim(&line).await? {
            Ok(claim) => claim,
            Err(error) => return self.refuse(line.id, error, Exit::RowsRefused),
        };
        let (position, stream) = claim.unzip();
        // What can be told here is told with its column, and in the order of the file.
        match check::valid(&line, position, stream) {
            Ok(valid) => self.send(line, valid).await,
            Err(error) => self.refuse(line.id, error, Exit::RowsRefused),
        }
    }

    /// Position and stream of the claim that the line names by id, if it names one.
    async fn claim(
        &mut self,
        line: &Line,
    ) -> Result<Result<Option<(Position, StreamName)>, RowError>, Failure> {
        let Some(name) = &line.payload.claim else {
            return Ok(Ok(None));
        };
        while self.fates.get(&name.id)? == Some(Fate::Pending) {
            self.settle_next().await?;
        }
        Ok(match self.fates.get(&name.id)? {
            Some(Fate::Recorded { position, stream }) => Ok(Some((position, stream))),
            Some(Fate::Refused | Fate::Pending) => {
                Err(line.claim_error(format!("the line with the id {:?} was refused", name.id)))
            }
            None => Err(line.claim_error(format!("no earlier line has the id {:?}", name.id))),
        })
    }

    async fn send(&mut self, line: Line, valid: Valid) -> Result<(), Failure> {
        let Valid { stream, event, known } = valid;
        let about = known.and_then(|known| known.about());
        // Of two events about one claim that are under way together, the server has to look at
        // the second one again; what comes behind would overtake it.
        let same_claim = |sent: &Sent| about.is_some() && sent.about == about;
        // What the record may forbid goes alone, so that nothing overtakes its refusal.
        let alone = self.options.stop_at_refusal;
        let apart = |sent: &Sent| alone && (about.is_some() || sent.about.is_some());
        while self.pipeline.is_full() || self.pipeline.holds(|sent| same_claim(sent) || apart(sent))
        {
            self.settle_next().await?;
        }
        if self.stopped.is_some() {
            return Ok(());
        }
        let content = self.contents.content(stream.as_str(), &event)?;
        let write = proto::StreamWrite {
            stream: stream.as_str().to_owned(),
            expected_revision: None,
            events: vec![event],
        };
        let repeat = Repeat { content, write };
        let request = repeat.request(0);
        if let Some(id) = &line.id {
            self.fates.set(id.clone(), &Fate::Pending)?;
        }
        let (row, line, id) = (self.rows, line.number, line.id);
        self.rows += 1;
        self.pipeline.send(request, Sent { line, id, stream, about, row, repeat }).await
    }

    async fn settle_next(&mut self) -> Result<(), Failure> {
        let (sent, outcome) = self.pipeline.next().await?;
        self.settle(sent, outcome).await
    }

    async fn settle(&mut self, sent: Sent, outcome: AppendOutcome) -> Result<(), Failure> {
        let outcome = match outcome {
            Ok(response) if again::lost(&response).is_some() => {
                let renewed = self.renewed.has(sent.row)?;
                again::followed(&self.client, &sent.repeat, response, renewed).await
            }
            outcome => outcome,
        };
        let response = match outcome {
            Ok(response) => response,
            Err(error) if is_about_the_row(&error) => {
                let row = RowError::whole(sent.line, words(&error));
                return self.refuse(sent.id, row, Failure::from(error).exit);
            }
            Err(error) => return Err(again(error).during(&format!("line {}", sent.line))),
        };
        if response.duplicate {
            self.summary.already += 1;
        } else {
            self.summary.added += 1;
        }
        if let Some(undone) = again::lost(&response) {
            self.gone.add(Gone { row: sent.row, line: sent.line, undone })?;
        }
        if sent.about.is_some() {
            self.gone.is_about_a_claim(response.first_position)?;
        }
        if let Some(id) = sent.id {
            let position = response.first_position;
            self.fates.set(id, &Fate::Recorded { position, stream: sent.stream })?;
        }
        Ok(())
    }

    /// Notes that a line is refused; `exit` tells why, should that end the import.
    fn refuse(&mut self, id: Option<String>, error: RowError, exit: Exit) -> Result<(), Failure> {
        self.summary.refused += 1;
        if let Some(id) = id {
            self.fates.set(id, &Fate::Refused)?;
        }
        if self.options.stop_at_refusal {
            self.stopped.get_or_insert((exit, error));
        } else {
            self.report.refused(&error);
        }
        Ok(())
    }
}

/// Whether the server refused this one line, rather than being unable to go on.
fn is_about_the_row(error: &ClientError) -> bool {
    matches!(
        error.kind,
        ClientErrorKind::Invalid
            | ClientErrorKind::Conflict
            | ClientErrorKind::NotFound
            | ClientErrorKind::BeyondHead
            | ClientErrorKind::Refused
    )
}

/// Why an import could not go on, and that it can be run again.
fn again(error: ClientError) -> Failure {
    let mut failure = Failure::from(error);
    failure.message.push_str("; run the same import again, it adds nothing twice");
    failure
}

#[cfg(test)]
#[path = "import/tests.rs"]
mod tests;
