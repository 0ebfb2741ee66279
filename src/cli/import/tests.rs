use super::{content::Contents, *};
use crate::{cli::exit::Exit, domain::known::Known, grpc::client::fake::Fake};

const EXAMPLE: &str = include_str!("../../../examples/ankara-2024.jsonl");

#[derive(Default)]
struct Rows(Vec<String>);

impl Report for Rows {
    fn refused(&mut self, row: &RowError) {
        self.0.push(row.to_string());
    }

    fn undone(&mut self, row: &RowError) {
        self.0.push(row.to_string());
    }

    fn noted(&mut self, note: &str) {
        self.0.push(format!("note: {note}"));
    }

    fn advanced(&mut self, _: &Summary) {}
}

fn checked(text: &str) -> (Summary, Vec<String>) {
    let mut rows = Rows::default();
    let summary = check(text.as_bytes(), &Reading::default(), &mut rows).unwrap();
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
fn each_wrong_row_is_reported_and_the_good_ones_are_kept() {
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
        "9:1: not JSON: it ends within an object",
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

async fn imported_checked(store: &Fake, text: &str) -> (Result<Summary, Failure>, Vec<String>) {
    let mut rows = Rows::default();
    let client = store.client().await;
    let done =
        import_checked(&client, std::io::Cursor::new(text), Reading::default(), &mut rows).await;
    (done, rows.0)
}

fn summary(lines: u64, added: u64, already: u64, refused: u64) -> Summary {
    Summary { lines, added, already, refused, undone: 0 }
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
async fn a_file_with_anything_wrong_in_it_is_refused_as_a_whole_if_it_is_checked_first() {
    let store = Fake::default();
    let (done, refused) = imported_checked(&store, &[EXAMPLE, "{}"].concat()).await;
    assert_eq!(done, Ok(summary(33, 0, 0, 1)), "{refused:#?}");
    assert_eq!(store.events().len(), 0);
    // The plain import knows it again, and the other way round.
    assert_eq!(imported_checked(&store, EXAMPLE).await.0, Ok(summary(32, 32, 0, 0)));
    assert_eq!(imported(&store, EXAMPLE).await.0, Ok(summary(32, 0, 32, 0)));
    assert_eq!(imported_checked(&store, EXAMPLE).await.0, Ok(summary(32, 0, 32, 0)));
    assert_eq!(store.events().len(), 32);
}

/// Payloads of a small file in which lines are about earlier ones.
struct Said;

impl Said {
    const BY: &str = r#""attribution":{"sourceId":"s"}"#;

    fn transfer(exchange: &str, to: &str, count: &str) -> String {
        let leg = format!(r#"{{"exchangeId":"{exchange}","to":["{to}"],"unit":"UNIT_PERSON"}}"#);
        let count = format!("{{{count}}}");
        let by = Self::BY;
        format!(r#"{{"@type":"handover.v1.TransferCompleted",{by},"leg":{leg},"count":{count}}}"#)
    }

    fn about(kind: &str, claim: &str, more: &str) -> String {
        let by = Self::BY;
        format!(r#"{{"@type":"handover.v1.Claim{kind}",{by},"claim":"{claim}"{more}}}"#)
    }

    fn line(id: &str, payload: &str) -> String {
        format!(r#"{{"id":"{id}","payload":{payload}}}"#)
    }
}

fn about_earlier_lines() -> Vec<String> {
    let replacement = |exchange| {
        let transfer = Said::transfer(exchange, "DE", r#""value":3"#);
        format!(r#","by":"CORRECTED_BY_RECORDER","replacement":{transfer}"#)
    };
    vec![
        Said::line("open", &Said::transfer("demo-1", "DE", "")),
        // Only once it is corrected is there a number to be preferred.
        Said::line("corrected", &Said::about("Corrected", "open", &replacement("demo-1"))),
        Said::line("preferred", &Said::about("Preferred", "open", "")),
        Said::line("unpreferred", &Said::about("Retracted", "preferred", "")),
        Said::line("gone", &Said::about("Retracted", "open", "")),
    ]
}

#[tokio::test]
async fn a_checked_file_may_speak_of_its_own_lines() {
    let store = Fake::default();
    let text = about_earlier_lines().join("\n");
    let (done, refused) = imported_checked(&store, &text).await;
    assert_eq!(done, Ok(summary(5, 5, 0, 0)), "{refused:#?}");
    assert_eq!(imported(&store, &text).await.0, Ok(summary(5, 0, 5, 0)));
}

#[test]
fn what_is_wrong_between_the_lines_of_a_file_is_found_without_a_server() {
    let open = Said::line("open", &Said::transfer("demo-1", "DE", ""));
    let source = r#"{"@type":"handover.v1.SourceRegistered","sourceId":"s"}"#;
    let other = Said::transfer("demo-2", "DE", r#""value":3"#);
    let moved = format!(r#","by":"CORRECTED_BY_RECORDER","replacement":{other}"#);
    let elsewhere = Said::line("x", &Said::about("Retracted", "open", "")).replacen(
        '{',
        r#"{"stream":"exchange/demo-2","#,
        1,
    );
    let tags: Vec<String> =
        (0..=crate::domain::limits::TAGS_PER_EVENT).map(|n| format!("\"desk:{n}\"")).collect();
    let tags = format!(r#"{{"stream":"demo/1","tags":[{}],"payload":"#, tags.join(","));
    let large = "A".repeat(2 * crate::domain::limits::EVENT_BYTES);
    let thing = |bytes: &str| format!(r#"{{"@type":"demo.v1.Thing","@bytes":"{bytes}"}}"#);
    for (lines, expected) in [
        (vec![open.clone(), open.clone()], "the id \"open\" belongs to an earlier line"),
        (vec![Said::about("Retracted", "open", "")], "no good earlier line has the id \"open\""),
        (vec![source.to_owned(), Said::about("Retracted", "1", "")], "\"stream\" is needed"),
        (
            vec![Said::line("open", source), Said::about("Retracted", "open", "")],
            "is a SourceRegistered, which a ClaimRetracted cannot be about",
        ),
        (vec![open.clone(), Said::about("Preferred", "open", "")], "gives no single number"),
        (vec![open.clone(), Said::about("Corrected", "open", &moved)], "is about exchange demo-1"),
        (vec![open.clone(), elsewhere], "is exchange/demo-2, but the claim \"open\" is in"),
        (
            [about_earlier_lines(), vec![Said::about("Disputed", "open", "")]].concat(),
            "the claim was retracted by line 5",
        ),
        (vec![tags + &thing("") + "}"], "has 33 tags; the limit is 32"),
        (
            vec![format!(r#"{{"stream":"demo/1","payload":{}}}"#, thing(&large))],
            "the limit is 1048576",
        ),
    ] {
        let lines: Vec<String> = lines
            .into_iter()
            .map(|line| {
                let bare = line.starts_with(r#"{"@type""#);
                if bare { format!(r#"{{"payload":{line}}}"#) } else { line }
            })
            .collect();
        let (summary, refused) = checked(&lines.join("\n"));
        assert_eq!(summary.refused, 1, "{refused:#?}");
        let place = format!("{}:", lines.len());
        assert!(refused[0].starts_with(&place), "{refused:#?}");
        assert!(refused[0].contains(expected), "{refused:#?} is not {expected:?}");
    }
}

#[tokio::test]
async fn what_only_the_server_refuses_ends_a_checked_import_at_its_line() {
    let store = Fake::default();
    let unknown = Said::about("Retracted", "999", "");
    let mut text: Vec<String> = (0..20).map(thing).collect();
    text.push(format!(r#"{{"stream":"exchange/demo-1","payload":{unknown}}}"#));
    text.extend((20..300).map(thing));
    let failure = imported_checked(&store, &text.join("\n")).await.0.unwrap_err();
    assert_eq!(failure.exit, Exit::Forbidden);
    assert!(failure.message.starts_with("21:1: there is no claim 999"), "{failure}");
    let expected = "the import ended there: 20 lines added, 0 already there";
    assert!(failure.message.ends_with(expected), "{failure}");
    assert_eq!(store.events().len(), 20, "nothing overtook it");
}

/// A line about so many persons of a portion.
fn portion(portion: &str, count: u32) -> String {
    let transfer = Said::transfer("demo-1", "DE", &format!(r#""value":{count}"#));
    let portion = format!(r#""unit":"UNIT_PERSON","portion":"{portion}""#);
    format!(r#"{{"payload":{}}}"#, transfer.replace(r#""unit":"UNIT_PERSON""#, &portion))
}

/// Imports as an older build did: each line under the id of what was typed.
async fn imported_as_typed(store: &Fake, text: &str) {
    let mut contents = Contents::default();
    for (line, number) in text.lines().zip(1..) {
        let line = crate::cli::lines::read(line.as_bytes(), number).unwrap();
        let typed = check::valid(&line, None, None).unwrap().typed;
        let content = content::ImportedContent::of(&typed);
        let copies = contents.copies(&content.key()).unwrap();
        contents.add(&content.key()).unwrap();
        let request = crate::domain::proto::AppendRequest {
            request_id: content.request_id(copies).to_string(),
            writes: vec![crate::domain::proto::StreamWrite {
                stream: typed.stream.to_string(),
                expected_revision: None,
                events: vec![typed.event],
            }],
            ..Default::default()
        };
        let answer = store.client().await.append(request).await.unwrap();
        assert!(!answer.duplicate);
    }
}

#[tokio::test]
async fn a_row_is_known_by_what_it_says_however_it_is_spelled() {
    let spellings = ["caf\u{e9} batch", "cafe\u{301} batch", "caf\u{e9}\u{a0}  batch\u{200b}"];
    for first in spellings {
        for second in spellings {
            let store = Fake::default();
            assert_eq!(imported(&store, &portion(first, 3)).await.0, Ok(summary(1, 1, 0, 0)));
            let again = imported(&store, &portion(second, 3)).await.0;
            assert_eq!(again, Ok(summary(1, 0, 1, 0)), "{first:?} and then {second:?}");
            let other = imported(&store, &portion(second, 4)).await.0;
            assert_eq!(other, Ok(summary(1, 1, 0, 0)), "another number is another row");
        }
    }
}

#[tokio::test]
async fn rows_that_an_older_build_knew_by_what_was_typed_are_known_again() {
    for spellings in [["zz", "zz\u{200b}"], ["zz\u{200b}", "zz"], ["zz\u{200b}", "zz\u{200b}"]] {
        let text = spellings.map(|it| portion(it, 3)).join("\n");
        let (old, new) = (Fake::default(), Fake::default());
        imported_as_typed(&old, &text).await;
        assert_eq!(imported(&old, &text).await.0, Ok(summary(2, 0, 2, 0)), "{spellings:?}");
        // A new store knows each as often as the file has it, in whatever spelling.
        assert_eq!(imported(&new, &text).await.0, Ok(summary(2, 2, 0, 0)), "{spellings:?}");
        for other in ["zz", "z\u{ad}z"] {
            let text = [portion(other, 3), portion("zz", 3)].join("\n");
            assert_eq!(imported(&new, &text).await.0, Ok(summary(2, 0, 2, 0)), "{spellings:?}");
        }
    }
}
