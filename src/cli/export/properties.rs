//! What export writes, import reads back as the same events, whatever they are: tried on records
//! from seeds, which a failure prints.

#![expect(clippy::wildcard_enum_match_arm, reason = "what columns cannot say is all the rest")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{csv, export};
use crate::{
    cli::import::{Options, Report, Summary, import},
    domain::{
        known::Known,
        proto::{AppendRequest, Attribution, NewEvent, ReadRequest, RecordedEvent, StreamWrite},
    },
    grpc::client::fake::Fake,
};

mod random;

use random::{Event, Random};

/// Every refused row is a failure.
struct NoneRefused;

impl Report for NoneRefused {
    fn refused(&mut self, row: &crate::cli::lines::RowError) {
        panic!("{row}");
    }

    fn undone(&mut self, row: &crate::cli::lines::RowError) {
        panic!("{row}");
    }

    fn noted(&mut self, _: &str) {}

    fn advanced(&mut self, _: &Summary) {}
}

/// A store that holds these events.
async fn holding(events: Vec<Event>) -> Fake {
    let (store, position) = (Fake::default(), events.len() as u64);
    let client = store.client().await;
    let mut last = 0;
    for (stream, event) in events {
        let write = StreamWrite { stream, events: vec![event], ..StreamWrite::default() };
        let request = AppendRequest { writes: vec![write], ..AppendRequest::default() };
        last = client.append(request).await.unwrap().last_position;
    }
    assert_eq!(last, position);
    store
}

/// A store that holds what these texts say.
async fn imported(texts: &[String]) -> Fake {
    let store = Fake::default();
    let client = store.client().await;
    for text in texts {
        let read = import(&client, text.as_bytes(), Options::default(), &mut NoneRefused).await;
        assert_eq!(read.unwrap().refused, 0);
    }
    store
}

async fn lines(store: &Fake) -> String {
    let mut out = Vec::new();
    let client = store.client().await;
    export(&client, ReadRequest::default(), false, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn known(event: &RecordedEvent) -> Option<Known> {
    let any = event.payload.as_ref().unwrap();
    Some(Known::read(any.type_name(), &any.value)?.unwrap())
}

/// The claims of one table in their order, by what they are about.
type Reported = BTreeMap<String, Vec<Known>>;

/// What the three tables hold: claims about numbers and reports by their exchange, roles, and
/// running totals. A row has a role with its denial, so roles have no order.
fn reported(claims: impl IntoIterator<Item = Known>) -> [Reported; 3] {
    let mut tables = <[Reported; 3]>::default();
    for claim in claims {
        let (table, about) = match &claim {
            Known::ExchangeReported(_)
            | Known::TransferAgreed(_)
            | Known::TransferCompleted(_)
            | Known::TransferDeclined(_) => (0, claim.exchange_id()),
            Known::TotalClaimed(total) if total.leg.is_some() => (0, claim.exchange_id()),
            Known::TotalClaimed(_) => (2, None),
            Known::RoleAttributed(_) => (1, None),
            _ => continue,
        };
        let about = about.unwrap_or_default().to_owned();
        tables[table].entry(about).or_default().push(claim);
    }
    for roles in tables[1].values_mut() {
        roles.sort_by_key(|role| role.pack().value.to_vec());
    }
    tables
}

/// A claim without what the columns have no place for.
fn bare(mut claim: Known) -> Known {
    let of_said = |said: &mut Option<Attribution>| {
        let said = said.as_mut().unwrap();
        let (source_id, mut claimed_by) = (said.source_id.clone(), said.claimed_by.clone());
        if let Some(actor) = &mut claimed_by {
            actor.kind = 0;
        }
        *said = Attribution { source_id, claimed_by, ..Attribution::default() };
    };
    match &mut claim {
        Known::ExchangeReported(claim) => {
            of_said(&mut claim.attribution);
            claim.occurred_text.clear();
            claim.kind = 0;
            // White space around a field is no part of it.
            for text in [&mut claim.title, &mut claim.place] {
                *text = text.trim().to_owned();
            }
        }
        Known::TransferAgreed(claim) => of_said(&mut claim.attribution),
        Known::TransferDeclined(claim) => of_said(&mut claim.attribution),
        Known::TransferCompleted(claim) => {
            of_said(&mut claim.attribution);
            claim.of_which = None;
            claim.via.clear();
            claim.occurred_text.clear();
            claim.kind = 0;
        }
        Known::TotalClaimed(claim) => {
            of_said(&mut claim.attribution);
            claim.covers.clear();
        }
        Known::RoleAttributed(claim) => {
            of_said(&mut claim.attribution);
            claim.actor.as_mut().unwrap().kind = 0;
        }
        _ => {}
    }
    claim
}

/// Each cell of a table: none of them is a formula to a spreadsheet.
fn assert_harmless(text: &str) {
    for row in ::csv::Reader::from_reader(text.as_bytes()).records() {
        for cell in &row.unwrap() {
            let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            assert!(!formula || cell.parse::<f64>().is_ok(), "{cell:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lines_are_read_back_as_the_same_events(seed in any::<u64>().no_shrink()) {
        let (before, after, again) = wait(async {
            let store = holding(Random::new(seed, false).record()).await;
            let text = lines(&store).await;
            let other = imported(std::slice::from_ref(&text)).await;
            let again = lines(&other).await == text;
            (store.events(), other.events(), again)
        });
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(before, after);
        }
        prop_assert_eq!((before.len(), true), (after.len(), again));
    }

    #[test]
    fn tables_are_read_back_as_the_same_claims(seed in any::<u64>().no_shrink()) {
        let (before, after, left_out) = wait(async {
            let store = holding(Random::new(seed, true).tables()).await;
            let tables = csv::properties::tables(&store.client().await).await;
            let texts: Vec<String> = tables.iter().map(|table| table.text.clone()).collect();
            let other = imported(&texts).await;
            let again = csv::properties::tables(&other.client().await).await;
            for (table, again) in tables.iter().zip(&again) {
                assert_harmless(&table.text);
                for (line, again) in table.text.lines().zip(again.text.lines()) {
                    assert_eq!(line, again, "{}", table.text);
                }
                assert_eq!(table.text.len(), again.text.len());
            }
            let noted = tables.into_iter().map(|table| [table.left_out, table.notes].concat());
            let left_out: Vec<_> = noted.flatten().collect();
            (store.events(), other.events(), left_out)
        });
        prop_assert_eq!(left_out, Vec::<String>::new());
        let claims = |events: &[RecordedEvent]| reported(events.iter().filter_map(known));
        for (before, after) in claims(&before).iter().zip(&claims(&after)) {
            prop_assert_eq!(before, after);
        }
        // A source that a claim names is the same source, with its address or title.
        let sources = |events: &[RecordedEvent]| -> BTreeMap<String, Known> {
            let sources = events.iter().filter_map(known).filter_map(|known| {
                let Known::SourceRegistered(source) = &known else { return None };
                Some((source.source_id.clone(), known))
            });
            sources.collect()
        };
        let registered = sources(&before);
        for (id, source) in sources(&after) {
            prop_assert_eq!(registered.get(&id), Some(&source));
        }
    }

    #[test]
    fn a_row_of_any_claim_says_less_or_is_left_out_and_never_says_something_else(
        seed in any::<u64>().no_shrink(),
    ) {
        let (standing, tables, after) = wait(async {
            let store = holding(Random::new(seed, false).record()).await;
            let tables = csv::properties::tables(&store.client().await).await;
            let texts: Vec<String> = tables.iter().map(|table| table.text.clone()).collect();
            let other = imported(&texts).await;
            (csv::properties::standing(&store.events()), tables, other.events())
        });
        let left_out = |position: u64| {
            let reported = format!("claim {position} ");
            tables.iter().flat_map(|table| &table.left_out).any(|line| line.starts_with(&reported))
        };
        let kept = standing.into_iter().filter(|(position, _)| !left_out(*position));
        let before: Vec<Known> = kept.map(|(_, claim)| claim).collect();
        let after: Vec<Known> = after.iter().filter_map(known).collect();
        let [reported_before, reported_after] =
            [&before, &after].map(|claims| reported(claims.iter().cloned().map(bare)));
        for (before, after) in reported_before.iter().zip(&reported_after) {
            prop_assert_eq!(before, after);
        }
        // The sort of an operation is said as it was, or not at all.
        let kind = |claim: &Known| match claim {
            Known::ExchangeReported(report) => report.kind,
            Known::TransferCompleted(transfer) => transfer.kind,
            _ => 0,
        };
        let kinds = |claims: Vec<Known>| -> Vec<i32> {
            let [numbers, ..] = reported(claims);
            numbers.values().flatten().map(kind).collect()
        };
        for (before, after) in kinds(before).into_iter().zip(kinds(after)) {
            prop_assert!(after == before || after == 0, "{} became {}", before, after);
        }
        for table in &tables {
            assert_harmless(&table.text);
        }
    }

    #[test]
    fn what_a_row_does_not_say_is_reported(seed in any::<u64>().no_shrink()) {
        let record = Random::new(seed, false).record();
        let tagged = record.iter().filter(|(_, event)| !event.tags.is_empty()).count();
        let store = wait(holding(record));
        let table = wait(async { csv::properties::tables(&store.client().await).await });
        let notes = &table[0].notes;
        let count = |what: &str| {
            let start = format!("the columns have no place for {what} (");
            let count = notes.iter().find_map(|note| note.strip_prefix(&start)?.strip_suffix(')'));
            count.map_or(0, |count| count.parse().unwrap())
        };
        prop_assert_eq!(count("tags of clients"), tagged);
        let rows: Vec<(u64, Known)> = csv::properties::standing(&store.events());
        let in_table = |position: u64| {
            let expected = format!("claim {position} ");
            !table[0].left_out.iter().any(|line| line.starts_with(&expected))
        };
        let via = rows.iter().filter(|(position, claim)| {
            matches!(claim, Known::TransferCompleted(claim) if !claim.via.is_empty())
                && in_table(*position)
        });
        prop_assert_eq!(count("TransferCompleted.via"), via.count());
        let statements = rows.iter().filter(|(_, it)| matches!(it, Known::StatementMade(_)));
        prop_assert_eq!(count("StatementMade"), statements.count());
    }
}

/// An event of the tables as a client sends it.
#[test]
fn a_claimant_whose_name_begins_with_a_code_keeps_no_party() {
    use crate::domain::{known::examples, proto::Actor};

    let mut claim = examples::completed();
    let name = "IS spokesman".to_owned();
    let said = Attribution {
        source_id: "desk".to_owned(),
        claimed_by: Some(Actor { name, ..Actor::default() }),
        ..Attribution::default()
    };
    claim.attribution = Some(said.clone());
    let payload = Some(Known::from(claim).pack());
    let event = ("exchange/demo-1".to_owned(), NewEvent { payload, ..NewEvent::default() });
    let (text, after) = wait(async {
        let store = holding(vec![event]).await;
        let [claims, ..] = csv::properties::tables(&store.client().await).await;
        let other = imported(std::slice::from_ref(&claims.text)).await;
        (claims.text, other.events())
    });
    assert!(text.contains(",[] IS spokesman,[id desk]\n"), "{text}");
    let Some(Known::TransferCompleted(read)) = known(&after[0]) else { panic!("{after:?}") };
    assert_eq!(read.attribution, Some(said));
}
