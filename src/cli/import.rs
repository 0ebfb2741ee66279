//! `handover import`: events from JSON Lines and CSV, safe to repeat.
//!
//! Each line is one append whose request id follows from its content, so what is already there
//! is recognised by the server. Lines are sent without waiting for the answers, except a line
//! about a claim: it waits for the claim's position, and for earlier lines about the same claim.

mod check;
mod command;
mod content;
pub(super) mod csv;
mod fates;
mod kept;
mod named;
mod pipeline;
mod rows;
mod source;

use std::{
    fmt,
    io::{BufRead, Seek},
};

use self::{
    check::Valid,
    content::Contents,
    fates::{Fate, Fates},
    pipeline::Pipeline,
    source::Source,
};
pub use self::{
    check::check,
    command::{Args, Terminal, run},
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
}

impl Summary {
    /// The exit code that tells it.
    pub fn exit(&self) -> Exit {
        if self.refused == 0 { Exit::Done } else { Exit::RowsRefused }
    }

    /// What came of only checking.
    fn checked(&self) -> String {
        let (refused, good) = (self.refused, self.lines.saturating_sub(self.refused));
        let lines = self.counted();
        format!("{lines}: {good} good, {refused} refused (only checked, nothing was sent)")
    }

    fn count(&mut self, row: &Result<Line, RowError>) {
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
        write!(f, "{lines}: {added} added, {already} already there, {refused} refused")
    }
}

/// Is told how an import goes on.
pub trait Report {
    /// A line was refused.
    fn refused(&mut self, row: &RowError);
    /// Some more lines are done.
    fn advanced(&mut self, summary: &Summary);
}

/// Imports events. Refused lines are reported and counted; only what stops the whole import
/// is a failure, after which it can simply be run again.
pub async fn import(
    client: &Client,
    input: impl BufRead,
    options: Options,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let import = Import {
        pipeline: Pipeline::open(client),
        fates: Fates::default(),
        contents: Contents::default(),
        summary: Summary::default(),
        options,
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
}

struct Import<'a> {
    pipeline: Pipeline<Sent>,
    fates: Fates,
    contents: Contents,
    summary: Summary,
    options: Options,
    /// The refusal that ended the import, with the exit code for it.
    stopped: Option<(Exit, RowError)>,
    report: &'a mut dyn Report,
}

impl Import<'_> {
    async fn run(mut self, mut rows: Source<impl BufRead>) -> Result<Summary, Failure> {
        while self.stopped.is_none()
            && let Some(row) = rows.next()?
        {
            self.summary.count(&row);
            match row {
                Ok(line) => self.line(line).await?,
                Err(error) => self.refuse(None, error, Exit::RowsRefused)?,
            }
            while let Some((sent, outcome)) = self.pipeline.ready()? {
                self.settle(sent, outcome)?;
            }
            self.report.advanced(&self.summary);
        }
        while !self.pipeline.is_empty() {
            self.settle_next().await?;
        }
        self.report.advanced(&self.summary);
        match self.stopped {
            None => Ok(self.summary),
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
        let request_id = self.contents.request_id(stream.as_str(), &event)?.to_string();
        let write = proto::StreamWrite {
            stream: stream.as_str().to_owned(),
            expected_revision: None,
            events: vec![event],
        };
        let request = proto::AppendRequest { request_id, writes: vec![write], condition: None };
        if let Some(id) = &line.id {
            self.fates.set(id.clone(), &Fate::Pending)?;
        }
        self.pipeline.send(request, Sent { line: line.number, id: line.id, stream, about }).await
    }

    async fn settle_next(&mut self) -> Result<(), Failure> {
        let (sent, outcome) = self.pipeline.next().await?;
        self.settle(sent, outcome)
    }

    fn settle(&mut self, sent: Sent, outcome: AppendOutcome) -> Result<(), Failure> {
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
