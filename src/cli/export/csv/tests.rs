use super::*;
use crate::{
    cli::import::{Options, command::Terminal, import},
    domain::{
        known::Known,
        proto::{
            Actor, AppendRequest, Attribution, ClaimCorrected, ClaimRetracted, Count, NewEvent,
            OfWhich, RecordedEvent, StreamWrite, TransferCompleted,
        },
    },
    grpc::client::fake::Fake,
};

const CLAIMS: &str = "\
exchange,part_of,title,occurred,place,parties,kind,record,from,to,unit,category,portion,count,\
    approximate,reason,scope,claimed_by,source
demo-1,,A demonstration,2024-08,\"Ankara, TR\",RU+UA,exchange,completed,RU,UA,person,,,150,,,,\
    RU MoD,https://example.org/1
demo-1,,A demonstration,2024-08,\"Ankara, TR\",RU+UA,exchange,completed,RU,UA,person,\
    prisoner_of_war,first batch,40,yes,,\"about, he said\",UA HQ,https://example.org/2
demo-1,,A demonstration,2024-08,\"Ankara, TR\",RU+UA,exchange,agreed,UA,RU,person,,,,,,,,\
    A letter
demo-2,demo-1,,2024-08-02,,,cancelled,declined,UA+BY,,remains,,,29,,died,,OSCE,\
    https://example.org/1
demo-3,,,,,,,total,,,person,,,26,,,in all,TR MFA,https://example.org/1
demo-4,,,2024,,,under_way,completed,,,person,,,,,,,,https://example.org/1
";
const ROLES: &str = "\
exchange,actor,role,attributed_by,disputed_by,source
demo-1,AE,mediator,RU MFA,US NSC,https://example.org/1
demo-1,SA,mediator,,,https://example.org/1
";
const TOTALS: &str = "\
claimed_by,as_of,total,scope,previous_total,exchange,source
\"AE MFA (both, sides)\",2024-07-17,1558,both sides,1400,demo-1,https://example.org/1
UA HQ,2024-08-24,,,,,https://example.org/1
";

/// A store that holds what the text says.
async fn holding(text: &str) -> Fake {
    let store = Fake::default();
    let mut report = Terminal::new("test");
    let client = store.client().await;
    let done = import(&client, text.as_bytes(), Options::default(), &mut report).await.unwrap();
    assert_eq!(done.refused, 0);
    store
}

fn record(events: &[RecordedEvent]) -> Record {
    let mut record = Record::default();
    for event in events {
        record.add(event);
    }
    record
}

async fn exported(store: &Fake, form: Form) -> (String, Exit) {
    let mut out = Vec::new();
    let exit = export(&store.client().await, form, &mut out).await.unwrap();
    (String::from_utf8(out).unwrap(), exit)
}

#[tokio::test]
async fn what_was_imported_from_a_table_is_exported_to_the_same_table() {
    for (text, form) in [(CLAIMS, Form::Claims), (ROLES, Form::Roles), (TOTALS, Form::Totals)] {
        let store = holding(text).await;
        assert_eq!(exported(&store, form).await, (text.to_owned(), Exit::Done));
    }
}

async fn append(store: &Fake, stream: &str, known: impl Into<Known>) -> u64 {
    let event = NewEvent { payload: Some(known.into().pack()), ..Default::default() };
    let stream = stream.to_owned();
    let write = StreamWrite { stream, events: vec![event], ..Default::default() };
    let request = AppendRequest { writes: vec![write], ..Default::default() };
    store.client().await.append(request).await.unwrap().first_position
}

fn transfer(store: &Fake) -> TransferCompleted {
    let found = store.events().into_iter().find_map(|event| {
        let any = event.payload?;
        let known = Known::decode(any.type_name(), &any.value)?.ok()?;
        let Known::TransferCompleted(transfer) = known else { return None };
        Some(transfer)
    });
    found.unwrap()
}

fn said() -> Attribution {
    Attribution { source_id: "desk".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_claim_reads_as_last_corrected_and_not_at_all_when_it_is_retracted() {
    let store = holding(&CLAIMS.lines().take(3).collect::<Vec<_>>().join("\n")).await;
    let first = transfer(&store);
    // Source, exchange and claim of the first row; the second row has another source.
    let (claim, retracted) = (3, 6);
    for value in [151, 152] {
        let count = Some(Count { value: Some(value), ..Default::default() });
        let replacement = Known::from(TransferCompleted { count, ..first.clone() }).pack();
        let correction = ClaimCorrected {
            attribution: Some(said()),
            claim,
            replacement: Some(replacement),
            by: 2,
            reason: String::new(),
        };
        append(&store, "exchange/demo-1", correction).await;
    }
    let retraction =
        ClaimRetracted { attribution: Some(said()), claim: retracted, ..Default::default() };
    append(&store, "exchange/demo-1", retraction).await;
    let (text, exit) = exported(&store, Form::Claims).await;
    let expected = CLAIMS.lines().take(2).collect::<Vec<_>>().join("\n").replace(",150,", ",152,");
    // What its source says of the exchange stands.
    let report = "demo-1,,A demonstration,2024-08,\"Ankara, TR\",RU+UA,exchange,reported,,,,,,,,,,,\
        https://example.org/2";
    assert_eq!((text, exit), (format!("{expected}\n{report}\n"), Exit::Done));
}

#[tokio::test]
async fn what_the_columns_cannot_say_is_left_out_and_reported() {
    let store = holding(&CLAIMS.lines().take(2).collect::<Vec<_>>().join("\n")).await;
    let first = transfer(&store);
    let parts = Some(OfWhich { minors: Some(2), ..Default::default() });
    append(&store, "exchange/demo-1", TransferCompleted { of_which: parts, ..first.clone() }).await;
    let count = Some(Count { low: Some(1), high: Some(2), ..Default::default() });
    let range = append(&store, "exchange/demo-1", TransferCompleted { count, ..first }).await;
    let record = record(&store.events());
    let rows = claims::rows(&record);
    assert_eq!(rows.rows.len(), 2);
    let why = format!("claim {range} gives a range, which the columns cannot hold");
    assert_eq!(rows.left_out, [why]);
    let note = "the columns have no place for TransferCompleted.of_which (1)";
    assert_eq!(rows.notes(&record), [note]);
    assert_eq!(exported(&store, Form::Claims).await.1, Exit::RowsRefused);
}

#[tokio::test]
async fn a_denial_that_no_row_can_hold_is_reported() {
    let store = holding(ROLES).await;
    let denial = crate::domain::proto::RoleAttributed {
        attribution: Some(said()),
        exchange_id: "demo-1".to_owned(),
        actor: Some(Actor { party: "AE".to_owned(), ..Default::default() }),
        role: 4,
        denied: true,
    };
    let position = append(&store, "exchange/demo-1", denial).await;
    let rows = roles::rows(&record(&store.events()));
    assert_eq!(rows.rows.len(), 2);
    assert!(rows.left_out[0].starts_with(&format!("claim {position} denies")), "{rows:?}");
}
