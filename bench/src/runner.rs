//! Runs the cases of a suite one after the other, and reports what they measure.

use std::io::{self, Write as _};

use handover::{
    cli::exit::Failure,
    domain::proto::{ReadRequest, read_request::Start},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    case::{Bench, Case, Suite},
    encoded::counted,
    events::Layout,
    machine::{Busy, ReportHeader},
    markdown,
    report::{CaseReport, Measured, Report, judge},
    table,
};

/// Why a case is left out when the server is only an address.
const NOT_OURS: &str = "needs a server of the bench's own, so leave out --server";

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people, case by case
    Table,
    /// All of it as one JSON object, at the end
    Json,
    /// All of it as tables of Markdown, at the end
    Markdown,
}

/// Runs those cases of a suite that have `only` in their names.
pub(super) async fn run(
    suite: &Suite,
    bench: &mut Bench,
    head: ReportHeader,
    show: Show,
) -> Result<(), Failure> {
    let stored_bytes = probe(bench).await?;
    bench.stored_bytes = stored_bytes;
    let mut head = head;
    head.event.stored_bytes = stored_bytes;
    show.text(|| table::head(&head))?;
    let (mut cases, mut measured) = (Vec::new(), Vec::new());
    for case in suite.cases.iter().filter(|case| show.wants(case.as_ref())) {
        let report = run_case(case.as_ref(), bench, &show, &mut measured).await?;
        show.text(|| table::case(&report))?;
        cases.push(report);
    }
    let (figures, verified) = (judge(suite.figures, &measured), bench.verified());
    show.text(|| table::figures(&figures, verified))?;
    show.whole(&Report { head, cases, verified, figures })
}

async fn run_case(
    case: &dyn Case,
    bench: &Bench,
    show: &Show,
    measured: &mut Vec<Measured>,
) -> Result<CaseReport, Failure> {
    let name = case.name();
    if case.needs_process() && !bench.controls_the_server() {
        return Ok(CaseReport { name, left_out: Some(NOT_OURS), others: 0.0, rows: Vec::new() });
    }
    show.bar.set_message(name.clone());
    let echo = bench.echo().process()?;
    let busy = Busy::now(echo)?;
    let outcome = case.run(bench).await.map_err(|failure| failure.during(&name))?;
    measured.extend(outcome.figures);
    let others = busy.others_until(&Busy::now(echo)?);
    Ok(CaseReport { name, left_out: None, others, rows: outcome.rows })
}

/// Appends one event and reads it back. Finds early that a server cannot be used, and measures
/// how many bytes one event takes.
async fn probe(bench: &Bench) -> Result<usize, Failure> {
    let subject = bench.subject().await?;
    let line = subject.line(0);
    let batch = subject.source.draw(Layout::Streams(1), 1);
    let response = line.client.append(subject.source.request(&batch)).await?;
    subject.source.note(0, &batch, &response);
    let start = Some(Start::AfterPosition(response.first_position - 1));
    let request = ReadRequest { start, limit: Some(1), ..ReadRequest::default() };
    let bytes = counted(&line.client, request).await?.bytes;
    bench.retire(subject).await?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// How a bench is shown while it runs, and which of its cases are wanted.
pub(super) struct Show {
    output: Output,
    only: Option<String>,
    bar: ProgressBar,
}

impl Show {
    pub(super) fn new(output: Output, only: Option<String>) -> Self {
        // It shows only on a terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { output, only, bar }
    }

    fn wants(&self, case: &dyn Case) -> bool {
        self.only.as_ref().is_none_or(|only| case.name().contains(only.as_str()))
    }

    /// Prints a part for people.
    fn text(&self, part: impl FnOnce() -> String) -> io::Result<()> {
        if self.output != Output::Table {
            return Ok(());
        }
        self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(part().as_bytes())?;
            out.flush()
        })
    }

    /// Prints everything for machines, at the end.
    fn whole(&self, report: &Report) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let text = match self.output {
            Output::Table => return Ok(()),
            Output::Json => serde_json::to_string_pretty(report)?,
            Output::Markdown => markdown::report(report).map_err(io::Error::other)?,
        };
        Ok(writeln!(io::stdout(), "{}", text.trim_end())?)
    }
}
