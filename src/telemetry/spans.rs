//! Spans of calls to an OpenTelemetry collector, by OTLP over gRPC.
//!
//! A span that has ended waits in a queue of a fixed length, from which a thread of the library
//! sends batches. Where the queue is full, the span is dropped and counted: no call waits for the
//! collector.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanKind, Status, TracerProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData,
        SpanExporter, SpanProcessor,
    },
};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use crate::{domain::measure::Counter, grpc};

/// Spans that may wait. Each has about a KiB.
const QUEUE: usize = 2_048;
/// Spans of one batch.
const BATCH: usize = 512;
/// How long spans wait for others before they are sent.
const DELAY: Duration = Duration::from_secs(2);
/// How long the last spans may take when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// The shortest time between two lines about batches that could not be sent.
const LINE_EVERY: Duration = Duration::from_mins(1);
/// The target of the spans of calls, and of nothing else.
const CALLS: &str = "handover::call";

/// What became of the spans that have ended.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// The collector has them.
    pub sent: Counter,
    /// Their batch could not be sent.
    pub failed: Counter,
    /// There was no room for them in the queue.
    pub dropped: Counter,
    waiting: AtomicUsize,
}

/// Sends the spans of calls to a collector.
#[derive(Debug)]
pub struct Spans {
    provider: SdkTracerProvider,
    counts: Arc<SpanCounts>,
}

impl Spans {
    /// Sends spans by this exporter from now on.
    pub fn new(exporter: impl SpanExporter + 'static) -> Self {
        let counts = Arc::<SpanCounts>::default();
        let exporter = Counted { exporter, counts: Arc::clone(&counts), logged: Mutex::default() };
        let batches = BatchConfigBuilder::default()
            // What is being sent counts as waiting here, and not there.
            .with_max_queue_size(QUEUE + BATCH)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let processor = Described { batches, counts: Arc::clone(&counts) };
        let resource = Resource::builder_empty()
            .with_service_name("handover")
            .with_attributes([KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))]);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_resource(resource.build())
            .with_span_processor(processor)
            .build();
        Self { provider, counts }
    }

    /// What became of the spans until now.
    pub fn counts(&self) -> Arc<SpanCounts> {
        Arc::clone(&self.counts)
    }

    /// What takes the spans of calls from the program.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let of_calls = |it: &Metadata<'_>| it.is_span() && it.target() == CALLS;
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("handover"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(filter_fn(of_calls))
    }

    /// Sends what waits, for a bounded time, and nothing after that.
    pub async fn stop(self) {
        // The library blocks, and its exporter needs the threads of the runtime.
        let stop = move || self.provider.shutdown_with_timeout(STOP_TIMEOUT);
        match tokio::task::spawn_blocking(stop).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans could not be sent"),
            Err(error) => tracing::warn!(%error, "the end of the spans failed"),
        }
    }
}

/// Describes spans as the conventions of OpenTelemetry have it, and counts those that wait.
#[derive(Debug)]
struct Described {
    batches: BatchSpanProcessor,
    counts: Arc<SpanCounts>,
}

impl SpanProcessor for Described {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.counts.waiting.fetch_add(1, Relaxed) >= QUEUE {
            self.counts.waiting.fetch_sub(1, Relaxed);
            self.counts.dropped.add_one();
            return;
        }
        self.batches.on_end(described(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// The span of a call by the conventions for RPCs.
fn described(mut span: SpanData) -> SpanData {
    span.span_kind = SpanKind::Server;
    let mut attributes = vec![KeyValue::new("rpc.system", "grpc")];
    for KeyValue { key, value, .. } in std::mem::take(&mut span.attributes) {
        match key.as_str() {
            "method" => {
                let name = value.to_string();
                if let Some((service, method)) = name.split_once('/') {
                    attributes.push(KeyValue::new("rpc.service", service.to_owned()));
                    attributes.push(KeyValue::new("rpc.method", method.to_owned()));
                }
                span.name = name.into();
            }
            "code" => {
                let code = value.to_string();
                let number = grpc::code_number(&code);
                attributes.extend(number.map(|it| KeyValue::new("rpc.grpc.status_code", it)));
                if is_fault(&code) {
                    span.status = Status::error(code);
                }
            }
            "peer" => attributes.push(KeyValue::new("client.address", value)),
            "principal" if value != Value::from("") => {
                attributes.push(KeyValue::new("enduser.id", value));
            }
            _ => {}
        }
    }
    span.attributes = attributes;
    span
}

/// Whether a code is the server's fault, by the conventions for servers.
fn is_fault(code: &str) -> bool {
    let faults = ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE"];
    faults.contains(&code) || code == "DATA_LOSS"
}

/// Counts and logs what becomes of batches.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<SpanCounts>,
    logged: Mutex<Logged>,
}

/// What was logged last: a failure, and when the last of these.
#[derive(Debug, Default)]
struct Logged {
    failing: bool,
    at: Option<Instant>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        self.counts.waiting.fetch_sub(spans, Relaxed);
        let counter = if sent.is_ok() { &self.counts.sent } else { &self.counts.failed };
        counter.add(spans as u64);
        self.log(sent.as_ref().err());
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E> Counted<E> {
    /// Logs that batches cannot be sent, at most once a minute, and after that that they can again.
    fn log(&self, error: Option<&OTelSdkError>) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) if !logged.failing && logged.is_due() => {
                *logged = Logged { failing: true, at: Some(Instant::now()) };
                tracing::warn!(
                    %error,
                    "spans cannot be sent to the collector; each batch is tried and then left out"
                );
            }
            None if logged.failing => {
                logged.failing = false;
                let failed = self.counts.failed.get();
                tracing::info!(failed, "spans are sent to the collector again");
            }
            Some(_) | None => {}
        }
    }
}

impl Logged {
    fn is_due(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= LINE_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An exporter that a test opens and closes.
    #[derive(Debug, Default)]
    struct Gate(Arc<Mutex<()>>);

    impl SpanExporter for Gate {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            // The thread of the library waits here, as it does for a collector that hangs.
            drop(self.0.lock().unwrap());
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_beyond_the_queue_are_dropped_and_counted_and_nothing_waits() {
        let gate = Gate::default();
        let closed = Arc::clone(&gate.0);
        let spans = Spans::new(gate);
        let counts = spans.counts();
        let subscriber = tracing_subscriber::Registry::default();
        let subscriber = tracing_subscriber::layer::SubscriberExt::with(subscriber, spans.layer());
        {
            let _closed = closed.lock().unwrap();
            tracing::subscriber::with_default(subscriber, || {
                for _ in 0..3 * QUEUE {
                    let _call = tracing::debug_span!(target: CALLS, "call", method = "a.B/C");
                    let _other = tracing::debug_span!(target: "h2", "frame");
                }
            });
            assert_eq!(counts.dropped.get(), 2 * QUEUE as u64);
        }
        spans.stop().await;
        assert_eq!((counts.sent.get(), counts.failed.get()), (QUEUE as u64, 0));
        assert_eq!(counts.waiting.load(Relaxed), 0);
    }
}
