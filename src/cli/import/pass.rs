//! One pass over an input: its rows are sent, and settled as their answers come.

use std::io::BufRead;

use prost::Message as _;

use super::{
    again::{self, AllGone, Gone, Renewed},
    check,
    claimed::{Claimed, Named},
    content::Contents,
    exported::Exported,
    failures::{again as failed, is_about_the_row},
    kept::{Kept, Key},
    named::NamedClaims,
    outcomes::{self, LineOutcome, LineOutcomes},
    pipeline::Pipeline,
    reading::Reading,
    recordings::{self, Recordings, Repeat},
    source::InputEvents,
    summary::{Report, Summary},
};
use crate::{
    cli::{
        exit::{Exit, Failure, words},
        lines::{Line, RowError},
    },
    domain::proto::AppendResponse,
    grpc::client::{AppendOutcome, Client},
};

/// How an import reads its input, and goes about lines that are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How the input is read.
    pub reading: Reading,
    /// Ends at the first one; what was added before it stays.
    pub stop_at_refusal: bool,
    /// Records nothing, and only finds out what is recorded already.
    pub dry_run: bool,
}

/// The outcome of one pass over an input.
pub(super) struct Passed {
    pub(super) summary: Summary,
    /// Rows that have no effect any more and were not recorded anew.
    pub(super) gone: AllGone,
}

/// Imports an input. Records the rows in `renewed` anew if they have no effect any more.
pub(super) async fn pass(
    client: &Client,
    input: impl BufRead,
    options: Options,
    renewed: Renewed,
    report: &mut dyn Report,
) -> Result<Passed, Failure> {
    let rows = InputEvents::open(input, &options.reading)?;
    let import = Import {
        client: client.clone(),
        pipeline: Pipeline::open(client),
        outcomes: LineOutcomes::default(),
        contents: Contents::default(),
        recordings: Kept::default(),
        exported: Exported::begin(client).await?,
        checked: NamedClaims::default(),
        summary: Summary::default(),
        options,
        rows: 0,
        renewed,
        gone: AllGone::default(),
        stopped: None,
        report,
    };
    import.run(rows).await
}

/// A line that awaits its answer.
struct Sent {
    line: u64,
    id: Option<String>,
    /// Which row of the input it is, counted from 0: a line of a table can give several.
    row: u64,
    repeat: Repeat,
}

struct Import<'a> {
    /// For single calls beside the pipeline.
    client: Client,
    pipeline: Pipeline<Sent>,
    outcomes: LineOutcomes,
    contents: Contents,
    /// Of each content of which a recording has no effect any more, all of them.
    recordings: Kept,
    /// What was read of the store, to know lines of its own export again.
    exported: Exported,
    /// The lines so far, where their claims need not be in the record.
    checked: NamedClaims,
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
    async fn run(mut self, mut rows: InputEvents<impl BufRead>) -> Result<Passed, Failure> {
        while self.stopped.is_none()
            && let Some(row) = check::next_noted(&mut rows, self.report)?
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
            && self.outcomes.get(id)?.is_some()
        {
            let problem = format!("the id {id:?} belongs to an earlier line already");
            return self.refuse(None, RowError::whole(line.number, problem), Exit::RowsRefused);
        }
        if self.options.dry_run
            && let Err(error) = check::row_is_good(&line, &mut self.checked)?
        {
            return self.refuse(line.id, error, Exit::RowsRefused);
        }
        let named = match self.claim(&line).await? {
            Ok(Named::NotRecorded) => return self.would_add(line.id),
            Ok(Named::Claim(claim)) => Some(claim),
            Ok(Named::Nothing) => None,
            Err(error) => return self.refuse(line.id, error, Exit::RowsRefused),
        };
        // What can be found here is reported with its column, and in the order of the file.
        match Repeat::of(&line, named.as_ref(), &self.contents)? {
            Ok(repeat) => self.send(line, repeat).await,
            Err(error) => self.refuse(line.id, error, Exit::RowsRefused),
        }
    }

    async fn send(&mut self, line: Line, repeat: Repeat) -> Result<(), Failure> {
        let about = repeat.about;
        // Of two events about one claim that are under way together, the server has to look at
        // the second one again; what comes behind would overtake it.
        let same_claim = |sent: &Sent| about.is_some() && sent.repeat.about == about;
        // What the record may forbid goes alone, so that nothing overtakes its refusal.
        let alone = self.options.stop_at_refusal;
        let apart = |sent: &Sent| alone && (about.is_some() || sent.repeat.about.is_some());
        while self.pipeline.is_full() || self.pipeline.holds(|sent| same_claim(sent) || apart(sent))
        {
            self.settle_next().await?;
        }
        if self.stopped.is_some() {
            return Ok(());
        }
        let (row, dry_run) = (self.rows, self.options.dry_run);
        self.rows += 1;
        let sent = Sent { line: line.number, id: line.id, row, repeat };
        if let Some(answer) = self.found(&sent).await? {
            return self.settle(sent, Ok(answer)).await;
        }
        if sent.repeat.retracted > 0 {
            let row = retracted_already(&sent);
            return self.refuse(sent.id, row, Exit::RowsRefused);
        }
        self.contents.add(&sent.repeat.content())?;
        if dry_run {
            return self.would_add(sent.id);
        }
        if let Some(id) = &sent.id {
            self.outcomes.set(id.clone(), &LineOutcome::Pending)?;
        }
        match sent.repeat.request() {
            Some(request) => self.pipeline.send(request, sent).await,
            None => Ok(()),
        }
    }

    /// The answer to a recording of the line, if it can be known before the line is sent.
    async fn found(&mut self, sent: &Sent) -> Result<Option<AppendResponse>, Failure> {
        let Sent { id, repeat, .. } = sent;
        let own = self.exported.answer(&self.client, id.as_deref(), repeat).await?;
        if own.is_some() {
            self.contents.add(&repeat.content())?;
            return Ok(own);
        }
        let by = repeat.retracted;
        if by > 0 && self.exported.is_at(&self.client, by, repeat).await? {
            let answer = AppendResponse { first_position: by, duplicate: true, ..<_>::default() };
            self.contents.add(&repeat.content())?;
            return Ok(Some(answer));
        }
        repeat.found(&self.client, self.options.dry_run, &mut self.contents).await
    }

    /// Notes that a dry run did not find a line in the record.
    fn would_add(&mut self, id: Option<String>) -> Result<(), Failure> {
        self.summary.added += 1;
        id.map_or(Ok(()), |id| self.outcomes.set(id, &LineOutcome::NotRecorded))
    }

    async fn settle_next(&mut self) -> Result<(), Failure> {
        let (sent, outcome) = self.pipeline.next().await?;
        self.settle(sent, outcome).await
    }

    async fn settle(&mut self, sent: Sent, outcome: AppendOutcome) -> Result<(), Failure> {
        let own = outcome.as_ref().map_or(0, |response| response.first_position);
        let undone = outcome.as_ref().ok().and_then(again::lost);
        let outcome = match outcome {
            Ok(first) if undone.is_some() => self.recorded_since(&sent, first).await?,
            outcome => outcome,
        };
        let response = match outcome {
            Ok(response) => response,
            Err(error) if is_about_the_row(&error) => {
                let row = RowError::whole(sent.line, words(&error));
                return self.refuse(sent.id, row, Failure::from(error).exit);
            }
            Err(error) => return Err(failed(error).during(&format!("line {}", sent.line))),
        };
        if response.duplicate {
            self.summary.already += 1;
        } else {
            self.summary.added += 1;
        }
        if let Some(undone) = again::lost(&response) {
            let content = sent.repeat.content();
            self.gone.add(Gone { row: sent.row, line: sent.line, content, undone })?;
        }
        if sent.repeat.about.is_some() {
            self.gone.is_about_a_claim(response.first_position)?;
        }
        if let Some(id) = sent.id {
            let content = sent.repeat.content();
            let undone =
                undone.map(|it| outcomes::Gone { content, retracted: again::retracted(&it) });
            let outcome =
                LineOutcome::Recorded { position: own, stream: sent.repeat.stream, undone };
            self.outcomes.set(id, &outcome)?;
        }
        Ok(())
    }

    /// The answer to a recording of a row that has its effect, where the row's own has none any
    /// more; or else to the last one. Records the row anew if that is meant.
    async fn recorded_since(
        &mut self,
        sent: &Sent,
        first: AppendResponse,
    ) -> Result<AppendOutcome, Failure> {
        let content = sent.repeat.content();
        let known = self.recordings(&content)?;
        let renewed = self.renewed.has(sent.row)?;
        let all = async {
            let mut all = match known {
                Some(known) => known,
                None => Recordings::of(&self.client, &sent.repeat).await?,
            };
            if renewed && all.standing().is_none() {
                all.record_anew(&self.client, &sent.repeat).await?;
            }
            all.recorded_otherwise(first);
            Ok(all)
        };
        let mut all: Recordings = match all.await {
            Ok(all) => all,
            Err(error) => return Ok(Err(error)),
        };
        let answer = all.answer().cloned().unwrap_or_default();
        // For the next copy of this line, it was there already.
        all.is_known();
        self.recordings.set(content, all.encode_to_vec())?;
        Ok(Ok(answer))
    }

    /// The claim that the line names by id, if it names one.
    async fn claim(&mut self, line: &Line) -> Result<Result<Named, RowError>, Failure> {
        let Some(name) = &line.payload.claim else {
            return Ok(Ok(Named::Nothing));
        };
        while self.outcomes.get(&name.id)? == Some(LineOutcome::Pending) {
            self.settle_next().await?;
        }
        Ok(match self.outcomes.get(&name.id)? {
            Some(LineOutcome::Recorded { position, stream, undone }) => {
                let retracted = undone.map_or(0, |gone| gone.retracted);
                let (own, target, others) = (position, position, Vec::new());
                let mut claimed = Claimed { own, others, target, retracted, stream };
                if let Some(gone) = undone
                    && let Some(all) = self.recordings(&gone.content)?
                {
                    // Those of no other copy in the file.
                    let others = all.others(own, self.contents.copies(&gone.content)?);
                    claimed.choose(others, all.standing());
                }
                Ok(Named::Claim(claimed))
            }
            Some(LineOutcome::NotRecorded) => Ok(Named::NotRecorded),
            Some(LineOutcome::Refused | LineOutcome::Pending) => {
                Err(line.claim_error(format!("the line with the id {:?} was refused", name.id)))
            }
            None => Err(line.claim_error(format!("no earlier line has the id {:?}", name.id))),
        })
    }

    /// What is remembered of the recordings of a content.
    fn recordings(&self, content: &Key) -> Result<Option<Recordings>, Failure> {
        self.recordings.get(content)?.map(|bytes| recordings::decoded(&bytes)).transpose()
    }

    /// Notes that a line is refused; `exit` says why, if that ends the import.
    fn refuse(&mut self, id: Option<String>, error: RowError, exit: Exit) -> Result<(), Failure> {
        self.summary.refused += 1;
        if let Some(id) = id {
            self.outcomes.set(id, &LineOutcome::Refused)?;
        }
        if self.options.stop_at_refusal {
            self.stopped.get_or_insert((exit, error));
        } else {
            self.report.refused(&error);
        }
        Ok(())
    }
}

/// Why a retraction is not recorded if another event has retracted its claim.
fn retracted_already(sent: &Sent) -> RowError {
    let (by, claim) = (sent.repeat.retracted, sent.repeat.about.unwrap_or_default());
    let problem = format!(
        "claim {claim} is retracted already, by the event at {by}, which says something else; to \
         retract what was recorded anew since, use `handover claims retract`"
    );
    RowError::whole(sent.line, problem)
}
