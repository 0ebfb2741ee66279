//! A subscriber with a random filter, which resumes after what it has handled.

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use handover::{
    domain::proto::{
        Filter, FilterItem, ReadRequest, RecordedEvent, SubscribeRequest, SubscribeResponse,
        read_request, subscribe_request::Start, subscribe_response::Frame,
    },
    grpc::client::{Answers, Client},
};
use rand::{Rng as _, rngs::StdRng};

use super::{
    Actor,
    record::{CATEGORIES, STREAMS, TAGS, TYPES},
    world::World,
};
use crate::support::read;

/// One subscriber.
pub(super) struct Follower {
    filter: Filter,
    frames: Option<Answers<SubscribeResponse>>,
    seen: Vec<RecordedEvent>,
    /// Where it would resume.
    after: u64,
}

impl Follower {
    pub(super) fn new(chance: &mut StdRng) -> Self {
        let items = (0..chance.random_range(0..4)).map(|_| item(chance)).collect();
        Self { filter: Filter { items }, frames: None, seen: Vec::new(), after: 0 }
    }

    /// Takes the next frame, if the server has not gone.
    async fn take(&mut self, client: &Client) {
        let frames = self.frames.get_or_insert_with(|| {
            let (filter, start) = (Some(self.filter.clone()), Start::AfterPosition(self.after));
            client.subscribe(SubscribeRequest { filter, start: Some(start), ..Default::default() })
        });
        let Some(Ok(answer)) = frames.next().await else {
            self.frames = None;
            return;
        };
        match answer.frame.expect("a frame says what it is") {
            Frame::Events(batch) => {
                assert!(!batch.events.is_empty(), "a batch has events");
                for event in batch.events {
                    // An event that was passed or handled does not come again.
                    assert!(event.position > self.after, "{} after {}", event.position, self.after);
                    self.after = event.position;
                    self.seen.push(event);
                }
            }
            Frame::CaughtUp(mark) => self.pass(mark.position),
            Frame::Checkpoint(mark) => self.pass(mark.position),
            Frame::FellBehind(mark) => self.pass(mark.position),
        }
    }

    /// Takes frames until one reaches a position: its event, or a mark behind it. So it does not
    /// wait for what was left out on the way.
    async fn reach(&mut self, client: &Client, position: u64) {
        while self.after < position {
            self.take(client).await;
        }
    }

    fn pass(&mut self, position: u64) {
        assert!(position >= self.after, "a mark never goes back");
        self.after = position;
    }
}

impl Actor for Follower {
    fn act<'a>(&'a mut self, world: &'a World, chance: &'a mut StdRng) -> LocalBoxFuture<'a, ()> {
        async move {
            // As much as there is, or less; more would be waited for until the next append.
            let start = Some(read_request::Start::AfterPosition(self.after));
            let (filter, limit) = (Some(self.filter.clone()), Some(chance.random_range(1..40)));
            let there = ReadRequest { filter, start, limit, ..ReadRequest::default() };
            let there = read(&world.client, there).await;
            self.reach(&world.client, there.last().map_or(0, |event| event.position)).await;
        }
        .boxed_local()
    }

    fn disconnect(&mut self) {
        self.frames = None;
    }

    fn finish<'a>(&'a mut self, world: &'a World) -> LocalBoxFuture<'a, ()> {
        async move {
            let log = world.log().await;
            let expected: Vec<_> = log.iter().filter(|it| matches(&self.filter, it)).collect();
            let last = expected.last().map_or(0, |event| event.position);
            self.reach(&world.client, last).await;
            assert_eq!(self.seen.iter().collect::<Vec<_>>(), expected, "{:?}", self.filter);
            // No event comes between the last one and the mark that reaches the head.
            self.frames = None;
            self.reach(&world.client, world.head().await).await;
            assert_eq!(self.seen.len(), expected.len());
        }
        .boxed_local()
    }
}

fn item(chance: &mut StdRng) -> FilterItem {
    let mut some = |from: &[&str], odds: f64| -> Vec<String> {
        let taken = from.iter().filter(|_| chance.random_bool(odds));
        taken.map(ToString::to_string).collect()
    };
    let mut item = FilterItem {
        streams: some(&STREAMS, 0.15),
        categories: some(&CATEGORIES, 0.15),
        types: some(&TYPES, 0.2),
        tags: some(&TAGS, 0.2),
    };
    if item == FilterItem::default() {
        item.tags.push(TAGS[chance.random_range(0..TAGS.len())].into());
    }
    item
}

/// Whether a filter includes an event.
pub(crate) fn matches(filter: &Filter, event: &RecordedEvent) -> bool {
    let (category, _) = event.stream.split_once('/').expect("a category");
    let type_url = &event.payload.as_ref().expect("a payload").type_url;
    let any =
        |wanted: &[String], held: &str| wanted.is_empty() || wanted.iter().any(|it| it == held);
    let met = |item: &FilterItem| {
        any(&item.streams, &event.stream)
            && any(&item.categories, category)
            && any(&item.types, type_url.rsplit('/').next().unwrap_or_default())
            && item.tags.iter().all(|tag| event.tags.contains(tag))
    };
    filter.items.is_empty() || filter.items.iter().any(met)
}
