//! Appends: single ones, conditional ones, many events a request, and floods.

use std::{rc::Rc, sync::Arc, time::Instant};

use futures_util::FutureExt as _;
use handover::cli::exit::Failure;

use super::{
    contest::{Compared, Contest, Of, Work},
    figures,
    server::{Server, Shared},
    work::{Place, Source},
};
use crate::{
    case::{Bench, Case, Measuring},
    load::{Caller, start},
    meter::{Meter, watch},
    statistics::Sample,
    table::count,
};

/// Calls that a flood has under way on each connection.
const IN_FLIGHT: usize = 250;

/// How callers append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Requests of so many events from so many callers, each to a stream of its own.
    Closed { callers: usize, events: u32 },
    /// The same with one event, unless the stream has got another since.
    Conditional { callers: usize },
    /// As many single appends at once as a flood has, on each of so many connections.
    Flood { connections: usize },
}

/// A load on all stores in turn.
#[derive(Debug)]
pub(super) struct Appends {
    pub(super) contest: Rc<Contest>,
    pub(super) load: Load,
}

impl Case for Appends {
    fn name(&self) -> String {
        let callers = |callers: usize| {
            format!("{} caller{}", count(callers as u64), if callers == 1 { "" } else { "s" })
        };
        match self.load {
            Load::Closed { callers: many, events: 1 } => {
                format!("single appends, {}", callers(many))
            }
            Load::Closed { callers: many, events } => {
                format!("{} events a request, {}", count(events.into()), callers(many))
            }
            Load::Conditional { callers: many } => {
                format!("conditional appends, {}", callers(many))
            }
            Load::Flood { connections: 1 } => {
                format!("flood, {IN_FLIGHT} in flight on 1 connection")
            }
            Load::Flood { connections } => {
                format!("flood, {IN_FLIGHT} in flight on each of {connections} connections")
            }
        }
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        self.contest.hold(bench, &self.load).boxed_local()
    }
}

impl Work for Load {
    fn lines(&self) -> Vec<String> {
        vec!["append".to_owned()]
    }

    async fn measure(
        &self,
        server: &Server,
        bench: &Bench,
    ) -> Result<Vec<Option<Sample>>, Failure> {
        let usual = bench.plan.connections;
        let (callers, connections) = match *self {
            Self::Closed { callers, .. } | Self::Conditional { callers } => {
                (callers, server.contender.connections(usual, callers))
            }
            Self::Flood { connections } => (connections * IN_FLIGHT, connections),
        };
        let lines = server.connections(connections).await?;
        let meter = Meter::new(lines.len());
        let callers = writers(&lines, &server.source, callers).map(|writer| self.caller(writer));
        Ok(vec![Some(watch(&meter, bench.plan.span(), start(&meter, callers)).await?)])
    }

    fn compared(&self) -> Vec<Compared> {
        let rate = |figure| Compared { figure, of: Of::Rate, lines: (0, 0) };
        let times = |figure| Compared { figure, of: Of::P999, lines: (0, 0) };
        match *self {
            Self::Closed { callers: 1, events: 1 } => vec![rate(figures::CALLERS_1)],
            Self::Closed { callers: 16, events: 1 } => vec![rate(figures::CALLERS_16)],
            Self::Closed { callers: 64, events: 1 } => {
                vec![rate(figures::CALLERS_64), times(figures::CALLERS_64_P999)]
            }
            Self::Closed { callers: 256, events: 1 } => vec![rate(figures::CALLERS_256)],
            Self::Closed { events: 100, .. } => vec![rate(figures::EVENTS_100)],
            Self::Closed { events: 1_000, .. } => vec![rate(figures::EVENTS_1000)],
            Self::Conditional { .. } => {
                vec![rate(figures::CONDITIONAL), times(figures::CONDITIONAL_P999)]
            }
            Self::Flood { connections: 4 } => vec![rate(figures::FLOOD_4)],
            Self::Flood { connections: 16 } => vec![rate(figures::FLOOD_16)],
            Self::Closed { .. } | Self::Flood { .. } => Vec::new(),
        }
    }
}

impl Load {
    fn caller(self, writer: Writer) -> Writer {
        match self {
            Self::Closed { events, .. } => Writer { events, ..writer },
            Self::Conditional { .. } => Writer { conditional: true, ..writer },
            Self::Flood { .. } => writer,
        }
    }
}

/// Callers of single appends, each to a new stream of its own.
pub(super) fn writers(
    lines: &[Shared],
    source: &Arc<Source>,
    callers: usize,
) -> impl Iterator<Item = Writer> {
    let cycled = lines.iter().enumerate().cycle().take(callers);
    cycled.map(|(lane, connection)| Writer {
        connection: Arc::clone(connection),
        lane,
        stream: source.new_stream(),
        source: Arc::clone(source),
        events: 1,
        conditional: false,
        seen: None,
    })
}

/// Appends to a stream of its own, again and again.
pub(super) struct Writer {
    connection: Shared,
    lane: usize,
    source: Arc<Source>,
    stream: u64,
    /// Events of each request.
    events: u32,
    conditional: bool,
    /// The end of the stream, as the last answer had it.
    seen: Option<u64>,
}

impl Caller for Writer {
    async fn call(&mut self, meter: &Meter) -> Result<(), Failure> {
        let batch = self.source.draw(Place::Stream(self.stream), self.events);
        let sent = Instant::now();
        if self.conditional {
            self.seen = Some(self.connection.append_after(&batch, self.seen).await?);
        } else {
            self.connection.append(&batch).await?;
        }
        meter.time(self.lane, sent.elapsed());
        meter.count(u64::from(self.events));
        Ok(())
    }
}
