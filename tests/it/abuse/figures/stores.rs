//! What a server keeps before it is attacked.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use handover::{
    domain::proto::{
        Any, AppendRequest, Attribution, Count, GetCountryCountsRequest, Leg, NewEvent,
        StreamWrite, TransferCompleted, Unit,
    },
    grpc::client::Client,
};
use tokio::time::timeout;

use crate::support::{append, event, new_id};

/// How long the figures may need to include everything.
const CATCHES_UP: Duration = Duration::from_mins(5);

/// Events of the log that subscribers do not read.
pub(super) const EVENTS: usize = 500_000;
/// Exchanges of the list that is paged through.
pub(super) const EXCHANGES: usize = 200_000;
/// Claims of the exchange with the long answer, and bytes of the note of each.
pub(super) const CLAIMS: usize = 2_000;
const NOTE_BYTES: usize = 12 << 10;
/// The exchange with the long answer.
pub(super) const LONG: &str = "long";

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// Nothing but what the good caller writes.
    Empty,
    /// [`EVENTS`] of 256 bytes.
    Events,
    /// [`EXCHANGES`] of one claim each.
    Exchanges,
    /// One exchange of [`CLAIMS`].
    LongExchange,
}

impl Store {
    /// Records it, and waits until the figures include it.
    pub(super) async fn fill(self, client: &Client) {
        let (writes, together): (Box<dyn Iterator<Item = AppendRequest> + Send>, _) = match self {
            Self::Empty => return,
            Self::Events => (Box::new((0..EVENTS / 1_000).map(plain)), 8),
            Self::Exchanges => (Box::new((0..EXCHANGES / 1_000).map(exchanges)), 8),
            Self::LongExchange => (Box::new((0..CLAIMS / 100).map(long)), 4),
        };
        let appends = stream::iter(writes).map(async |write| client.append(write).await);
        let done: Vec<_> =
            appends.buffer_unordered(together).try_collect().await.expect("recorded");
        let min_position = done.iter().map(|it| it.last_position).max().unwrap_or_default();
        let request = || GetCountryCountsRequest { min_position, ..<_>::default() };
        // The figures may need longer than the client waits.
        let caught_up = async { while client.country_counts(request()).await.is_err() {} };
        timeout(CATCHES_UP, caught_up).await.expect("the figures catch up");
    }
}

fn plain(number: usize) -> AppendRequest {
    let text = "x".repeat(256);
    append(&format!("x/{}", number % 50), vec![event(&text, &[]); 1_000])
}

/// A party's code, one of so many.
fn party(number: usize, of: usize) -> String {
    format!("x-{}", number % of)
}

fn claim(exchange: &str, number: usize, note: String) -> NewEvent {
    let source_id = format!("demo-{number}");
    let claim = TransferCompleted {
        attribution: Some(Attribution { source_id, note, ..<_>::default() }),
        leg: Some(Leg {
            exchange_id: exchange.to_owned(),
            from: vec![party(number, 40)],
            to: vec![party(number / 40 + 1, 39)],
            unit: Unit::Person.into(),
            ..<_>::default()
        }),
        count: Some(Count { value: Some(3), ..<_>::default() }),
        occurred: format!("{}-05", 1950 + number % 70),
        ..<_>::default()
    };
    NewEvent { payload: Some(Any::pack(&claim)), ..<_>::default() }
}

fn exchanges(thousand: usize) -> AppendRequest {
    let write = |number: usize| {
        let id = format!("made-{number}");
        let events = vec![claim(&id, number, String::new())];
        StreamWrite { stream: format!("exchange/{id}"), expected_revision: None, events }
    };
    let writes = (thousand * 1_000..(thousand + 1) * 1_000).map(write).collect();
    AppendRequest { request_id: new_id(), writes, ..<_>::default() }
}

fn long(hundred: usize) -> AppendRequest {
    let claims =
        (hundred * 100..(hundred + 1) * 100).map(|it| claim(LONG, it, "n".repeat(NOTE_BYTES)));
    append(&format!("exchange/{LONG}"), claims.collect())
}
