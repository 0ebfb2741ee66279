//! Turns: each store does the same work after the other, again and again, so that a machine that
//! becomes slower in between does so for all of them.

use std::cell::Cell;

use futures_util::future::try_join_all;
use handover::cli::exit::Failure;

use super::{contender::Contender, install::Tools, server::Server};
use crate::{
    case::Bench,
    plan::Plan,
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series, Spread},
};

/// Which stores are compared, and how.
#[derive(Debug)]
pub(super) struct Contest {
    /// handover first.
    pub(super) contenders: Vec<Contender>,
    pub(super) tools: Tools,
    /// Each repeat gets an empty server.
    pub(super) fresh: bool,
    servers: Cell<u32>,
}

/// What each store does.
pub(super) trait Work {
    /// Names of what is measured; each repeat gives one sample of each.
    fn lines(&self) -> Vec<String>;

    /// Whether a store can do it.
    fn suits(&self, _contender: &Contender) -> bool {
        true
    }

    /// What is put into an empty server before.
    async fn prepare(&self, _server: &Server, _plan: &Plan) -> Result<(), Failure> {
        Ok(())
    }

    /// Does it once; a line that the store cannot do has no sample.
    async fn measure(&self, server: &Server, bench: &Bench)
    -> Result<Vec<Option<Sample>>, Failure>;

    /// What of it is to reach something.
    fn compared(&self) -> Vec<Compared> {
        Vec::new()
    }
}

/// A figure that compares handover with the better of UmaDB's settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared {
    pub(super) figure: &'static str,
    pub(super) of: Of,
    /// The line of handover, and that of the other.
    pub(super) lines: (usize, usize),
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Rate,
    P99,
    P999,
}

/// What one store has shown, line by line.
#[derive(Debug)]
struct Shown {
    contender: Contender,
    lines: Vec<Series>,
}

impl Contest {
    pub(super) fn new(contenders: Vec<Contender>, tools: Tools, fresh: bool) -> Self {
        Self { contenders, tools, fresh, servers: Cell::new(0) }
    }

    /// Has all stores that can do the work do it in turn.
    pub(super) async fn hold<W: Work>(&self, bench: &Bench, work: &W) -> Result<Outcome, Failure> {
        let suited = self.contenders.iter().filter(|contender| work.suits(contender));
        let mut shown: Vec<Shown> = suited
            .map(|contender| Shown {
                contender: contender.clone(),
                lines: work.lines().iter().map(|_| Series::new()).collect(),
            })
            .collect();
        let mut servers = Vec::new();
        if !self.fresh {
            for one in &shown {
                servers.push(self.start(&one.contender, bench, work).await?);
            }
        }
        for _ in 0..bench.plan.repeats {
            for (place, one) in shown.iter_mut().enumerate() {
                if self.fresh {
                    servers.push(self.start(&one.contender, bench, work).await?);
                }
                // What any of them still does in the background must not burden the others.
                try_join_all(servers.iter().map(|it| it.settle(bench.plan.rest))).await?;
                let turn = if self.fresh { 0 } else { place };
                if let Some(server) = servers.get(turn) {
                    one.add(work.measure(server, bench).await.map_err(|it| one.named(it))?);
                }
                if self.fresh {
                    end(&mut servers, bench).await?;
                }
            }
        }
        end(&mut servers, bench).await?;
        Ok(outcome(work, &shown))
    }

    /// A server with what the work needs in it.
    async fn start<W: Work>(
        &self,
        contender: &Contender,
        bench: &Bench,
        work: &W,
    ) -> Result<Server, Failure> {
        self.servers.set(self.servers.get() + 1);
        let home = bench.folder(&format!("peer-{}", self.servers.get()))?;
        let named = |failure: Failure| failure.during(&contender.to_string());
        let server = Server::start(contender, (bench, &self.tools), home).await.map_err(named)?;
        work.prepare(&server, &bench.plan).await.map_err(named)?;
        Ok(server)
    }
}

async fn end(servers: &mut Vec<Server>, bench: &Bench) -> Result<(), Failure> {
    for server in servers.drain(..) {
        server.end(bench).await?;
    }
    Ok(())
}

impl Shown {
    fn add(&mut self, samples: Vec<Option<Sample>>) {
        for (series, sample) in self.lines.iter_mut().zip(samples) {
            if let Some(sample) = sample {
                series.add(&sample);
            }
        }
    }

    fn named(&self, failure: Failure) -> Failure {
        failure.during(&self.contender.to_string())
    }

    /// A line that was measured.
    fn line(&self, index: usize) -> Option<&Series> {
        self.lines.get(index).filter(|series| !series.rates.is_empty())
    }
}

/// A row for each store and line; beside the others, what handover has of them.
fn outcome<W: Work>(work: &W, shown: &[Shown]) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, line) in work.lines().iter().enumerate() {
        let own = shown.first().and_then(|first| first.line(index));
        for one in shown {
            let Some(series) = one.line(index) else { continue };
            let row = Row::rate(format!("{line}: {}", one.contender), series);
            // A store that answered nothing while it was measured has no rate to compare with.
            let has_rates = series.rates.iter().all(|rate| *rate > 0.0);
            let compared = own.filter(|_| one.contender != Contender::Handover && has_rates);
            outcome.rows.push(match compared {
                Some(own) => {
                    row.against(format!("handover / {}", one.contender), own.against(series))
                }
                None => row,
            });
        }
    }
    let figures = work.compared();
    outcome.figures = figures.iter().filter_map(|compared| compared.measured(shown)).collect();
    outcome
}

impl Compared {
    /// The value of the figure, if handover and UmaDB were measured.
    fn measured(&self, shown: &[Shown]) -> Option<Measured> {
        let (own_line, other_line) = self.lines;
        let own = shown.first()?.line(own_line)?;
        let is_umadb = |it: &&Shown| matches!(it.contender, Contender::Umadb { .. });
        let others = shown.iter().filter(is_umadb).filter_map(|it| it.line(other_line));
        let others: Vec<&Series> = others.collect();
        let (value, limit) = match self.of {
            Of::Rate => {
                let best = best(&others);
                let ratios = own.rates.iter().zip(&best).map(|(own, best)| own / best);
                let rate = Spread::of(&best).median;
                let ratios = Spread::of(&ratios.collect::<Vec<_>>());
                (ratios, format!("the better UmaDB {} /s", crate::table::number(rate)))
            }
            Of::P99 | Of::P999 => {
                let least = others.iter().filter_map(|it| self.time(it)).min_by(f64::total_cmp)?;
                let limit = format!("the better UmaDB {} ms", crate::table::number(least));
                (Spread::exactly(self.time(own)? / least), limit)
            }
        };
        (!others.is_empty()).then_some(Measured { figure: self.figure, value, limit })
    }

    fn time(&self, series: &Series) -> Option<f64> {
        let latency = series.latency()?;
        Some(if self.of == Of::P99 { latency.p99 } else { latency.p999 })
    }
}

/// The highest rate of each repeat.
fn best(all: &[&Series]) -> Vec<f64> {
    let repeats = all.iter().map(|series| series.rates.len()).min().unwrap_or_default();
    let highest = |repeat: usize| {
        all.iter().filter_map(|it| it.rates.get(repeat)).copied().fold(0.0, f64::max)
    };
    (0..repeats).map(highest).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::statistics::Times;

    struct Nothing;

    impl Work for Nothing {
        fn lines(&self) -> Vec<String> {
            vec!["append".to_owned()]
        }

        async fn measure(&self, _: &Server, _: &Bench) -> Result<Vec<Option<Sample>>, Failure> {
            Ok(vec![None])
        }

        fn compared(&self) -> Vec<Compared> {
            [Of::Rate, Of::P999].map(|of| Compared { figure: "x", of, lines: (0, 0) }).to_vec()
        }
    }

    fn shown(contender: Contender, rates: &[f64], longest: u64) -> Shown {
        let mut series = Series::new();
        for rate in rates {
            let mut latency = Times::new();
            latency.record(Duration::from_millis(longest));
            let pause = Duration::ZERO;
            series.add(&Sample { rates: vec![*rate], refused: 0, latency, pause });
        }
        Shown { contender, lines: vec![series] }
    }

    #[test]
    fn handover_is_compared_with_the_better_umadb_of_each_repeat() {
        let all = [
            shown(Contender::Handover, &[200.0, 100.0, 300.0], 8),
            shown(Contender::Umadb { tuned: false }, &[100.0, 40.0, 100.0], 4),
            shown(Contender::Umadb { tuned: true }, &[50.0, 50.0, 200.0], 2),
            shown(Contender::MessageDb, &[], 0),
        ];
        let outcome = outcome(&Nothing, &all);
        let names: Vec<&str> = outcome.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["append: handover", "append: UmaDB", "append: UmaDB tuned"]);
        let ratio = outcome.rows[1].against.as_ref().unwrap();
        assert_eq!(ratio.ratio, Spread { median: 2.5, min: 2.0, max: 3.0 });
        let [rate, time] = &outcome.figures[..] else { panic!("{:?}", outcome.figures) };
        assert_eq!(rate.value, Spread { median: 2.0, min: 1.5, max: 2.0 });
        assert!((time.value.median - 4.0).abs() < 0.01, "{time:?}");
    }

    #[test]
    fn without_umadb_nothing_is_judged() {
        let all = [shown(Contender::Handover, &[1.0], 1), shown(Contender::JetStream, &[1.0], 1)];
        assert!(outcome(&Nothing, &all).figures.is_empty());
    }
}
