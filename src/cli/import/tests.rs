use super::*;
use crate::{domain::known::Known, grpc::client::fake::Fake};

const EXAMPLE: &str = include_str!("../../../examples/ankara-2024.jsonl");

#[derive(Default)]
struct Rows(Vec<String>);

impl Report for Rows {
    fn refused(&mut self, row: &RowError) {
        self.0.push(row.to_string());
    }

    fn advanced(&mut self, _: &Summary) {}
}

fn checked(text: &str) -> (Summary, Vec<String>) {
    let mut rows = Rows::default();
    let summary = check(text.as_bytes(), &mut rows).unwrap();
    (summary, rows.0)
}

#[test]
fn the_example_is_in_order() {
    let (summary, refused) = checked(EXAMPLE);
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(summary.lines, 32);
}

#[test]
fn the_example_speaks_only_of_what_the_record_knows() {
    for text in EXAMPLE.lines() {
        let line = crate::cli::lines::read(text.as_bytes(), 1).unwrap();
        let any = line.payload.pack(None);
        let known = Known::decode(any.type_name(), &any.value).expect("a known type").unwrap();
        let statement = matches!(known, Known::StatementMade(_));
        assert!(!statement || !text.contains("DIRECT_QUOTE"), "a quotation: {text}");
    }
}

#[test]
fn each_wrong_row_is_told_and_the_good_ones_are_kept() {
    let claim =
        r#"{"@type":"handover.v1.ClaimRetracted","claim":"a","attribution":{"sourceId":"s"}}"#;
    let source = r#"{"@type":"handover.v1.SourceRegistered","sourceId":"s"}"#;
    let unnamed = claim.replace("\"a\"", "\"b\"");
    let superlative = r#"{"@type":"handover.v1.SuperlativeClaimed",
        "attribution":{"sourceId":"s"},"exchangeId":"demo-1","text":"the first"}"#
        .replace('\n', "");
    let text = [
        format!(r#"{{"id":"a","payload":{superlative}}}"#),
        format!(r#"{{"payload":{claim}}}"#),
        format!(r#"{{"payload":{unnamed}}}"#),
        format!(r#"{{"id":"a","payload":{source}}}"#),
        format!(r#"{{"stream":"source/other","payload":{source}}}"#),
        r#"{"payload":{"@type":"handover.v1.SourceRegistered"}}"#.to_owned(),
        r#"{"payload":{"@type":"other.v1.Thing","@bytes":""}}"#.to_owned(),
        r#"{"stream":"demo/1","payload":{"@type":"other.v1.Thing","@bytes":""}}"#.to_owned(),
        "{".to_owned(),
    ]
    .join("\n");
    let (summary, refused) = checked(&text);
    assert_eq!((summary.lines, summary.refused), (9, 6), "{refused:#?}");
    for (row, expected) in refused.iter().zip([
        "3:58: no good earlier line has the id \"b\"",
        "4:1: the id \"a\" belongs to an earlier line",
        "5:36: stream: is source/other",
        "6:12: source_id",
        "7:12: \"stream\" is needed",
        "9:1: not JSON: EOF",
    ]) {
        assert!(row.starts_with(expected), "{row:?} is not {expected:?}");
    }
}

fn thing(n: usize) -> String {
    format!(r#"{{"stream":"demo/{n}","payload":{{"@type":"demo.v1.Thing","@bytes":""}}}}"#)
}

async fn imported(store: &Fake, text: &str) -> (Result<Summary, Failure>, Vec<String>) {
    let mut rows = Rows::default();
    let client = store.client().await;
    let done = import(&client, text.as_bytes(), Options::default(), &mut rows).await;
    (done, rows.0)
}

async fn imported_at_once(store: &Fake, text: &str) -> (Result<Summary, Failure>, Vec<String>) {
    let mut rows = Rows::default();
    let client = store.client().await;
    let done = import(&client, text.as_bytes(), Options { atomic: true }, &mut rows).await;
    (done, rows.0)
}

fn summary(lines: u64, added: u64, already: u64, refused: u64) -> Summary {
    Summary { lines, added, already, refused }
}

#[tokio::test]
async fn importing_twice_adds_nothing() {
    let store = Fake::default();
    assert_eq!(imported(&store, EXAMPLE).await.0, Ok(summary(32, 32, 0, 0)));
    assert_eq!(imported(&store, EXAMPLE).await.0, Ok(summary(32, 0, 32, 0)));
    assert_eq!(store.events().len(), 32);
}

#[tokio::test]
async fn the_same_line_twice_is_two_events() {
    let store = Fake::default();
    let text = [thing(1), thing(1)].join("\n");
    assert_eq!(imported(&store, &text).await.0, Ok(summary(2, 2, 0, 0)));
    assert_eq!(imported(&store, &text).await.0, Ok(summary(2, 0, 2, 0)));
}

#[tokio::test]
async fn many_more_lines_than_the_window_arrive_in_order() {
    let store = Fake::default();
    let count = 3 * pipeline::WINDOW + 5;
    let text: Vec<String> = (0..count).map(thing).collect();
    let (done, _) = imported(&store, &text.join("\n")).await;
    assert_eq!(done, Ok(summary(count as u64, count as u64, 0, 0)));
    for (event, n) in store.events().iter().zip(0..) {
        assert_eq!(event.stream, format!("demo/{n}"));
    }
}

#[tokio::test]
async fn a_store_that_fails_midway_is_imported_into_by_running_again() {
    let store = Fake::default();
    store.fails_at(Some(7));
    let failure = imported(&store, EXAMPLE).await.0.unwrap_err();
    assert_eq!(failure.exit, Exit::Unavailable);
    assert!(failure.message.contains("line 8") && failure.message.contains("again"), "{failure}");
    store.fails_at(None);
    assert_eq!(imported(&store, EXAMPLE).await.0, Ok(summary(32, 25, 7, 0)));
}

#[tokio::test]
async fn a_line_that_names_a_refused_one_is_refused_too() {
    let store = Fake::default();
    let said = r#""attribution":{"sourceId":"s"}"#;
    let claim = format!(
        r#"{{"@type":"handover.v1.SuperlativeClaimed",{said},"exchangeId":"demo-1","text":"x"}}"#
    );
    let wrong = claim.replace("demo-1", "demo 1");
    let about = format!(r#"{{"@type":"handover.v1.ClaimRetracted",{said},"claim":"ID"}}"#);
    let text = [
        format!(r#"{{"id":"bad","stream":"exchange/demo-1","payload":{wrong}}}"#),
        format!(r#"{{"payload":{}}}"#, about.replace("ID", "bad")),
        thing(1),
        format!(r#"{{"id":"good","payload":{claim}}}"#),
        format!(r#"{{"payload":{}}}"#, about.replace("ID", "good")),
    ];
    let (done, refused) = imported(&store, &text.join("\n")).await;
    assert_eq!(done.unwrap(), summary(5, 3, 0, 2), "{refused:#?}");
    assert!(refused[0].starts_with("1:50: payload.exchange_id"), "{refused:#?}");
    assert!(refused[1].contains("the line with the id \"bad\" was refused"), "{refused:#?}");
    let events = store.events();
    assert_eq!(events[2].stream, "exchange/demo-1", "the stream of the claim");
    let any = events[2].payload.clone().unwrap();
    assert_eq!(Known::decode(any.type_name(), &any.value).unwrap().unwrap().about(), Some(2));
}

#[tokio::test]
async fn all_at_once_is_everything_or_nothing() {
    let store = Fake::default();
    let bad = [EXAMPLE, "{}"].concat();
    let (done, refused) = imported_at_once(&store, &bad).await;
    assert_eq!(done, Ok(summary(33, 0, 0, 1)), "{refused:#?}");
    assert_eq!(store.events().len(), 0);
    assert_eq!(imported_at_once(&store, EXAMPLE).await.0, Ok(summary(32, 32, 0, 0)));
    assert_eq!(imported_at_once(&store, EXAMPLE).await.0, Ok(summary(32, 0, 32, 0)));
    assert_eq!(store.events().len(), 32);
}

#[tokio::test]
async fn what_does_not_fit_one_append_is_not_sent_at_once() {
    let store = Fake::default();
    let text: Vec<String> = (0..=crate::domain::limits::APPEND_EVENTS).map(thing).collect();
    let failure = imported_at_once(&store, &text.join("\n")).await.0.unwrap_err();
    assert!(failure.message.contains("1001 events"), "{failure}");
    let named = r#"{"payload":{"@type":"handover.v1.ClaimRetracted","claim":"a"}}"#;
    let (done, refused) = imported_at_once(&store, named).await;
    assert_eq!(done, Ok(summary(1, 0, 0, 1)));
    assert!(refused[0].contains("with --atomic give a position"), "{refused:#?}");
    assert_eq!(store.events().len(), 0);
}
