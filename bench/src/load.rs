//! Load: callers that wait for each answer, and pipelines that do not.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{Stream, TryStreamExt as _, stream};
use handover::{
    cli::exit::Failure,
    domain::proto::{AppendRequest, AppendResponse},
    grpc::client::{Client, ClientError},
};
use tokio::sync::Semaphore;

use super::{
    events::{Batch, EventGenerator, Layout},
    meter::{Callers, Meter},
};

/// Requests that a pipeline has under way at most, and their events: more would only wait in
/// queues.
const UNDER_WAY: (u32, u32) = (256, 4_096);

/// A caller that sends again once it is answered.
pub(super) trait Caller: Send + 'static {
    /// Makes one call and reports it to the meter.
    fn call(&mut self, meter: &Meter) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Sets callers to work until the meter has ended.
pub(super) fn start<C: Caller>(meter: &Arc<Meter>, callers: impl Iterator<Item = C>) -> Callers {
    let mut started = Callers::new();
    for mut caller in callers {
        let meter = Arc::clone(meter);
        started.spawn(async move {
            while !meter.has_ended() {
                caller.call(&meter).await?;
            }
            Ok(())
        });
    }
    started
}

/// A connection of a caller, and its index among the connections.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) client: Client,
    pub(super) lane: usize,
}

impl Line {
    /// Appends, and measures how long the answer took.
    pub(super) async fn append(
        &self,
        request: AppendRequest,
    ) -> (Duration, Result<AppendResponse, ClientError>) {
        let sent = Instant::now();
        let answer = self.client.append(request).await;
        (sent.elapsed(), answer)
    }
}

/// Appends batches without conditions, one after the other.
#[derive(Debug)]
pub(super) struct Appender {
    pub(super) line: Line,
    pub(super) source: Arc<EventGenerator>,
    pub(super) layout: Layout,
    /// Events of each request.
    pub(super) events: u32,
}

impl Caller for Appender {
    async fn call(&mut self, meter: &Meter) -> Result<(), Failure> {
        let batch = self.source.draw(self.layout, self.events);
        let (took, answer) = self.line.append(self.source.request(&batch)).await;
        self.source.note(self.line.lane, &batch, &answer?);
        meter.count(u64::from(batch.count));
        meter.time(self.line.lane, took);
        Ok(())
    }
}

/// One `AppendStream`, kept full.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) appender: Appender,
    /// The pipeline ends when so many events were drawn, or when the meter has ended.
    pub(super) up_to: u64,
}

/// What a pipeline has sent and is not answered yet, oldest first.
type UnderWay = Arc<Mutex<VecDeque<(Batch, Instant)>>>;

impl Pipeline {
    /// Sends and takes answers until the end.
    pub(super) async fn run(self, meter: Arc<Meter>) -> Result<(), Failure> {
        let Appender { line, source, events, .. } = &self.appender;
        let (requests, most) = UNDER_WAY;
        let room = Arc::new(Semaphore::new(requests.min(most / events).max(1) as usize));
        let under_way = UnderWay::default();
        let (line, source) = (line.clone(), Arc::clone(source));
        let requests = self.requests(Arc::clone(&meter), Arc::clone(&under_way), Arc::clone(&room));
        let mut answers = line.client.append_stream(requests);
        while let Some(outcome) = answers.try_next().await? {
            let sent = under_way.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            room.add_permits(1);
            let response = outcome?;
            if let Some((batch, at)) = sent {
                source.note(line.lane, &batch, &response);
                meter.count(u64::from(batch.count));
                meter.time(line.lane, at.elapsed());
            }
        }
        Ok(())
    }

    fn requests(
        self,
        meter: Arc<Meter>,
        under_way: UnderWay,
        room: Arc<Semaphore>,
    ) -> impl Stream<Item = AppendRequest> + Send {
        let Self { appender, up_to } = self;
        stream::unfold(appender, move |appender| {
            let (meter, under_way, room) =
                (Arc::clone(&meter), Arc::clone(&under_way), Arc::clone(&room));
            async move {
                // It is never closed, so there is always a permit in the end.
                room.acquire().await.ok()?.forget();
                if meter.has_ended() || appender.source.drawn() >= up_to {
                    return None;
                }
                let batch = appender.source.draw(appender.layout, appender.events);
                let request = appender.source.request(&batch);
                let sent = (batch, Instant::now());
                under_way.lock().unwrap_or_else(PoisonError::into_inner).push_back(sent);
                Some((request, appender))
            }
        })
    }
}

/// Sets pipelines to work until the meter has ended.
pub(super) fn start_pipelines(
    meter: &Arc<Meter>,
    pipelines: impl Iterator<Item = Pipeline>,
) -> Callers {
    let mut started = Callers::new();
    for pipeline in pipelines {
        started.spawn(pipeline.run(Arc::clone(meter)));
    }
    started
}
