//! Watches outlive connections and servers: what they report adds up to the answer, without a gap.

use std::collections::BTreeMap;

use handover::{
    client::{Append, ClientErrorKind, Watch, Watched},
    domain::proto::{
        Attribution, Count, CountryCount, GetCountryCountsRequest, GetExchangeRequest,
        GetExchangeResponse, Leg, TransferCompleted, Unit, WatchCountryCountsRequest,
        WatchCountryCountsResponse, WatchExchangeRequest, watch_country_counts_response::Update,
    },
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{client, next_server};
use crate::{
    proxy::Proxy,
    support::{Server, data_dir},
};

/// So many were handed over: a change of two countries at one position.
fn transfer(number: u32, unit: Unit) -> TransferCompleted {
    let leg = Leg {
        exchange_id: "demo-1".into(),
        from: vec!["RU".into()],
        to: vec!["UA".into()],
        unit: unit.into(),
        ..Leg::default()
    };
    TransferCompleted {
        attribution: Some(Attribution { source_id: "demo-source".into(), ..Default::default() }),
        leg: Some(leg),
        count: Some(Count { value: Some(number), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

type Rows = BTreeMap<(String, i32), CountryCount>;

/// What a watcher of the figures has received.
#[derive(Default)]
struct Figures {
    rows: Rows,
    causes: BTreeMap<(String, i32), Vec<u64>>,
    snapshots: usize,
}

impl Figures {
    /// Takes in updates until everything up to a position has come.
    async fn reach(&mut self, watch: &mut Watch<WatchCountryCountsResponse>, wanted: u64) {
        loop {
            let Watched::Update(reported) = watch.next().await.expect("it goes on") else {
                continue;
            };
            let (position, more) = (reported.position, reported.more);
            self.take(*reported);
            if position >= wanted && !more {
                return;
            }
        }
    }

    fn take(&mut self, reported: WatchCountryCountsResponse) {
        let key = |row: &CountryCount| (row.country.clone(), row.unit);
        match reported.update.expect("an update says what it is") {
            Update::Snapshot(all) => {
                self.snapshots += 1;
                self.rows = all.counts.into_iter().map(|row| (key(&row), row)).collect();
            }
            Update::Change(change) => {
                let after = change.after.expect("nothing is withdrawn");
                assert_eq!(self.rows.get(&key(&after)), change.before.as_ref(), "none is missing");
                self.causes.entry(key(&after)).or_default().extend(change.caused_by);
                self.rows.insert(key(&after), after);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_reported_once_over_cut_connections_and_restarts() {
    let seed = crate::support::seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let (_dir, data) = data_dir();
    let mut server = Server::start(&data, &[]);
    let proxy = Proxy::start(&server.address).await;
    // Some connections end between the changes of one position.
    proxy.lives(Some(100..30_000), chance.random());
    let watching = client(&proxy.address);
    let mut figures = Figures::default();
    let mut counts = watching.watch_counts(WatchCountryCountsRequest::default());
    figures.reach(&mut counts, 0).await;
    let exchange_id = "demo-1".to_owned();
    let mut story: Option<GetExchangeResponse> = None;
    let mut stories = watching.watch_exchange(WatchExchangeRequest {
        exchange_id: exchange_id.clone(),
        ..Default::default()
    });
    while matches!(stories.next().await.expect("it goes on"), Watched::Interrupted { .. }) {}
    let mut story_causes = Vec::new();
    let mut all: Vec<u64> = Vec::new();
    for round in 0..20_u32 {
        let writer = client(&server.address);
        for number in 0..chance.random_range(1..4) {
            // The largest number grows, so each event changes the figures of both countries.
            let unit = if all.len().is_multiple_of(2) { Unit::Person } else { Unit::Remains };
            let event = transfer(10 * round + number, unit);
            let receipt = writer.append(Append::new().event(event)).await.expect("recorded");
            all.push(receipt.first_position);
        }
        let last = *all.last().expect("some");
        if round % 5 == 4 {
            server = next_server(server, &data, &proxy, chance.random());
        } else if chance.random() {
            proxy.cut();
        }
        figures.reach(&mut counts, last).await;
        while story.as_ref().is_none_or(|story| story.position < last) {
            if let Watched::Update(reported) = stories.next().await.expect("it goes on") {
                story_causes.extend(reported.caused_by);
                story = reported.story;
            }
        }
    }
    assert_eq!(figures.snapshots, 1, "who resumes is not told everything again");
    let (even, odd): (Vec<_>, Vec<_>) = (0..all.len()).partition(|index| index % 2 == 0);
    for (unit, places) in [(Unit::Person, even), (Unit::Remains, odd)] {
        let wanted: Vec<u64> = places.into_iter().map(|index| all[index]).collect();
        for country in ["RU", "UA"] {
            assert_eq!(figures.causes[&(country.to_owned(), unit.into())], wanted, "{country}");
        }
    }
    assert_eq!(story_causes, all, "each event changed the story, and is told as a cause once");
    let caller = client(&server.address);
    let answer = caller.calls().country_counts(GetCountryCountsRequest::default()).await;
    assert!(figures.rows.values().eq(&answer.expect("an answer").counts));
    let question = GetExchangeRequest { exchange_id, ..Default::default() };
    let answer = caller.calls().exchange(question).await.expect("an answer");
    assert_eq!(story, Some(answer));
    println!("{} connections", proxy.opened());
    assert!(proxy.opened() > 5, "hardly anything was cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_after_a_position_that_an_earlier_one_got() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = client(&server.address);
    let record = async |number| {
        let receipt = client.append(Append::new().event(transfer(number, Unit::Person))).await;
        receipt.expect("recorded").first_position
    };
    let mut first = client.watch_counts(WatchCountryCountsRequest::default());
    assert_eq!(first.position(), None);
    let mut figures = Figures::default();
    figures.reach(&mut first, 0).await;
    let reported = record(13).await;
    figures.reach(&mut first, reported).await;
    // The last item counts as handled once the next one is requested.
    let waiting = std::time::Duration::from_millis(1);
    let nothing = tokio::time::timeout(waiting, first.next()).await;
    assert!(nothing.is_err(), "nothing has changed: {nothing:?}");
    assert_eq!(first.position(), Some(reported));

    let later = record(15).await;
    let after_position = first.position();
    let request = WatchCountryCountsRequest { after_position, ..Default::default() };
    let mut second = client.watch_counts(request);
    figures.reach(&mut second, later).await;
    assert_eq!(figures.snapshots, 1);
    for causes in figures.causes.values() {
        assert_eq!(*causes, [reported, later]);
    }

    let beyond = WatchCountryCountsRequest { after_position: Some(9), ..Default::default() };
    let error = client.watch_counts(beyond).next().await.expect_err("there is no 9");
    assert_eq!(error.error.kind, ClientErrorKind::BeyondHead, "{error}");
    let beyond = WatchExchangeRequest {
        exchange_id: "demo-1".into(),
        after_position: Some(9),
        ..Default::default()
    };
    let error = client.watch_exchange(beyond).next().await.expect_err("there is no 9");
    assert_eq!(error.error.kind, ClientErrorKind::BeyondHead, "{error}");
}
