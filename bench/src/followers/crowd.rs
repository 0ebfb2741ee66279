//! Many subscribers of everything, all at once: how many events reach them together.

use std::sync::Arc;

use futures_util::{FutureExt as _, TryStreamExt as _};
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::SubscribeRequest,
};

use super::figures::FAN_OUT;
use crate::{
    case::{Bench, Case, Measuring},
    encoded::Counted,
    events::Layout,
    load::Line,
    meter::{Callers, Meter, watch},
    report::{Measured, Outcome, Row},
    statistics::{Sample, Series},
    subject::Subject,
};

/// Streams that the events are spread over.
const LAYOUT: Layout = Layout::Streams(64);
/// Events of each request while subscribers follow.
const PIPELINED: u32 = 100;

/// Subscribers of everything: of a log that is there, and of one that grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd;

impl Case for Crowd {
    fn name(&self) -> String {
        "many subscribers of everything, left encoded".to_owned()
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            subject.fill(LAYOUT, bench.plan.read_events).await?;
            subject.settle(&bench.plan).await?;
            let (mut stored, mut growing) = (Series::new(), Series::new());
            for _ in 0..bench.plan.repeats {
                stored.add(&follow(bench, &subject).await?);
                let meter = Meter::new(subject.lanes());
                let pipelines = subject.pipelines(&meter, LAYOUT, PIPELINED, u64::MAX);
                let appended = watch(&meter, bench.plan.span(), pipelines);
                let (followed, _) = tokio::try_join!(follow(bench, &subject), appended)?;
                growing.add(&followed);
            }
            bench.retire(subject).await?;
            let crowd = bench.plan.crowd;
            let limit = format!("{crowd} subscribers from the beginning");
            let rows = vec![
                Row::rate("a log that is there", &stored).note(limit.clone()),
                Row::rate("while as much as possible is appended", &growing),
            ];
            let value = stored.rate();
            Ok(Outcome { rows, figures: vec![Measured { figure: FAN_OUT, value, limit }] })
        }
        .boxed_local()
    }
}

async fn follow(bench: &Bench, subject: &Subject) -> Result<Sample, Failure> {
    let meter = Meter::new(1);
    let mut subscribers = Callers::new();
    for number in 0..bench.plan.crowd {
        subscribers.spawn(subscribe(subject.line(number), Arc::clone(&meter)));
    }
    watch(&meter, bench.plan.span(), subscribers).await
}

/// Follows from the beginning, and from there again once it has caught up.
async fn subscribe(line: Line, meter: Arc<Meter>) -> Result<(), Failure> {
    while !meter.has_ended() {
        let mut frames = line.client.subscribe_encoded(SubscribeRequest::default());
        loop {
            let frame = tokio::select! {
                frame = frames.try_next() => frame?,
                () = meter.ended() => return Ok(()),
            };
            let Some(frame) = frame else {
                return Err(Failure::new(Exit::Unavailable, "the server ended a subscription"));
            };
            match Counted::of_frame(frame)? {
                Some(counted) => meter.count(counted.events),
                None => break,
            }
        }
    }
    Ok(())
}
