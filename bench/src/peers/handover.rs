//! handover over its own client.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use handover::{
    cli::exit::Failure,
    domain::proto::{
        Any, AppendCondition, AppendRequest, Filter, FilterItem, NewEvent, ReadRequest,
        StreamWrite, SubscribeRequest, subscribe_request::Start, subscribe_response::Frame,
    },
    grpc::client::Client,
};

use super::{
    connection::{Arrivals, Connection, Progress},
    work::{Batch, Event, Place, Selection, Source},
};
use crate::encoded::Counted;

/// Types of the bench; no server knows them.
const TYPE: &str = "bench.v1.Kind";

/// A connection.
#[derive(Debug)]
pub(super) struct Handover {
    client: Client,
    source: Arc<Source>,
}

impl Handover {
    pub(super) async fn connect(address: &str, source: Arc<Source>) -> Result<Self, Failure> {
        Ok(Self { client: Client::connect(address).await?, source })
    }

    fn request(&self, batch: &Batch) -> AppendRequest {
        let mut writes: Vec<StreamWrite> = Vec::new();
        let mut last = None;
        for event in batch.events() {
            if last != Some(event.stream) {
                let stream = self.source.identity.stream(event.stream);
                writes.push(StreamWrite { stream, ..StreamWrite::default() });
                last = Some(event.stream);
            }
            let new = self.event(&event, batch.place);
            if let Some(write) = writes.last_mut() {
                write.events.push(new);
            }
        }
        let request_id = self.source.id(batch.first).to_string();
        AppendRequest { request_id, writes, ..AppendRequest::default() }
    }

    fn event(&self, event: &Event, place: Place) -> NewEvent {
        let value = self.source.identity.payload(event.number);
        let type_url = format!("type.googleapis.com/{TYPE}{}", event.kind);
        let mut tags = Vec::new();
        if place == Place::Tens {
            tags.push(stream_tag(event.stream));
            tags.extend(event.share.map(share_tag));
        }
        NewEvent { payload: Some(Any { type_url, value }), tags, ..NewEvent::default() }
    }

    fn filter(&self, selection: Selection) -> Option<Filter> {
        let item = match selection {
            Selection::All => return None,
            Selection::Share(of) => FilterItem { tags: vec![share_tag(of)], ..Default::default() },
            Selection::Stream(stream) => self.of_stream(stream),
            Selection::One(event) => FilterItem {
                types: vec![format!("{TYPE}{}", event.kind)],
                tags: vec![stream_tag(event.stream)],
                ..FilterItem::default()
            },
        };
        Some(Filter { items: vec![item] })
    }

    fn of_stream(&self, stream: u64) -> FilterItem {
        let streams = vec![self.source.identity.stream(stream)];
        FilterItem { streams, ..FilterItem::default() }
    }
}

fn stream_tag(stream: u64) -> String {
    format!("bench-stream:{stream}")
}

fn share_tag(of: u64) -> String {
    format!("bench-share:{of}")
}

#[tonic::async_trait]
impl Connection for Handover {
    async fn append(&self, batch: &Batch) -> Result<(), Failure> {
        self.client.append(self.request(batch)).await?;
        Ok(())
    }

    async fn append_after(&self, batch: &Batch, seen: Option<u64>) -> Result<u64, Failure> {
        let mut request = self.request(batch);
        let items = batch.events().take(1).map(|event| self.of_stream(event.stream)).collect();
        request.condition = Some(AppendCondition {
            fail_if_match: Some(Filter { items }),
            after_position: seen.unwrap_or_default(),
        });
        Ok(self.client.append(request).await?.last_position)
    }

    async fn read(&self, selection: Selection, progress: Progress<'_>) -> Result<(), Failure> {
        let request = ReadRequest { filter: self.filter(selection), ..ReadRequest::default() };
        if matches!(selection, Selection::Stream(_) | Selection::One(_)) {
            let mut answers = self.client.read(request);
            while let Some(answer) = answers.try_next().await? {
                progress(answer.events.len() as u64);
            }
            return Ok(());
        }
        let mut answers = self.client.read_encoded(request);
        while let Some(answer) = answers.try_next().await? {
            if !progress(Counted::of(answer)?.events) {
                break;
            }
        }
        Ok(())
    }

    async fn follow(&self) -> Result<Arrivals, Failure> {
        let start = Some(Start::FromNow(true));
        let mut frames = self.client.subscribe(SubscribeRequest { start, ..Default::default() });
        // The first frame says that the subscription stands.
        let first = frames.try_next().await?;
        let all = stream::iter(first.map(Ok)).chain(frames);
        let arrived = all.map_err(Failure::from).map_ok(|answer| match answer.frame {
            Some(Frame::Events(batch)) => {
                batch.events.into_iter().filter_map(|it| it.payload).map(|it| it.value).collect()
            }
            Some(Frame::CaughtUp(_) | Frame::Checkpoint(_) | Frame::FellBehind(_)) | None => {
                Vec::new()
            }
        });
        Ok(arrived.boxed())
    }
}
