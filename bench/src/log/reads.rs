//! Reads of one log: all of it, backwards, and streams and tags that hold more or less of it.
//!
//! A client that decodes events spends more on that than the server on sending them. So most
//! reads are counted as they come, still encoded, and one is decoded to show the difference.

use std::time::Instant;

use futures_util::{FutureExt as _, TryStreamExt as _};
use handover::{
    cli::exit::Failure,
    domain::proto::{Filter, FilterItem, ReadDirection, ReadRequest},
};

use super::figures::{FULL_READ, STREAM_READ, TAG_READ};
use crate::{
    case::{Bench, Case, Measuring},
    encoded::Counted,
    events::{Identity, Layout},
    load::{Caller, Line, start},
    meter::{Meter, watch},
    report::{Measured, Outcome, Row},
    shares::{SELECTIVITIES, stream_of_one_in},
    statistics::{Sample, Series, Spread},
    subject::Subject,
    table::{count, number},
};

/// The selectivity that gives the figures to compare.
const COMPARED: u64 = 1_000;

/// All reads of one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadKind {
    All,
    Backwards,
    Decoded,
    Stream(u64),
    Tag(u64),
}

impl Case for Reads {
    fn name(&self) -> String {
        "reads, one reader; times are of whole reads".to_owned()
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            subject.fill(Layout::Shares, bench.plan.read_events).await?;
            subject.settle(&bench.plan).await?;
            let mut all: Vec<(ReadKind, Series)> =
                kinds().into_iter().map(|kind| (kind, Series::new())).collect();
            for _ in 0..bench.plan.repeats {
                for (kind, series) in &mut all {
                    series.add(&read_for(bench, &subject, *kind).await?);
                }
            }
            let events = subject.source.acknowledged();
            bench.retire(subject).await?;
            Ok(outcome(&all, events))
        }
        .boxed_local()
    }
}

fn kinds() -> Vec<ReadKind> {
    let mut kinds = vec![ReadKind::All, ReadKind::Decoded, ReadKind::Backwards];
    kinds.extend(SELECTIVITIES.map(ReadKind::Stream));
    kinds.extend(SELECTIVITIES.map(ReadKind::Tag));
    kinds
}

impl ReadKind {
    fn name(self) -> String {
        match self {
            Self::All => "full, left encoded".to_owned(),
            Self::Decoded => "full, decoded".to_owned(),
            Self::Backwards => "full, backwards, left encoded".to_owned(),
            Self::Stream(of) => format!("one stream, 1 in {}, left encoded", count(of)),
            Self::Tag(of) => format!("one tag, 1 in {}, left encoded", count(of)),
        }
    }

    fn figure(self) -> Option<&'static str> {
        match self {
            Self::All => Some(FULL_READ),
            Self::Stream(COMPARED) => Some(STREAM_READ),
            Self::Tag(COMPARED) => Some(TAG_READ),
            Self::Backwards | Self::Decoded | Self::Stream(_) | Self::Tag(_) => None,
        }
    }

    fn request(self, identity: Identity) -> ReadRequest {
        let item = match self {
            Self::All | Self::Backwards | Self::Decoded => None,
            Self::Stream(of) => Some(FilterItem {
                streams: vec![identity.stream(stream_of_one_in(of))],
                ..FilterItem::default()
            }),
            Self::Tag(of) => {
                Some(FilterItem { tags: vec![identity.tag(of)], ..FilterItem::default() })
            }
        };
        let direction = if self == Self::Backwards {
            ReadDirection::Backwards
        } else {
            ReadDirection::Forwards
        };
        ReadRequest {
            filter: item.map(|item| Filter { items: vec![item] }),
            direction: direction.into(),
            ..ReadRequest::default()
        }
    }
}

/// One reader of everything, which leaves it encoded, for a while.
pub(crate) async fn full_read(bench: &Bench, subject: &Subject) -> Result<Sample, Failure> {
    read_for(bench, subject, ReadKind::All).await
}

async fn read_for(bench: &Bench, subject: &Subject, kind: ReadKind) -> Result<Sample, Failure> {
    let meter = Meter::new(1);
    let reader = Reader {
        line: subject.line(0),
        request: kind.request(subject.source.identity()),
        decodes: kind == ReadKind::Decoded,
    };
    watch(&meter, bench.plan.span(), start(&meter, std::iter::once(reader))).await
}

/// Reads the same again and again.
struct Reader {
    line: Line,
    request: ReadRequest,
    decodes: bool,
}

impl Caller for Reader {
    async fn call(&mut self, meter: &Meter) -> Result<(), Failure> {
        let begun = Instant::now();
        let whole = if self.decodes { self.decode(meter).await? } else { self.pass(meter).await? };
        if whole {
            meter.time(self.line.lane, begun.elapsed());
        }
        Ok(())
    }
}

impl Reader {
    /// Whether the read came to its end before the measurement did.
    async fn pass(&self, meter: &Meter) -> Result<bool, Failure> {
        let mut messages = self.line.client.read_encoded(self.request.clone());
        while let Some(message) = messages.try_next().await? {
            meter.count(Counted::of(message)?.events);
            if meter.has_ended() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn decode(&self, meter: &Meter) -> Result<bool, Failure> {
        let mut batches = self.line.client.read(self.request.clone());
        while let Some(batch) = batches.try_next().await? {
            meter.count(batch.events.len() as u64);
            if meter.has_ended() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn outcome(all: &[(ReadKind, Series)], events: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let full = all.iter().find(|(kind, _)| *kind == ReadKind::All).map(|(_, series)| series);
    for (kind, series) in all {
        let of_full = full.map_or(Spread::exactly(0.0), |full| series.against(full));
        let row = Row::rate(kind.name(), series);
        let partial = *kind != ReadKind::All;
        outcome.rows.push(if partial { row.against("full read", of_full) } else { row });
        outcome.figures.extend(kind.figure().map(|figure| Measured {
            figure,
            value: if partial { of_full } else { series.rate() },
            limit: match full {
                Some(full) if partial => format!("full read {} /s", number(full.rate().median)),
                _ => format!("a log of {} events", count(events)),
            },
        }));
    }
    outcome
}
