//! Taking part in a consumer group with a function that handles events.

mod deliveries;
mod delivery;

use std::{
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;

pub use self::delivery::{Delivery, Verdict};

use self::deliveries::{Deliveries, Task};
use super::{CallError, Client, ClientError, attempts::lost, retry};
use crate::{
    domain::{
        group::Settings,
        proto::{ConsumeRequest, ConsumeResponse, ListGroupsRequest},
    },
    grpc::client::Answers,
};

/// How long a handler may take unless said otherwise; longer where a lease is.
const HANDLER_TIMEOUT: Duration = Duration::from_hours(1);
/// How often in a lease the client names what it handles: two messages may come late.
const NAMED_PER_LEASE: u32 = 3;
/// How long the server may take to end the call after the last answer.
const LEAVING: Duration = Duration::from_secs(10);

/// A consumer's name, its group, and how much it takes at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    group: String,
    name: String,
    credit: u32,
    concurrency: usize,
    handler_timeout: Option<Duration>,
}

impl Consumer {
    /// A consumer of a group, with up to 256 events at a time, of which it handles 16 at once. The
    /// name, at most 128 bytes, shows it to people who look at the group.
    pub fn of(group: impl Into<String>, name: impl Into<String>) -> Self {
        let (group, name) = (group.into(), name.into());
        Self { group, name, credit: 256, concurrency: 16, handler_timeout: None }
    }

    /// How many events it may have that are not answered, from 1 to 10,000.
    #[must_use]
    pub fn credit(self, credit: u32) -> Self {
        Self { credit, ..self }
    }

    /// How many events, each of another stream, are handled at once; at least one.
    #[must_use]
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// How long a handler may take for one event: an hour, or the group's lease if that is longer,
    /// unless said otherwise. Up to then the event stays with this consumer. A handler that takes
    /// longer is dropped where it awaits something, and the event is tried again.
    #[must_use]
    pub fn handler_timeout(self, timeout: Duration) -> Self {
        Self { handler_timeout: Some(timeout), ..self }
    }
}

impl Client {
    /// Takes part in a group until `stop`: calls `handle` for each event that the group gives this
    /// consumer, and answers with its verdict. Events of one stream are handled one after the
    /// other, those of several streams at once. A handler that panics is tried again.
    ///
    /// While a handler runs, the client names its event to the server every third of a lease. The
    /// event and those that wait behind it stay with this consumer, within
    /// [`Consumer::handler_timeout`]. A handler must not block its thread, because that can keep
    /// the client from sending; use [`tokio::task::spawn_blocking`] for what blocks.
    ///
    /// When the connection is lost it takes part anew, after a pause, for as long as it takes. On
    /// `stop` it begins nothing any more, answers what is being handled, and leaves.
    ///
    /// Delivery is at least once: an event comes again if its answer did not arrive. If the effects
    /// of a handler must not happen twice, it stores the event's position with them and passes over
    /// what it has stored already.
    ///
    /// # Errors
    ///
    /// What no repetition mends, such as a group that is not there, or a restore of the store: the
    /// positions that a handler knows repeated events by are of other events then.
    ///
    /// ```no_run
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn example(client: handover::client::Client) -> Done {
    /// use handover::client::{Consumer, Verdict};
    /// let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    /// client
    ///     .consume(Consumer::of("translations", "desk-1"), stop, async |delivery| {
    ///         println!("{} {}", delivery.event.position, delivery.event.stream);
    ///         Verdict::Done
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn consume<F, V>(
        &self,
        consumer: Consumer,
        stop: impl Future<Output = ()>,
        handle: impl Fn(Delivery) -> F + Send + Sync + 'static,
    ) -> Result<(), CallError>
    where
        F: Future<Output = V> + Send + 'static,
        V: Into<Verdict> + 'static,
    {
        let (client, handle) = (self.clone(), Arc::new(handle));
        let (deliveries, tasks) = (Deliveries::default(), JoinSet::new());
        let (lease, name_at) = (Settings::default().lease, Instant::now());
        let mut work =
            Work { client, consumer, handle, deliveries, tasks, lease, name_at, failed: 0 };
        let taken_part = work.take_part(pin!(stop)).await;
        // Handlers are not broken off in the middle because of a stop.
        while work.tasks.join_next().await.is_some() {}
        taken_part
    }
}

/// A consumer at work.
struct Work<H> {
    client: Client,
    consumer: Consumer,
    handle: Arc<H>,
    deliveries: Deliveries,
    tasks: JoinSet<(Task, Verdict)>,
    /// The group's lease.
    lease: Duration,
    /// When the client next names what is being handled.
    name_at: Instant,
    /// Calls in a row that brought nothing.
    failed: u32,
}

/// One call: both of its sides.
struct Call {
    /// `None`: everything was said.
    requests: Option<mpsc::Sender<ConsumeRequest>>,
    answers: Answers<ConsumeResponse>,
}

/// What happens next in a call.
enum Next {
    Stop,
    Handled(Task, Verdict),
    Said(Option<Result<ConsumeResponse, ClientError>>),
    /// It is time to name what is being handled.
    Name,
    /// The server takes more answers; they were sent.
    Answered,
}

impl<H, F, V> Work<H>
where
    H: Fn(Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = V> + Send + 'static,
    V: Into<Verdict> + 'static,
{
    /// Takes part in call after call until it is stopped or cannot go on.
    async fn take_part(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), CallError> {
        loop {
            let error = match self.join().await {
                Ok(call) => match self.work(call, stop.as_mut()).await {
                    Ok(()) => return Ok(()),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.failed = self.failed.saturating_add(1);
            // Answers that were not recorded are given again, so no outcome is open.
            let Some(server_pause) = retry::again(&error, false) else {
                return Err(CallError { attempts: self.failed, ..CallError::from(error) });
            };
            let pause = self.client.retry.drawn_pause(self.failed, server_pause);
            let (group, failed) = (&self.consumer.group, self.failed);
            tracing::warn!(%error, group, failed, ?pause, "a consumer was interrupted");
            let until = Instant::now() + pause;
            tokio::select! {
                () = stop.as_mut() => return Ok(()),
                () = sleep_until(until) => {}
            }
        }
    }

    /// Opens a call.
    async fn join(&mut self) -> Result<Call, ClientError> {
        let calls = &self.client.calls;
        // Another store may have no such group, and then the store is the fault to report.
        self.client.head().await?;
        // The first one: under the name of a later history, the handler would take what it knows by
        // position for handled.
        let store = self.client.named_store().await?;
        let name = self.consumer.group.clone();
        let request = ListGroupsRequest { name, ..ListGroupsRequest::default() };
        let groups = calls.list_groups(request).await?.groups;
        let settings = groups.into_iter().next().and_then(|group| group.settings);
        let settings = Settings::recorded(&settings.unwrap_or_default());
        self.deliveries.joined(settings.max_attempts);
        (self.lease, self.name_at) = (settings.lease, Instant::now());
        // One message waits while the one before is being sent; more would only be older.
        let (requests, queue) = mpsc::channel(1);
        let answers = calls.consume(ReceiverStream::new(queue));
        let first = ConsumeRequest {
            group: self.consumer.group.clone(),
            consumer: self.consumer.name.clone(),
            credit: self.consumer.credit.into(),
            store,
            ..ConsumeRequest::default()
        };
        requests.send(first).await.map_err(|_| lost("the call ended before it began"))?;
        Ok(Call { requests: Some(requests), answers })
    }

    /// Handles what comes until the call ends. That is no error after `stop`.
    async fn work(
        &mut self,
        mut call: Call,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), ClientError> {
        let mut stopping = false;
        loop {
            self.begin();
            if stopping && self.tasks.is_empty() && !self.deliveries.has_answers() {
                return leave(call).await;
            }
            match self.next(&mut call, stop.as_mut(), stopping).await {
                Next::Stop => {
                    stopping = true;
                    self.deliveries.stop();
                }
                Next::Handled(task, verdict) => self.deliveries.finished(&task, verdict),
                Next::Name => {
                    let now = Instant::now();
                    self.deliveries.name_work(now, self.timeout());
                    self.name_at = now + self.lease / NAMED_PER_LEASE;
                }
                Next::Said(Some(said)) => {
                    self.deliveries.receive(said?);
                    self.failed = 0;
                }
                Next::Said(None) => return Err(lost("the server ended the call")),
                Next::Answered => {}
            }
        }
    }

    /// How long a handler may take.
    fn timeout(&self) -> Duration {
        self.consumer.handler_timeout.unwrap_or(HANDLER_TIMEOUT.max(self.lease))
    }

    /// Begins what may be begun.
    fn begin(&mut self) {
        while self.tasks.len() < self.consumer.concurrency {
            let Some((task, delivery)) = self.deliveries.begin(Instant::now()) else { return };
            let (handle, within) = (Arc::clone(&self.handle), self.timeout());
            self.tasks.spawn(async move {
                let handled = AssertUnwindSafe(async { handle(delivery).await.into() });
                let verdict = match timeout(within, handled.catch_unwind()).await {
                    Ok(Ok(verdict)) => verdict,
                    Ok(Err(_)) => Verdict::Retry("the handler panicked".to_owned()),
                    Err(_) => Verdict::Retry(format!("the handler took longer than {within:?}")),
                };
                (task, verdict)
            });
        }
    }

    /// Waits for whatever comes first. Answers are sent as fast as the connection takes them, all
    /// that have gathered in the meantime in one message.
    async fn next(
        &mut self,
        call: &mut Call,
        stop: Pin<&mut impl Future<Output = ()>>,
        stopping: bool,
    ) -> Next {
        let Self { deliveries, tasks, name_at, .. } = self;
        let at_work = deliveries.is_at_work();
        let ready_to_answer = async {
            match &call.requests {
                Some(requests) if deliveries.has_answers() => requests.reserve().await.ok(),
                _ => None,
            }
        };
        tokio::select! {
            () = stop, if !stopping => Next::Stop,
            Some(Ok((task, verdict))) = tasks.join_next(), if !tasks.is_empty() => {
                Next::Handled(task, verdict)
            }
            said = call.answers.next() => Next::Said(said),
            () = sleep_until(*name_at), if at_work => Next::Name,
            Some(permit) = ready_to_answer => {
                permit.send(deliveries.take_answers());
                Next::Answered
            }
        }
    }
}

/// Ends a call after everything was answered; the server ends its side once it has taken that in.
async fn leave(mut call: Call) -> Result<(), ClientError> {
    call.requests = None;
    let ended = async { while let Some(Ok(_)) = call.answers.next().await {} };
    if timeout(LEAVING, ended).await.is_err() {
        tracing::warn!("the server has not ended the call of a consumer that has left");
    }
    Ok(())
}
