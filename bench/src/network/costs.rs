//! The same load on two servers in turn: one that has something, and one that does not.

use std::ffi::OsString;

use futures_util::FutureExt as _;
use handover::cli::exit::Failure;

use super::{
    figures::{ACCESS_APPENDS, ACCESS_READS, SCRAPED_APPENDS},
    scraper::Scraper,
};
use crate::{
    case::{Bench, Case, Measuring},
    events::Layout,
    log::{full_read, single_appends},
    login::{Login, Secured},
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series},
    subject::Subject,
    table::number,
};

/// Callers that append.
const CALLERS: usize = 64;

/// What something costs a load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    pub(super) of: Of,
    pub(super) load: Load,
}

/// What one of the servers has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// TLS, and tokens by which callers log in.
    Access,
    /// Metrics that are scraped.
    Scrapes,
}

/// What both servers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Single appends.
    Appends,
    /// Reads of the whole log, one after the other, on one connection.
    Reads,
}

impl Case for Costs {
    fn name(&self) -> String {
        let of = match self.of {
            Of::Access => "by TLS and token",
            Of::Scrapes => "with scraped metrics",
        };
        match self.load {
            Load::Appends => format!("single appends, {CALLERS} callers, {of}"),
            Load::Reads => format!("full reads, left encoded, {of}"),
        }
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let without = bench.subject().await?;
            let with = self.server(bench).await?;
            if self.load == Load::Reads {
                for subject in [&without, &with] {
                    subject.fill(Layout::Shares, bench.plan.read_events).await?;
                }
            }
            let mut series = (Series::new(), Series::new());
            // Each is first in every other pair: what is measured second meets a warmer machine,
            // and larger logs.
            for repeat in 0..bench.plan.repeats.next_multiple_of(2) {
                let (first, second) = if repeat % 2 == 0 {
                    let first = self.measure(bench, &without).await?;
                    (first, self.measure_with(bench, &with).await?)
                } else {
                    let second = self.measure_with(bench, &with).await?;
                    (self.measure(bench, &without).await?, second)
                };
                series.0.add(&first);
                series.1.add(&second);
            }
            bench.retire(without).await?;
            bench.retire(with).await?;
            Ok(self.outcome(&series))
        }
        .boxed_local()
    }
}

impl Costs {
    async fn server(&self, bench: &Bench) -> Result<Subject, Failure> {
        match self.of {
            Of::Access => {
                let Secured { arguments, login } = Secured::new(&bench.folder("secured")?).await?;
                bench.subject_with(&arguments, login).await
            }
            Of::Scrapes => {
                let arguments = ["--metrics-listen", "127.0.0.1:0"].map(OsString::from);
                bench.subject_with(&arguments, Login::default()).await
            }
        }
    }

    async fn scraper(&self, subject: &Subject) -> Result<Option<Scraper>, Failure> {
        match self.of {
            Of::Access => Ok(None),
            Of::Scrapes => Scraper::start(subject).await.map(Some),
        }
    }

    /// The server that has it. It is scraped meanwhile and not longer, so that the other server is
    /// measured alone.
    async fn measure_with(&self, bench: &Bench, with: &Subject) -> Result<Sample, Failure> {
        let _scraper = self.scraper(with).await?;
        self.measure(bench, with).await
    }

    async fn measure(&self, bench: &Bench, subject: &Subject) -> Result<Sample, Failure> {
        // What a server still does in the background must not burden the other one.
        subject.settle(&bench.plan).await?;
        match self.load {
            Load::Appends => single_appends(subject, CALLERS, bench.plan.span()).await,
            Load::Reads => full_read(bench, subject).await,
        }
    }

    fn figure(self) -> &'static str {
        match (self.of, self.load) {
            (Of::Access, Load::Appends) => ACCESS_APPENDS,
            (Of::Access, Load::Reads) => ACCESS_READS,
            (Of::Scrapes, _) => SCRAPED_APPENDS,
        }
    }

    fn outcome(self, (without, with): &(Series, Series)) -> Outcome {
        let value = with.against(without);
        let rows =
            vec![Row::rate("without", without), Row::rate("with", with).against("without", value)];
        let limit = format!("without {} /s", number(without.rate().median));
        Outcome { rows, figures: vec![Measured { figure: self.figure(), value, limit }] }
    }
}
