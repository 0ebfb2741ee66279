//! NATS JetStream: one stream of messages, in which the subjects stand for streams, types and
//! labels. Several events of a request are an atomic batch, and a condition is the expected last
//! sequence of a subject.

mod wire;

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{StreamExt as _, stream};
use handover::cli::exit::Failure;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::wire::{Inbox, Message, NAME, Wire, publication};
use super::{
    connection::{Arrivals, Connection, Progress, failed},
    work::{Batch, Event, Selection, Source, TENS},
};

/// The stream of messages.
const STREAM: &str = "BENCH";
/// How long the server keeps a consumer that is gone, and how often it says that it is there.
const NANOSECONDS: u64 = 5_000_000_000;
/// Events that are counted together.
const COUNTED: u64 = 256;

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct JetStream {
    wire: Arc<Wire>,
    source: Arc<Source>,
}

impl JetStream {
    pub(super) async fn connect(address: &str, source: Arc<Source>) -> Result<Self, Failure> {
        Ok(Self { wire: Arc::new(Wire::connect(address).await?), source })
    }

    /// Makes the stream of messages: with no limits, and as a record that nothing is removed from.
    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        let config = json!({
            "name": STREAM, "subjects": ["b.>"], "storage": "file", "retention": "limits",
            "discard": "new", "num_replicas": 1, "max_age": 0, "max_msgs": -1, "max_bytes": -1,
            "max_msg_size": -1, "max_msgs_per_subject": -1, "max_consumers": -1,
            "deny_delete": true, "deny_purge": true, "allow_direct": true, "allow_atomic": true,
        });
        self.api(&format!("STREAM.CREATE.{STREAM}"), &config).await.map(drop)
    }

    async fn api(&self, what: &str, request: &Value) -> Result<Accepted, Failure> {
        let subject = format!("$JS.API.{what}");
        let answer = self.wire.request(&subject, &[], request.to_string().as_bytes()).await?;
        accepted(&answer)
    }

    /// Publishes a batch whose last message has the answer; the others have none.
    async fn batch(&self, batch: &Batch) -> Result<(), Failure> {
        let id = self.source.id(batch.first).simple().to_string();
        let mut inbox = self.wire.inbox();
        let mut lines = BytesMut::new();
        for (event, sequence) in batch.events().zip(1..) {
            let number = format!("{sequence}");
            let mut headers = vec![("Nats-Batch-Id", &id[..]), ("Nats-Batch-Sequence", &number)];
            let is_last = sequence == batch.count;
            if is_last {
                headers.push(("Nats-Batch-Commit", "1"));
            }
            let reply = if is_last { inbox.subject.as_str() } else { "" };
            let payload = self.source.identity.payload(event.number);
            publication(&mut lines, (&subject(&event), reply), &headers, &payload);
        }
        self.wire.send(lines).await?;
        let answer = accepted(&inbox.next().await?)?;
        if answer.count != batch.count {
            return Err(failed(
                NAME,
                format!("of {} events {} were kept", batch.count, answer.count),
            ));
        }
        Ok(())
    }

    /// Sends what the stream has from the first message on, and returns how many those are.
    async fn consume(&self, filter: &str, policy: &str) -> Result<(Consumer, u64), Failure> {
        let inbox = self.wire.subscribed().await?;
        let name = Uuid::new_v4().simple().to_string();
        let request = json!({ "stream_name": STREAM, "config": {
            "name": name, "deliver_subject": inbox.subject, "deliver_policy": policy,
            "ack_policy": "none", "max_deliver": 1, "filter_subject": filter,
            "mem_storage": true, "num_replicas": 1, "inactive_threshold": NANOSECONDS,
            "flow_control": true, "idle_heartbeat": NANOSECONDS,
        }});
        let made = self.api(&format!("CONSUMER.CREATE.{STREAM}.{name}.{filter}"), &request).await?;
        Ok((Consumer { wire: Arc::clone(&self.wire), inbox }, made.num_pending))
    }

    async fn read_all(&self, filter: &str, progress: Progress<'_>) -> Result<(), Failure> {
        let (mut consumer, mut pending) = self.consume(filter, "all").await?;
        while pending > 0 {
            let mut counted = 0;
            while counted < COUNTED.min(pending) {
                consumer.next().await?;
                counted += 1;
            }
            pending -= counted;
            if !progress(counted) {
                break;
            }
        }
        consumer.end().await
    }

    /// The messages of a stream, which the server sends one by one in answer to one request.
    async fn read_stream(&self, stream: u64, progress: Progress<'_>) -> Result<(), Failure> {
        let mut inbox = self.wire.inbox();
        let wanted = format!("b.*.{stream}.*");
        let request = json!({ "seq": 1, "batch": TENS, "next_by_subj": wanted }).to_string();
        let mut lines = BytesMut::new();
        let api = format!("$JS.API.DIRECT.GET.{STREAM}");
        publication(&mut lines, (&api, &inbox.subject), &[], request.as_bytes());
        self.wire.send(lines).await?;
        loop {
            match status(&inbox.next().await?) {
                None => progress(1),
                Some("204") => return Ok(()),
                Some(other) => return Err(failed(NAME, format!("a read failed with {other}"))),
            };
        }
    }
}

/// What a consumer is sent.
#[derive(Debug)]
struct Consumer {
    wire: Arc<Wire>,
    inbox: Inbox,
}

impl Consumer {
    /// The next message of the stream. What else is sent keeps the consumer alive.
    async fn next(&mut self) -> Result<Message, Failure> {
        loop {
            let message = self.inbox.next().await?;
            match status(&message) {
                None => return Ok(message),
                Some("100") => {}
                Some(other) => return Err(failed(NAME, format!("a consumer ended with {other}"))),
            }
            if !message.reply.is_empty() {
                let reply = String::from_utf8_lossy(&message.reply);
                self.wire.send(format!("PUB {reply} 0\r\n\r\n")).await?;
            }
        }
    }

    async fn end(self) -> Result<(), Failure> {
        self.wire.unsubscribe(&self.inbox).await
    }
}

/// The subject of an event: its share, its stream, its type.
fn subject(event: &Event) -> String {
    let share = event.share.map_or_else(|| "x".to_owned(), |of| format!("s{of}"));
    format!("b.{share}.{}.k{}", event.stream, event.kind)
}

/// The status of a message that is none of the stream's.
fn status(message: &Message) -> Option<&str> {
    let line = std::str::from_utf8(&message.headers).ok()?.lines().next()?;
    line.strip_prefix("NATS/1.0 ")?.split_ascii_whitespace().next()
}

/// What the bench looks at in answers of the server.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Accepted {
    error: Option<Value>,
    /// Sequence of a message.
    seq: u64,
    /// Messages of a batch.
    count: u32,
    /// Messages that a consumer has before it.
    num_pending: u64,
}

/// The answer of the server, unless it is an error.
fn accepted(answer: &Message) -> Result<Accepted, Failure> {
    let accepted: Accepted = serde_json::from_slice(&answer.payload)?;
    match &accepted.error {
        None => Ok(accepted),
        Some(error) => Err(failed(NAME, error)),
    }
}

#[tonic::async_trait]
impl Connection for JetStream {
    async fn append(&self, batch: &Batch) -> Result<(), Failure> {
        if batch.count > 1 {
            return self.batch(batch).await;
        }
        for event in batch.events() {
            let payload = self.source.identity.payload(event.number);
            accepted(&self.wire.request(&subject(&event), &[], &payload).await?)?;
        }
        Ok(())
    }

    async fn append_after(&self, batch: &Batch, seen: Option<u64>) -> Result<u64, Failure> {
        let expected = format!("{}", seen.unwrap_or_default());
        let headers = [("Nats-Expected-Last-Subject-Sequence", &expected[..])];
        let mut last = 0;
        for event in batch.events().take(1) {
            let payload = self.source.identity.payload(event.number);
            let answer = self.wire.request(&subject(&event), &headers, &payload).await?;
            last = accepted(&answer)?.seq;
        }
        Ok(last)
    }

    async fn read(&self, selection: Selection, progress: Progress<'_>) -> Result<(), Failure> {
        match selection {
            Selection::All => self.read_all("b.>", progress).await,
            Selection::Share(of) => self.read_all(&format!("b.s{of}.>"), progress).await,
            Selection::Stream(stream) => self.read_stream(stream, progress).await,
            Selection::One(event) => {
                let api = format!("$JS.API.DIRECT.GET.{STREAM}.{}", subject(&event));
                let found = self.wire.request(&api, &[], b"").await?;
                if let Some(status) = status(&found) {
                    return Err(failed(NAME, format!("a read failed with {status}")));
                }
                progress(1);
                Ok(())
            }
        }
    }

    async fn follow(&self) -> Result<Arrivals, Failure> {
        let (consumer, _) = self.consume("b.>", "new").await?;
        let arrived = stream::try_unfold(consumer, async |mut consumer| {
            let message = consumer.next().await?;
            Ok(Some((vec![message.payload], consumer)))
        });
        Ok(arrived.boxed())
    }
}
