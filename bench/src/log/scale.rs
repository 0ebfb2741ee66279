//! A large log: what it takes of memory and disk, how soon it serves, and whether it slows down.

mod growth;

use std::time::Duration;

use futures_util::FutureExt as _;
use handover::{cli::exit::Failure, domain::proto::ReadRequest};

use self::growth::{Growth, fill_watched};
use super::{
    appends::{Appends, StreamChoice, USUAL_CALLERS, closed_loop},
    figures::{DISK, GROWTH, KEPT_RATE, MEMORY, READY_CLEAN, READY_KILLED},
    kills::RetryingLoad,
};
use crate::{
    case::{Bench, Case, Measuring},
    encoded::{Counted, counted},
    events::{Layout, PAYLOAD_BYTES},
    report::{Measured, Outcome, Row},
    statistics::{Series, Spread, approximate},
    subject::{Readiness, Subject},
    table::count,
    workspace::disk_bytes,
};

/// Bytes of a megabyte, the unit of memory in reports.
const MEGABYTE: f64 = 1e6;

/// Everything that depends on how large the log is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale;

impl Case for Scale {
    fn name(&self) -> String {
        "a large log".to_owned()
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let mut subject = bench.subject().await?;
            let mut outcome = Outcome::default();
            let layout = Layout::Streams(bench.plan.scale_streams);
            let growth = fill_watched(&subject, layout, &bench.plan).await?;
            memory(&mut outcome, &growth, bench);
            subject.settle(&bench.plan).await?;
            disk(&mut outcome, &subject).await?;
            kept_rate(&mut outcome, bench, &subject).await?;
            readiness(&mut outcome, bench, &mut subject).await?;
            bench.retire(subject).await?;
            Ok(outcome)
        }
        .boxed_local()
    }
}

fn megabytes(bytes: u64) -> f64 {
    approximate(bytes) / MEGABYTE
}

fn memory(outcome: &mut Outcome, growth: &Growth, bench: &Bench) {
    let (events, streams) = (growth.events, bench.plan.scale_streams);
    let loaded = Row::new("loaded, one event a request", "events/s", Spread::exactly(growth.rate));
    let what = format!(
        "{} events, each with its request id, in {} streams",
        count(events),
        count(streams)
    );
    outcome.rows.push(loaded.note(what));
    for (events, memory) in &growth.marks {
        let name = format!("resident memory at {} events", count(*events));
        let row = Row::new(name, "MB", Spread::exactly(megabytes(memory.resident)));
        let (own, files) = (megabytes(memory.anonymous), megabytes(memory.files));
        outcome.rows.push(row.note(format!("{own:.0} MB its own, {files:.0} MB of files")));
    }
    let most = Spread::exactly(megabytes(growth.most));
    outcome.rows.push(Row::new("resident memory at most", "MB", most));
    let limit = format!("{} events, {} streams", count(events), count(streams));
    outcome.figures.push(Measured { figure: MEMORY, value: most, limit });
    if let Some(ratio) = growth.whole_against_half() {
        let limit = format!("at {} and {} events", count(events), count(events / 2));
        let value = Spread::exactly(ratio);
        outcome.figures.push(Measured { figure: GROWTH, value, limit });
    }
}

async fn disk(outcome: &mut Outcome, subject: &Subject) -> Result<(), Failure> {
    let Some(home) = subject.home() else { return Ok(()) };
    let occupied = approximate(disk_bytes(&Subject::data(home))?);
    let begun = std::time::Instant::now();
    let Counted { events, bytes } =
        counted(&subject.line(0).client, ReadRequest::default()).await?;
    let rate = approximate(events) / begun.elapsed().as_secs_f64();
    let row = Row::new("read once in full, left encoded", "events/s", Spread::exactly(rate));
    outcome.rows.push(row.note(format!("{} events", count(events))));
    let payload = approximate(events * PAYLOAD_BYTES as u64);
    let of_payload = Spread::exactly(occupied / payload);
    let row = Row::new("disk, once it is at rest", "MB", Spread::exactly(occupied / MEGABYTE));
    let stored = approximate(bytes);
    outcome.rows.push(row.note(format!(
        "{:.2} x the payload, {:.2} x the stored events of {:.0} bytes",
        of_payload.median,
        occupied / stored,
        stored / approximate(events)
    )));
    let limit = format!("stored events alone {:.2} x", stored / payload);
    outcome.figures.push(Measured { figure: DISK, value: of_payload, limit });
    Ok(())
}

/// The same callers on the large log and, right before, on a new small one.
async fn kept_rate(outcome: &mut Outcome, bench: &Bench, large: &Subject) -> Result<(), Failure> {
    let (mut at_large, mut at_small) = (Series::new(), Series::new());
    let load = Appends { callers: USUAL_CALLERS, events: 1, choice: StreamChoice::Spread };
    let layout = Layout::Streams(bench.plan.scale_streams);
    for _ in 0..bench.plan.repeats {
        let small = bench.subject().await?;
        small.fill(layout, bench.plan.early_events).await?;
        small.settle(&bench.plan).await?;
        at_small.add(&closed_loop(&small, &load, bench.plan.span()).await?);
        bench.retire(small).await?;
        large.settle(&bench.plan).await?;
        at_large.add(&closed_loop(large, &load, bench.plan.span()).await?);
    }
    let ratio = at_large.against(&at_small);
    let (few, many) = (count(bench.plan.early_events), count(bench.plan.scale_events));
    let against = format!("at {few} events");
    let name = |events: &str| format!("single appends at {events} events, {USUAL_CALLERS} callers");
    outcome.rows.push(Row::rate(name(&many), &at_large).against(against, ratio));
    outcome.rows.push(Row::rate(name(&few), &at_small));
    let limit = format!("{few} against {many} events");
    outcome.figures.push(Measured { figure: KEPT_RATE, value: ratio, limit });
    Ok(())
}

/// How soon the large log serves after a clean stop, and after a kill under load.
async fn readiness(
    outcome: &mut Outcome,
    bench: &Bench,
    subject: &mut Subject,
) -> Result<(), Failure> {
    let (mut clean, mut killed) = (Vec::new(), Vec::new());
    for _ in 0..bench.plan.repeats {
        subject.stop().await?;
        clean.push(subject.start_again().await?);
    }
    for _ in 0..bench.plan.repeats {
        let mut load = RetryingLoad::start(subject);
        killed.push(load.kill_and_start_again(subject).await?);
        load.end().await?;
    }
    let memory = subject.process()?.memory()?.resident;
    ready(outcome, "ready after a clean stop", READY_CLEAN, &clean);
    ready(outcome, "ready after kill -9 under load", READY_KILLED, &killed);
    let row = Row::new("resident memory after a start", "MB", Spread::exactly(megabytes(memory)));
    outcome.rows.push(row);
    Ok(())
}

fn ready(outcome: &mut Outcome, name: &str, figure: &'static str, times: &[Readiness]) {
    let spread = |time: fn(&Readiness) -> Duration| {
        Spread::of(&times.iter().map(|it| time(it).as_secs_f64()).collect::<Vec<_>>())
    };
    let value = spread(|it| it.acknowledged);
    let serving = format!("health says so after {:.2} s", spread(|it| it.serving).median);
    outcome.rows.push(
        Row::new(name, "s", value).note(format!("until a first append is acknowledged; {serving}")),
    );
    outcome.figures.push(Measured { figure, value, limit: serving });
}
