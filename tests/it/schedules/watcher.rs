//! Those who watch an answer: what they were told last is what is answered to a question.

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

/// Watches the figures of all countries.
#[derive(Default)]
pub(super) struct CountsWatcher {
    updates: Option<Answers<WatchCountryCountsResponse>>,
    rows: BTreeMap<(String, i32), CountryCount>,
    position: u64,
}

impl CountsWatcher {
    async fn take(&mut self, client: &Client) {
        let request = WatchCountryCountsRequest::default();
        let updates = self.updates.get_or_insert_with(|| client.watch_country_counts(request));
        let Some(Ok(answer)) = updates.next().await else {
            self.updates = None;
            return;
        };
        let key = |row: &CountryCount| (row.country.clone(), row.unit);
        match answer.update.expect("an update says what it is") {
            Update::Snapshot(all) => {
                self.rows = all.counts.into_iter().map(|row| (key(&row), row)).collect();
            }
            Update::Change(change) => {
                assert!(answer.position >= self.position, "a watch never goes back");
                assert!(!change.caused_by.is_empty(), "a change has a cause");
                let row = change.before.as_ref().or(change.after.as_ref()).expect("one of both");
                let row = key(row);
                assert_eq!(self.rows.get(&row), change.before.as_ref(), "it was told so before");
                self.rows.remove(&row);
                self.rows.extend(change.after.map(|after| (row, after)));
            }
        }
        self.position = answer.position;
    }
}

impl Actor for CountsWatcher {
    fn act<'a>(&'a mut self, world: &'a World, _: &'a mut StdRng) -> LocalBoxFuture<'a, ()> {
        self.finish(world)
    }

    fn disconnect(&mut self) {
        self.updates = None;
    }

    fn finish<'a>(&'a mut self, world: &'a World) -> LocalBoxFuture<'a, ()> {
        async move {
            let min_position = world.head().await;
            let request = GetCountryCountsRequest { min_position, ..Default::default() };
            let answer = world.client.country_counts(request).await.expect("an answer");
            if self.updates.is_none() {
                self.take(&world.client).await;
            }
            while self.rows.values().ne(&answer.counts) {
                self.take(&world.client).await;
            }
        }
        .boxed_local()
    }
}

/// Watches one exchange.
pub(super) struct ExchangeWatcher {
    exchange_id: String,
    include_past: bool,
    updates: Option<Answers<WatchExchangeResponse>>,
    story: Option<GetExchangeResponse>,
    position: u64,
}

impl ExchangeWatcher {
    pub(super) fn new(chance: &mut StdRng) -> Self {
        let exchange_id = EXCHANGES[chance.random_range(0..EXCHANGES.len())].into();
        let (include_past, position) = (chance.random(), 0);
        Self { exchange_id, include_past, updates: None, story: None, position }
    }

    async fn take(&mut self, client: &Client) {
        let (exchange_id, include_past) = (self.exchange_id.clone(), self.include_past);
        let request = WatchExchangeRequest { exchange_id, include_past, min_position: 0 };
        let first = self.updates.is_none();
        let updates = self.updates.get_or_insert_with(|| client.watch_exchange(request));
        let Some(Ok(answer)) = updates.next().await else {
            self.updates = None;
            return;
        };
        assert_eq!(answer.caused_by.is_empty(), first, "every change has a cause");
        // After a restart the projection may have to catch up with what it had taken in before.
        let since = if first { 0 } else { self.position };
        assert!(answer.caused_by.iter().all(|it| (since + 1..=answer.position).contains(it)));
        (self.story, self.position) = (answer.story, answer.position);
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
            let request =
                GetExchangeRequest { exchange_id, include_past, as_of: None, min_position };
            let answer = match world.client.exchange(request).await {
                Ok(answer) => Some(answer),
                Err(error) => {
                    assert_eq!(error.reason, "NOT_FOUND", "{error}");
                    None
                }
            };
            // What was told last may be true for an earlier position, since which nothing changed.
            let same = |story: &Option<GetExchangeResponse>| {
                let undated = |story: &GetExchangeResponse| GetExchangeResponse {
                    position: 0,
                    ..story.clone()
                };
                story.as_ref().map(undated) == answer.as_ref().map(undated)
            };
            if self.updates.is_none() {
                self.take(&world.client).await;
            }
            while !same(&self.story) {
                self.take(&world.client).await;
            }
        }
        .boxed_local()
    }
}
