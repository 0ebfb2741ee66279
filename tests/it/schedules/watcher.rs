//! Watchers of an answer: the last answer of a watch is what a query returns.

use std::collections::BTreeMap;

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use handover::{
    domain::proto::{
        CountryCount, GetCountryCountsRequest, GetExchangeRequest, GetExchangeResponse,
        WatchCountryCountsRequest, WatchCountryCountsResponse, WatchExchangeRequest,
        WatchExchangeResponse, watch_country_counts_response::Update,
    },
    grpc::client::{Answers, Client},
};
use rand::{Rng as _, rngs::StdRng};

use super::{Actor, record::EXCHANGES, world::World};

/// Watches the figures of all countries, and resumes after the last position that came whole.
#[derive(Default)]
pub(super) struct CountsWatcher {
    updates: Option<Answers<WatchCountryCountsResponse>>,
    /// What came of a position of which more follows.
    partial: Vec<WatchCountryCountsResponse>,
    rows: BTreeMap<(String, i32), CountryCount>,
    /// Absent: nothing came yet.
    position: Option<u64>,
}

impl CountsWatcher {
    async fn take(&mut self, client: &Client) {
        let after_position = self.position;
        let request = WatchCountryCountsRequest { after_position, ..Default::default() };
        let updates = self.updates.get_or_insert_with(|| client.watch_country_counts(request));
        let Some(Ok(answer)) = updates.next().await else {
            self.disconnect();
            return;
        };
        let (more, position) = (answer.more, answer.position);
        self.partial.push(answer);
        if !more {
            for answer in std::mem::take(&mut self.partial) {
                assert_eq!(answer.position, position, "what is told together is of one position");
                self.apply(answer.update.expect("an update says what it is"));
            }
            assert!(
                self.position.is_none_or(|reported| reported < position),
                "a watch never goes back"
            );
            self.position = Some(position);
        }
    }

    fn apply(&mut self, update: Update) {
        let key = |row: &CountryCount| (row.country.clone(), row.unit);
        match update {
            Update::Snapshot(all) => {
                assert_eq!(self.position, None, "who resumes is told what has changed");
                self.rows = all.counts.into_iter().map(|row| (key(&row), row)).collect();
            }
            Update::Change(change) => {
                let since = self.position.expect("a snapshot comes first");
                assert!(!change.caused_by.is_empty(), "a change has a cause");
                assert!(change.caused_by.iter().all(|cause| *cause > since), "and no old one");
                let row = change.before.as_ref().or(change.after.as_ref()).expect("one of both");
                let row = key(row);
                assert_eq!(self.rows.get(&row), change.before.as_ref(), "it was told so before");
                self.rows.remove(&row);
                self.rows.extend(change.after.map(|after| (row, after)));
            }
        }
    }
}

impl Actor for CountsWatcher {
    fn act<'a>(&'a mut self, world: &'a World, _: &'a mut StdRng) -> LocalBoxFuture<'a, ()> {
        self.finish(world)
    }

    fn disconnect(&mut self) {
        self.updates = None;
        self.partial.clear();
    }

    fn finish<'a>(&'a mut self, world: &'a World) -> LocalBoxFuture<'a, ()> {
        async move {
            let min_position = world.head().await;
            let request = GetCountryCountsRequest { min_position, ..Default::default() };
            let answer = world.client.country_counts(request).await.expect("an answer");
            while self.rows.values().ne(&answer.counts) {
                self.take(&world.client).await;
            }
        }
        .boxed_local()
    }
}

/// Watches one exchange, and resumes after the last answer that came.
pub(super) struct ExchangeWatcher {
    exchange_id: String,
    include_past: bool,
    updates: Option<Answers<WatchExchangeResponse>>,
    story: Option<GetExchangeResponse>,
    /// Absent: nothing came yet.
    position: Option<u64>,
}

impl ExchangeWatcher {
    pub(super) fn new(chance: &mut StdRng) -> Self {
        let exchange_id = EXCHANGES[chance.random_range(0..EXCHANGES.len())].into();
        let include_past = chance.random();
        Self { exchange_id, include_past, updates: None, story: None, position: None }
    }

    async fn take(&mut self, client: &Client) {
        let (exchange_id, include_past) = (self.exchange_id.clone(), self.include_past);
        let after_position = self.position;
        let request = WatchExchangeRequest {
            exchange_id,
            include_past,
            after_position,
            ..Default::default()
        };
        let updates = self.updates.get_or_insert_with(|| client.watch_exchange(request));
        let Some(Ok(answer)) = updates.next().await else {
            self.updates = None;
            return;
        };
        assert_eq!(answer.caused_by.is_empty(), self.position.is_none(), "a change has a cause");
        let since = self.position.unwrap_or_default();
        assert!(answer.caused_by.iter().all(|it| (since + 1..=answer.position).contains(it)));
        (self.story, self.position) = (answer.story, Some(answer.position));
    }
}

impl Actor for ExchangeWatcher {
    fn act<'a>(&'a mut self, world: &'a World, _: &'a mut StdRng) -> LocalBoxFuture<'a, ()> {
        self.finish(world)
    }

    fn disconnect(&mut self) {
        self.updates = None;
    }

    fn finish<'a>(&'a mut self, world: &'a World) -> LocalBoxFuture<'a, ()> {
        async move {
            let (exchange_id, include_past) = (self.exchange_id.clone(), self.include_past);
            let min_position = world.head().await;
            let request = GetExchangeRequest {
                exchange_id,
                include_past,
                min_position,
                ..Default::default()
            };
            let answer = match world.client.exchange(request).await {
                Ok(answer) => Some(answer),
                Err(error) => {
                    assert_eq!(error.reason, "NOT_FOUND", "{error}");
                    None
                }
            };
            // The last answer may be true for an earlier position, since which nothing changed.
            let same = |story: &Option<GetExchangeResponse>| {
                let undated = |story: &GetExchangeResponse| GetExchangeResponse {
                    position: 0,
                    ..story.clone()
                };
                story.as_ref().map(undated) == answer.as_ref().map(undated)
            };
            while !same(&self.story) {
                self.take(&world.client).await;
            }
        }
        .boxed_local()
    }
}
