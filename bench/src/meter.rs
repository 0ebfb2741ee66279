//! Watches callers for a while: lets them warm up, counts what is answered, and ends them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use handover::cli::exit::{Exit, Failure};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::statistics::{Sample, Times, approximate};

const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const ENDED: u8 = 2;
/// How long callers may take for their last answer.
const LAST_ANSWERS: Duration = Duration::from_mins(1);

/// Callers at work. Each ends by itself once the meter has ended.
pub(super) type Callers = JoinSet<Result<(), Failure>>;

/// What callers report to.
#[derive(Debug)]
pub(super) struct Meter {
    phase: AtomicU8,
    events: AtomicU64,
    refused: AtomicU64,
    begun: Instant,
    /// When the last call was answered, in nanoseconds since `begun`.
    answered: AtomicU64,
    /// The longest time between two answers, in nanoseconds.
    pause: AtomicU64,
    /// For tasks that wait for something else besides; the phase is cheaper to read.
    ended: CancellationToken,
    /// Nanoseconds; one histogram for each connection, so that callers seldom meet at a lock.
    lanes: Vec<Mutex<Times>>,
}

/// How long a measurement takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Nothing is counted so long.
    pub(super) warm_up: Duration,
    /// Each slice is counted on its own.
    pub(super) slice: Duration,
    /// How many slices follow each other without a pause.
    pub(super) slices: usize,
}

impl Meter {
    pub(super) fn new(lanes: usize) -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU8::new(WARMING_UP),
            events: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            begun: Instant::now(),
            answered: AtomicU64::new(0),
            pause: AtomicU64::new(0),
            ended: CancellationToken::new(),
            lanes: (0..lanes).map(|_| Mutex::new(Times::new())).collect(),
        })
    }

    /// Whether callers are to end.
    pub(super) fn has_ended(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == ENDED
    }

    /// Lets callers end.
    pub(super) fn end(&self) {
        self.phase.store(ENDED, Ordering::Relaxed);
        self.ended.cancel();
    }

    /// Waits until callers are to end.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Events were acknowledged or delivered.
    pub(super) fn count(&self, events: u64) {
        if self.is_measuring() {
            self.events.fetch_add(events, Ordering::Relaxed);
        }
    }

    /// A call took so long.
    pub(super) fn time(&self, lane: usize, took: Duration) {
        if !self.is_measuring() {
            return;
        }
        self.pause.fetch_max(self.since_answer(), Ordering::Relaxed);
        if let Some(lane) = self.lanes.get(lane % self.lanes.len()) {
            lane.lock().unwrap_or_else(PoisonError::into_inner).record(took);
        }
    }

    /// The server refused a call, as the case expects it to do.
    pub(super) fn refuse(&self) {
        if self.is_measuring() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Nanoseconds since the last answer, and starts the count anew.
    fn since_answer(&self) -> u64 {
        let now = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        now.saturating_sub(self.answered.swap(now, Ordering::Relaxed))
    }

    fn is_measuring(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == MEASURING
    }

    fn latency(&self) -> Times {
        let mut all = Times::new();
        for lane in &self.lanes {
            all.merge(&lane.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }
}

/// Watches callers that report to `meter`. A caller that fails ends the measurement.
pub(super) async fn watch(
    meter: &Meter,
    span: Span,
    mut callers: Callers,
) -> Result<Sample, Failure> {
    pass(span.warm_up, &mut callers).await?;
    meter.since_answer();
    meter.phase.store(MEASURING, Ordering::Relaxed);
    let (mut rates, mut before) = (Vec::new(), 0);
    for _ in 0..span.slices {
        let begun = Instant::now();
        pass(span.slice, &mut callers).await?;
        let events = meter.events.load(Ordering::Relaxed);
        rates.push(approximate(events - before) / begun.elapsed().as_secs_f64());
        before = events;
    }
    let last = meter.since_answer();
    meter.end();
    finish(callers).await?;
    let pause = meter.pause.load(Ordering::Relaxed).max(last);
    let refused = meter.refused.load(Ordering::Relaxed);
    let pause = Duration::from_nanos(pause);
    Ok(Sample { rates, refused, latency: meter.latency(), pause })
}

/// Waits for the last answers of callers after the end.
pub(super) async fn finish(callers: Callers) -> Result<(), Failure> {
    let ended = tokio::time::timeout(LAST_ANSWERS, complete(callers)).await;
    ended.unwrap_or_else(|_| {
        let problem = format!("the server left callers without an answer for {LAST_ANSWERS:?}");
        Err(Failure::new(Exit::Unavailable, problem))
    })
}

/// Waits, however long it takes, for callers that end when their work is done.
pub(super) async fn complete(mut callers: Callers) -> Result<(), Failure> {
    while let Some(ended) = callers.join_next().await {
        joined(ended)?;
    }
    Ok(())
}

/// Lets time pass while callers work.
async fn pass(time: Duration, callers: &mut Callers) -> Result<(), Failure> {
    let mut over = std::pin::pin!(tokio::time::sleep(time));
    loop {
        tokio::select! {
            () = &mut over => return Ok(()),
            Some(ended) = callers.join_next() => joined(ended)?,
        }
    }
}

/// How a caller ended.
pub(super) fn joined(
    ended: Result<Result<(), Failure>, tokio::task::JoinError>,
) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| Err(Failure::new(Exit::Failed, format!("a caller: {error}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span =
        Span { warm_up: Duration::from_secs(1), slice: Duration::from_secs(2), slices: 2 };

    #[tokio::test(start_paused = true)]
    async fn only_what_is_answered_after_the_warm_up_counts() {
        let meter = Meter::new(1);
        let mut callers = Callers::new();
        let own = Arc::clone(&meter);
        callers.spawn(async move {
            while !own.has_ended() {
                tokio::time::sleep(Duration::from_millis(100)).await;
                own.count(10);
                own.time(0, Duration::from_millis(100));
            }
            Ok(())
        });
        let sample = watch(&meter, SPAN, callers).await.unwrap();
        assert!((39..=40).contains(&sample.latency.count()), "{}", sample.latency.count());
        assert_eq!(sample.rates.len(), 2);
        assert_eq!(meter.events.load(Ordering::Relaxed), 10 * sample.latency.count());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_fails_ends_the_measurement() {
        let meter = Meter::new(1);
        let failure = Failure::new(Exit::Unavailable, "gone");
        let mut callers = Callers::new();
        let own = failure.clone();
        callers.spawn(async move { Err(own) });
        assert_eq!(watch(&meter, SPAN, callers).await.unwrap_err(), failure);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_never_ends_is_not_waited_for_without_end() {
        let meter = Meter::new(1);
        let mut callers = Callers::new();
        callers.spawn(std::future::pending());
        let failure = watch(&meter, SPAN, callers).await.unwrap_err();
        assert!(failure.message.contains("without an answer"), "{failure}");
    }
}
