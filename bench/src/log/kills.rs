//! `kill -9` under load: callers repeat what was not answered, and nothing may be lost by it.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use handover::{
    cli::exit::{Exit, Failure},
    grpc::client::ClientErrorKind,
};
use tokio::sync::watch;

use crate::{
    case::{Bench, Case, Measuring},
    events::{EventGenerator, Layout},
    load::Line,
    meter::{Callers, Meter, finish, joined},
    report::{Outcome, Row},
    statistics::Spread,
    subject::{Readiness, Subject},
};

/// Callers that are at work when the server is killed.
const CALLERS: usize = 32;
/// Acknowledged events before a kill; the exact moment is chance.
const ACKNOWLEDGED: u64 = 500;
/// How long so many may take.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_mins(1);

/// So many kills under load; the check of what was acknowledged follows when the case is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kills;

impl Case for Kills {
    fn name(&self) -> String {
        format!("kill -9 under load from {CALLERS} callers")
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let mut subject = bench.subject().await?;
            let mut load = RetryingLoad::start(&subject);
            let mut ready = Vec::new();
            for _ in 0..bench.plan.kills {
                let readiness = load.kill_and_start_again(&mut subject).await?;
                ready.push(readiness.acknowledged.as_secs_f64());
            }
            load.end().await?;
            bench.retire(subject).await?;
            let row = Row::new("ready again", "s", Spread::of(&ready));
            Ok(Outcome { rows: vec![row], figures: Vec::new() })
        }
        .boxed_local()
    }
}

/// Callers that go on through kills: a caller without a server waits for the next one, and repeats
/// its request with the same request id.
pub(super) struct RetryingLoad {
    meter: Arc<Meter>,
    /// Events that were acknowledged to its callers.
    acknowledged: watch::Receiver<u64>,
    /// Connections to the server that runs; `None` while there is none.
    lines: watch::Sender<Option<Vec<Line>>>,
    callers: Callers,
}

impl RetryingLoad {
    pub(super) fn start(subject: &Subject) -> Self {
        let meter = Meter::new(1);
        let (lines, running) = watch::channel(Some(lines(subject)));
        let (acknowledging, acknowledged) = watch::channel(0);
        let acknowledging = Arc::new(acknowledging);
        let mut callers = Callers::new();
        for caller in 0..CALLERS {
            let caller = RetryingCaller {
                number: caller,
                source: Arc::clone(&subject.source),
                running: running.clone(),
                acknowledging: Arc::clone(&acknowledging),
            };
            callers.spawn(caller.run(Arc::clone(&meter)));
        }
        Self { meter, acknowledged, lines, callers }
    }

    /// Kills the server while it works, and starts it again. Callers go on once its readiness was
    /// measured.
    pub(super) async fn kill_and_start_again(
        &mut self,
        subject: &mut Subject,
    ) -> Result<Readiness, Failure> {
        self.work().await?;
        subject.kill()?;
        self.lines.send_replace(None);
        let readiness = subject.start_again().await?;
        self.lines.send_replace(Some(lines(subject)));
        Ok(readiness)
    }

    /// Lets callers work a little more, then ends them; each gets its last answer.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        self.work().await?;
        self.meter.end();
        finish(self.callers).await
    }

    /// Waits until some more events were acknowledged. A caller that fails ends the wait.
    async fn work(&mut self) -> Result<(), Failure> {
        let mut acknowledged = self.acknowledged.clone();
        let enough = *acknowledged.borrow() + ACKNOWLEDGED;
        let worked = async {
            tokio::select! {
                reached = acknowledged.wait_for(|events| *events >= enough) => {
                    reached.map(drop).map_err(|_| over())
                }
                Some(ended) = self.callers.join_next() => joined(ended).and(Err(over())),
            }
        };
        tokio::time::timeout(ACKNOWLEDGED_WITHIN, worked).await.unwrap_or_else(|_| {
            let problem =
                format!("{ACKNOWLEDGED} appends took longer than {ACKNOWLEDGED_WITHIN:?}");
            Err(Failure::new(Exit::Unavailable, problem))
        })
    }
}

fn lines(subject: &Subject) -> Vec<Line> {
    (0..subject.lanes()).map(|lane| subject.line(lane)).collect()
}

/// A caller that repeats a request until it is answered.
struct RetryingCaller {
    number: usize,
    source: Arc<EventGenerator>,
    running: watch::Receiver<Option<Vec<Line>>>,
    acknowledging: Arc<watch::Sender<u64>>,
}

impl RetryingCaller {
    async fn run(mut self, meter: Arc<Meter>) -> Result<(), Failure> {
        while !meter.has_ended() {
            let batch = self.source.draw(Layout::Streams(CALLERS as u64), 1);
            loop {
                let line = self.line().await?;
                let (_, answer) = line.append(self.source.request(&batch)).await;
                match answer {
                    Ok(response) => {
                        self.source.note(line.lane, &batch, &response);
                        self.acknowledging.send_modify(|events| *events += 1);
                        break;
                    }
                    Err(error) if error.kind == ClientErrorKind::Unavailable => {
                        self.running.changed().await.map_err(|_| over())?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// A connection to the server that runs; waits for one.
    async fn line(&mut self) -> Result<Line, Failure> {
        let running = self.running.wait_for(Option::is_some).await.map_err(|_| over())?;
        let lines = running.as_ref().map(Vec::as_slice).unwrap_or_default();
        lines.get(self.number % lines.len().max(1)).cloned().ok_or_else(over)
    }
}

fn over() -> Failure {
    Failure::new(Exit::Failed, "the load was given up before its callers had ended")
}
