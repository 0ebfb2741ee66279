//! A record that is extreme in every way that makes an answer large: long notes, many claims on one
//! exchange, many exchanges, many parties, many groups.

#![expect(clippy::unnecessary_wraps, reason = "messages are made of optional fields")]
#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use handover::{
    domain::proto::{
        Actor, Any, AppendRequest, Attribution, ClaimConfirmed, ClaimPreferred, Count,
        CreateGroupRequest, ExchangeReported, ExchangeStatus, Filter, FilterItem, Leg, NewEvent,
        Role, RoleAttributed, SourceRegistered, StatementMade, StatementMode, StreamWrite,
        SuperlativeClaimed, TotalClaimed, TransferAgreed, TransferCompleted, TransferDeclined,
        Unit,
    },
    grpc::client::{Client, ClientErrorKind},
};

use crate::support::new_id;

/// Claims of each sort on one exchange.
pub(super) const CLAIMS: usize = 16;
/// Statements about it.
pub(super) const STATEMENTS: usize = 100;
/// Exchanges that are small, each to a country of its own.
pub(super) const SMALL: usize = 15_000;
/// Exchanges between many parties.
pub(super) const JOINT: usize = 140;
/// Parties of a side of these.
const PARTIES: usize = 64;
/// Claimants that give one of two numbers for one leg.
pub(super) const CLAIMANTS: usize = 2_200;
/// Portions of one exchange.
pub(super) const PORTIONS: usize = 300;
pub(super) const SOURCES: usize = 250;
pub(super) const TOTALS: usize = 5;
pub(super) const GROUPS: usize = 120;

/// The exchange with long claims of every sort.
pub(super) const STORY: &str = "story";
/// The exchange of which so many claimants give numbers.
pub(super) const BOARD: &str = "board";
/// The exchange with many portions.
pub(super) const WHOLE: &str = "whole";
/// The country that so many are handed over by.
pub(super) const SENDER: &str = "x-sender";

/// A claim as a source with many relays and a long note has it: some 90 KB.
fn relayed(by: usize) -> Option<Attribution> {
    let actor = |number: usize| Actor {
        name: format!("{number:04} {}", "relay ".repeat(160)),
        ..Actor::default()
    };
    Some(Attribution {
        source_id: "relayed".into(),
        locator: "l".repeat(1_000),
        claimed_by: Some(Actor { name: format!("claimant {by}"), ..Actor::default() }),
        relayed_by: (0..72).map(actor).collect(),
        note: "note ".repeat(3_200),
        ..Attribution::default()
    })
}

fn plain(source: &str) -> Option<Attribution> {
    Some(Attribution { source_id: source.into(), ..Attribution::default() })
}

fn leg(exchange: &str, from: &[String], to: &[String], portion: &str) -> Option<Leg> {
    Some(Leg {
        exchange_id: exchange.into(),
        from: from.to_vec(),
        to: to.to_vec(),
        unit: Unit::Person.into(),
        portion: portion.into(),
        ..Leg::default()
    })
}

fn count(value: usize) -> Option<Count> {
    Some(Count { value: u32::try_from(value).ok(), ..Count::default() })
}

/// A code of 63 bytes.
pub(super) fn party(sort: &str, number: usize) -> String {
    format!("x-{sort}-{number:0width$}", width = 60 - sort.len())
}

/// An id of 118 bytes.
fn long_id(sort: &str, number: usize) -> String {
    format!("{sort}-{number:0width$}", width = 117 - sort.len())
}

/// Events for streams, appended in as few requests as they fit.
pub(super) struct Recorder<'c> {
    client: &'c Client,
    writes: Vec<StreamWrite>,
    bytes: usize,
    pub(super) head: u64,
}

impl<'c> Recorder<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client, writes: Vec::new(), bytes: 0, head: 0 }
    }

    async fn add<M: prost::Message + prost::Name>(&mut self, stream: &str, event: &M) {
        self.bytes += event.encoded_len() + stream.len() + 200;
        if self.bytes > 3 << 20 || self.writes.len() == 1_000 {
            self.flush().await;
            self.bytes = event.encoded_len();
        }
        let event = NewEvent { payload: Some(Any::pack(event)), ..NewEvent::default() };
        let last = self.writes.last_mut().filter(|write| write.stream == stream);
        if let Some(write) = last.filter(|write| write.events.len() < 500) {
            write.events.push(event);
        } else {
            let (stream, events) = (stream.to_owned(), vec![event]);
            self.writes.push(StreamWrite { stream, events, ..StreamWrite::default() });
        }
        if self.writes.iter().map(|write| write.events.len()).sum::<usize>() == 1_000 {
            self.flush().await;
        }
    }

    /// Records what is left; answers with the last position.
    async fn flush(&mut self) -> u64 {
        self.bytes = 0;
        let mut merged: Vec<StreamWrite> = Vec::new();
        for write in std::mem::take(&mut self.writes) {
            match merged.iter_mut().find(|other| other.stream == write.stream) {
                Some(other) => other.events.extend(write.events),
                None => merged.push(write),
            }
        }
        if !merged.is_empty() {
            let request = AppendRequest { request_id: new_id(), writes: merged, ..<_>::default() };
            self.head = self.append(request).await;
        }
        self.head
    }

    /// Appends, and again where a loaded machine takes longer than the client waits.
    async fn append(&self, request: AppendRequest) -> u64 {
        for _ in 0..20 {
            match self.client.append(request.clone()).await {
                Ok(appended) => return appended.last_position,
                Err(error) if error.kind == ClientErrorKind::Deadline => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("nothing is recorded")
    }

    /// One exchange with long claims of every sort; answers with its first transfer.
    pub(super) async fn story(&mut self) -> u64 {
        let stream = format!("exchange/{STORY}");
        let (ru, ua) = (["RU".to_owned()], ["UA".to_owned()]);
        let exchange_id = || STORY.to_owned();
        let first = self.flush().await + 1;
        for number in 0..CLAIMS {
            let attribution = relayed(number);
            let (leg_0, count) = (leg(STORY, &ru, &ua, ""), count(1 + number));
            let event = TransferCompleted { attribution, leg: leg_0, count, ..<_>::default() };
            self.add(&stream, &event).await;
        }
        for number in 0..CLAIMS {
            let portion = format!("batch {number}");
            let (attribution, leg) = (relayed(number), leg(STORY, &ru, &ua, &portion));
            let count = count(1);
            let (a, l, c) = (attribution.clone(), leg.clone(), count.clone());
            let completed =
                TransferCompleted { attribution: a, leg: l, count: c, ..<_>::default() };
            self.add(&stream, &completed).await;
            let (a, l, c) = (attribution.clone(), leg.clone(), count.clone());
            self.add(&stream, &TransferAgreed { attribution: a, leg: l, count: c }).await;
            let (a, l, c) = (attribution.clone(), leg.clone(), count.clone());
            let declined = TransferDeclined { attribution: a, leg: l, count: c, reason: 1 };
            self.add(&stream, &declined).await;
            let total = TotalClaimed { attribution, leg, count, ..<_>::default() };
            self.add(&stream, &total).await;
        }
        for number in 0..CLAIMS {
            let attribution = relayed(number);
            let report = ExchangeReported {
                attribution: attribution.clone(),
                exchange_id: exchange_id(),
                status: ExchangeStatus::Completed.into(),
                ..ExchangeReported::default()
            };
            self.add(&stream, &report).await;
            for denied in [false, true] {
                let actor = Some(Actor { name: "Somebody".into(), ..Actor::default() });
                let role = Role::Mediator.into();
                let (attribution, exchange_id) = (attribution.clone(), exchange_id());
                let event = RoleAttributed { attribution, exchange_id, actor, role, denied };
                self.add(&stream, &event).await;
            }
            let (text, exchange_id) = ("the largest".into(), exchange_id());
            let event = SuperlativeClaimed { attribution, exchange_id, text, ..<_>::default() };
            self.add(&stream, &event).await;
        }
        for _ in 0..STATEMENTS {
            self.add("statement/ana", &statement()).await;
        }
        self.flush().await;
        first
    }

    /// Preferences for a claim, each for the figure of another country, and confirmations of it;
    /// answers with the claim.
    pub(super) async fn preferred(&mut self) -> u64 {
        let (exchange, stream) = ("preferred", "exchange/preferred");
        let claim = self.flush().await + 1;
        for number in 0..CLAIMS {
            let to = [format!("x-p-{number}")];
            for value in [5, 1, 9] {
                let leg = leg(exchange, &["RU".to_owned()], &to, "");
                let attribution = plain(&format!("source-{value}"));
                let count = count(value);
                let event = TransferCompleted { attribution, leg, count, ..<_>::default() };
                self.add(stream, &event).await;
            }
        }
        self.flush().await;
        for number in 0..CLAIMS {
            let preference = ClaimPreferred {
                attribution: relayed(number),
                claim,
                country: format!("x-p-{number}"),
                direction: 1,
                rationale: "why ".repeat(4_000),
            };
            self.add(stream, &preference).await;
            let attribution = relayed(number);
            let event = ClaimConfirmed { attribution, claim, ..ClaimConfirmed::default() };
            self.add(stream, &event).await;
        }
        self.flush().await;
        claim
    }

    /// Many claimants with long names who give one of two numbers, each in words of their own.
    pub(super) async fn board(&mut self) {
        let sides = (["RU".to_owned()], ["UA".to_owned()]);
        for number in 0..CLAIMANTS {
            let name = format!("{number:06} {}", "claimant ".repeat(11));
            let attribution = Attribution {
                source_id: long_id("source", number),
                claimed_by: Some(Actor { name, ..Actor::default() }),
                ..Attribution::default()
            };
            let count = Count {
                value: Some(if number % 2 == 0 { 5 } else { 9 }),
                scope: format!("{number:06} {}", "scope ".repeat(160)),
                ..Count::default()
            };
            let event = TransferCompleted {
                attribution: Some(attribution),
                leg: leg(BOARD, &sides.0, &sides.1, ""),
                count: Some(count),
                ..TransferCompleted::default()
            };
            self.add(&format!("exchange/{BOARD}"), &event).await;
        }
        self.flush().await;
    }

    /// Exchanges to a country each, with long ids; every second is dated.
    pub(super) async fn small(&mut self) {
        for number in 0..SMALL {
            let id = long_id("small", number);
            let event = TransferCompleted {
                attribution: plain("small"),
                leg: leg(&id, &[SENDER.to_owned()], &[party("to", number)], ""),
                count: count(1),
                occurred: if number % 2 == 0 { "2024-06-01".into() } else { String::new() },
                ..TransferCompleted::default()
            };
            self.add(&format!("exchange/{id}"), &event).await;
        }
        self.flush().await;
    }

    /// Exchanges between as many parties as a side can have; they are the newest.
    pub(super) async fn joint(&mut self) {
        let side = |sort: &str| (0..PARTIES).map(|it| party(sort, it)).collect::<Vec<_>>();
        for number in 0..JOINT {
            let id = format!("joint-{number}");
            let mut to = side("b");
            // No two routes are the same.
            to.pop();
            to.push(party("c", number));
            let event = TransferCompleted {
                attribution: plain("joint"),
                leg: leg(&id, &side("a"), &to, ""),
                count: count(1),
                occurred: "2025-06-01".into(),
                ..TransferCompleted::default()
            };
            self.add(&format!("exchange/{id}"), &event).await;
        }
        self.flush().await;
    }

    pub(super) async fn portions(&mut self) {
        for number in 0..PORTIONS {
            let exchange_id = long_id("part", number);
            let stream = format!("exchange/{exchange_id}");
            let report = ExchangeReported {
                attribution: plain("whole"),
                exchange_id,
                part_of: WHOLE.into(),
                parties: vec![party("part", number)],
                status: ExchangeStatus::Completed.into(),
                ..ExchangeReported::default()
            };
            self.add(&stream, &report).await;
        }
        self.flush().await;
    }

    pub(super) async fn sources(&mut self) {
        for number in 0..SOURCES {
            let source_id = format!("registered-{number}");
            let url = format!("https://demo.example/{}", "u".repeat(2_000));
            let event = SourceRegistered {
                source_id: source_id.clone(),
                title: "t".repeat(1_000),
                publisher: "p".repeat(1_000),
                archive_url: url.clone(),
                url,
                ..SourceRegistered::default()
            };
            self.add(&format!("source/{source_id}"), &event).await;
        }
        self.flush().await;
    }

    /// Totals of a series, with the small exchanges between the first two.
    pub(super) async fn totals(&mut self) {
        for number in 0..TOTALS {
            let event = TotalClaimed {
                attribution: plain("totals"),
                series: "handed over".into(),
                as_of: format!("{}-12-31", 2_023 + number),
                count: count(10 * (1 + number)),
                ..TotalClaimed::default()
            };
            self.add("series/handed-over", &event).await;
        }
        // Names of other series, as long as they can be.
        for number in 0..1_100 {
            let series = format!("{number:05}{}", "s".repeat(100));
            let event = TotalClaimed {
                attribution: plain("totals"),
                series: series.clone(),
                as_of: "2024".into(),
                count: count(1),
                ..TotalClaimed::default()
            };
            self.add(&format!("series/{series}"), &event).await;
        }
        self.flush().await;
    }

    pub(super) async fn groups(&mut self) {
        for number in 0..GROUPS {
            let stream = |term: usize| format!("demo/{term:02}-{number:04}{}", "s".repeat(230));
            let streams = (0..64).map(stream).collect();
            let items = vec![FilterItem { streams, ..FilterItem::default() }];
            let request = CreateGroupRequest {
                name: format!("group-{number:04}"),
                filter: Some(Filter { items }),
                ..CreateGroupRequest::default()
            };
            self.client.create_group(request).await.expect("a group");
        }
    }
}

fn statement() -> StatementMade {
    StatementMade {
        attribution: plain("said"),
        speaker: Some(Actor { name: "Ana".into(), ..Actor::default() }),
        mode: StatementMode::DirectQuote.into(),
        text: "word ".repeat(3_200),
        exchange_id: STORY.into(),
        ..StatementMade::default()
    }
}
