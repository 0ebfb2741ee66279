//! A good caller beside an attack: one append and one question for figures, fifty times a second.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use handover::{
    domain::proto::{GetCountryCountsRequest, GetHeadRequest},
    grpc::client::Client,
};
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::support::{append, event};

/// Fifty times a second.
const EVERY: Duration = Duration::from_millis(20);

/// Latencies of one kind of call.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    /// In milliseconds; 0 if nothing was measured.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let mut times = self.0.clone();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        times.get(last * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} / {:.1}", self.percentile(50), self.percentile(99))
    }
}

/// What the caller saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) appends: Latencies,
    pub(super) counts: Latencies,
    /// Calls that did not get the answer that they requested.
    pub(super) failed: usize,
}

/// A caller with a thread and a connection of its own, so that the attackers of the same process
/// do not hold it up.
#[derive(Debug)]
pub(super) struct GoodCaller {
    thread: thread::JoinHandle<Seen>,
    until: CancellationToken,
}

impl GoodCaller {
    /// Connects and starts to call.
    pub(super) async fn start(address: &str) -> Self {
        let until = CancellationToken::new();
        let (address, ends) = (address.to_owned(), until.clone());
        let (connected, waits) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(call(&address, connected, &ends))
        });
        waits.await.expect("it connects");
        Self { thread, until }
    }

    /// Ends; what was seen.
    pub(super) fn end(self) -> Seen {
        self.until.cancel();
        self.thread.join().expect("the caller ends")
    }
}

async fn call(address: &str, connected: oneshot::Sender<()>, until: &CancellationToken) -> Seen {
    let client = Client::connect(address).await.expect("the server can be reached");
    client.get_head(GetHeadRequest::default()).await.expect("it is answered");
    connected.send(()).expect("the start is awaited");
    let mut seen = Seen::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !until.is_cancelled() {
        ticks.tick().await;
        let begun = Instant::now();
        let appended = client.append(append("x/good", vec![event("noted", &[])])).await;
        seen.appends.0.push(begun.elapsed());
        let begun = Instant::now();
        let counted = client.country_counts(GetCountryCountsRequest::default()).await;
        seen.counts.0.push(begun.elapsed());
        seen.failed += usize::from(appended.is_err()) + usize::from(counted.is_err());
    }
    seen
}
