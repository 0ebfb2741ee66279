use super::*;
use crate::domain::known::Known;

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
        let known = Known::decode(any.type_name(), &any.value)
            .expect("a known type")
            .unwrap();
        let statement = matches!(known, Known::StatementMade(_));
        assert!(
            !statement || !text.contains("DIRECT_QUOTE"),
            "a quotation: {text}"
        );
    }
}

#[test]
fn each_wrong_row_is_told_and_the_good_ones_are_kept() {
    let claim =
        r#"{"@type":"handover.v1.ClaimRetracted","claim":"a","attribution":{"sourceId":"s"}}"#;
    let source = r#"{"@type":"handover.v1.SourceRegistered","sourceId":"s"}"#;
    let unnamed = claim.replace("\"a\"", "\"b\"");
    let superlative = r#"{"@type":"handover.v1.SuperlativeClaimed","attribution":{"sourceId":"s"},"exchangeId":"demo-1","text":"the first"}"#;
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
        "9:1: EOF",
    ]) {
        assert!(row.starts_with(expected), "{row:?} is not {expected:?}");
    }
}
