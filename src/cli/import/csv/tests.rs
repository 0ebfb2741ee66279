use std::{
    collections::BTreeSet,
    io::{self, Read as _},
};

use super::{counted::ROW_BYTES, *};
use crate::cli::{
    exit::Exit,
    import::{reading::Reading, source::InputEvents},
    json::enum_values,
};

const CLAIMS: &str = "exchange,part_of,title,occurred,place,parties,kind,record,from,to,unit,\
    category,portion,count,approximate,reason,scope,claimed_by,source\n";
const ROLES: &str = "exchange,actor,role,attributed_by,disputed_by,source\n";
const TOTALS: &str = "claimed_by,as_of,total,scope,previous_total,exchange,source\n";

/// A good row of claims, with some fields replaced.
fn claim(replaced: &[(&str, &str)]) -> String {
    let good = [
        ("exchange", "demo-1"),
        ("title", "A demonstration"),
        ("occurred", "2024-08-01"),
        ("parties", "AA+BB"),
        ("kind", "exchange"),
        ("record", "completed"),
        ("from", "RU+BY"),
        ("to", "DE"),
        ("unit", "person"),
        ("count", "13"),
        ("scope", "adults"),
        ("claimed_by", "TR MFA"),
        ("source", "https://example.org/1"),
    ];
    let field = |name: &str| {
        let named = |(key, value): &(&str, &str)| (*key == name).then(|| (*value).to_owned());
        let value = replaced.iter().find_map(named).or_else(|| good.iter().find_map(named));
        value.unwrap_or_default().replace("AA+BB", "RU+DE")
    };
    CLAIMS.trim_end().split(',').map(field).collect::<Vec<_>>().join(",") + "\n"
}

/// A value that is added to an enum needs a word here, or tables can neither say nor export it.
#[test]
fn tables_have_a_word_for_every_value_of_their_enums() {
    fn assert_whole<T: Copy + Into<i32>>(name: &str, words: &[(&str, T)]) {
        for (word, number) in enum_values(name).into_iter().filter(|(_, number)| *number != 0) {
            let known = words.iter().any(|(it, value)| *it == word && (*value).into() == number);
            assert!(known, "{name} has {word}, and tables have no word for it");
        }
    }
    assert_whole("Role", &roles::ROLES);
    assert_whole("Unit", &claims::UNITS);
    assert_whole("Category", &claims::CATEGORIES);
    assert_whole("DeclineReason", &claims::REASONS);
    let kinds = |chosen: fn(&claims::Kind) -> i32| {
        claims::KINDS.iter().map(|(_, kind)| chosen(kind)).filter(|it| *it != 0).collect()
    };
    let numbers = |name| -> BTreeSet<i32> {
        enum_values(name).into_iter().map(|(_, number)| number).filter(|it| *it != 0).collect()
    };
    assert_eq!(numbers("ExchangeKind"), kinds(|kind| kind.0.into()));
    assert_eq!(numbers("ExchangeStatus"), kinds(|kind| kind.1.into()));
}

/// The rows of a table with commas.
fn opened<R: BufRead>(input: R) -> Result<Rows<R>, Failure> {
    Rows::open(input, b',', &Reading::default())
}

/// All events of a table, by short names with their streams' ids, and the errors.
fn read(text: &str) -> (Vec<Known>, Vec<String>) {
    let mut rows = opened(text.as_bytes()).unwrap();
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next().unwrap() {
        match row {
            Ok(line) => {
                let any = line.payload.pack(line.payload.claim.as_ref().map(|_| 7));
                events.push(Known::decode(any.type_name(), &any.value).unwrap().unwrap());
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    (events, errors)
}

fn names(events: &[Known]) -> Vec<&'static str> {
    events.iter().map(Known::short_name).collect()
}

#[test]
fn a_claim_brings_its_source_and_exchange_once_and_each_of_its_kind() {
    let text = [
        CLAIMS.to_owned(),
        claim(&[]),
        claim(&[("record", "agreed"), ("count", ""), ("approximate", "yes")]),
        claim(&[
            ("record", "declined"),
            ("reason", "no_show"),
            ("source", "https://example.org/2"),
        ]),
        claim(&[("record", "total"), ("from", ""), ("to", "")]),
        claim(&[("record", "retracted"), ("title", "Another")]),
    ];
    let (events, errors) = read(&text.concat());
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(
        names(&events),
        [
            "SourceRegistered",
            "ExchangeReported",
            "TransferCompleted",
            "TransferAgreed",
            "SourceRegistered",
            "ExchangeReported",
            "TransferDeclined",
            "TotalClaimed",
            "ExchangeReported",
            "TransferCompleted",
            "ClaimRetracted",
        ]
    );
    let Known::SourceRegistered(source) = &events[0] else { panic!() };
    // The first 16 hex digits of the SHA-256 of the address.
    assert_eq!(source.source_id.len(), 16);
    let Known::TransferCompleted(first) = &events[2] else { panic!() };
    let leg = first.leg.as_ref().unwrap();
    assert_eq!((leg.from.join(" "), leg.to.join(" ")), ("RU BY".to_owned(), "DE".to_owned()));
    let attribution = first.attribution.as_ref().unwrap();
    assert_eq!(attribution.source_id, source.source_id);
    let actor = attribution.claimed_by.as_ref().unwrap();
    assert_eq!((actor.party.as_str(), actor.name.as_str()), ("TR", "TR MFA"));
    let Known::TransferAgreed(agreed) = &events[3] else { panic!() };
    let count = agreed.count.as_ref().unwrap();
    assert_eq!((count.value, count.approximate), (None, true), "no number is not zero");
    let Known::ClaimRetracted(retracted) = &events[10] else { panic!() };
    assert_eq!(retracted.claim, 7);
}

#[test]
fn roles_are_attributed_and_denied_and_totals_make_series() {
    let roles = format!("{ROLES}demo-1,AE,mediator,RU,US State Department,https://a\n");
    let (events, errors) = read(&roles);
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(names(&events), ["SourceRegistered", "RoleAttributed", "RoleAttributed"]);
    let denied = |event: &Known| {
        let Known::RoleAttributed(role) = event else { panic!() };
        role.denied
    };
    assert_eq!((denied(&events[1]), denied(&events[2])), (false, true));
    let totals = format!("{TOTALS}\"AE MFA (a, b)\",2024-07-17,1558,both,1400,demo-1,https://a\n");
    let (events, errors) = read(&totals);
    assert_eq!(errors, Vec::<String>::new());
    let Known::TotalClaimed(total) = &events[1] else { panic!() };
    assert_eq!((total.series.as_str(), total.previous_total), ("AE MFA (a, b)", Some(1400)));
}

#[test]
fn a_wrong_value_is_reported_with_line_and_column_and_gives_nothing() {
    for (replaced, expected) in [
        (("exchange", ""), "2:1: exchange: is empty"),
        (("exchange", "no good"), "2:1: exchange: "),
        (("part_of", "demo-1"), "2:2: part_of: "),
        (("occurred", "2024-13-01"), "2:4: occurred: "),
        (("parties", "RU+Germany"), "2:6: parties: "),
        (("kind", "swap"), "2:7: kind: is \"swap\"; give one of \"exchange\""),
        (("record", ""), "2:8: record: is \"\""),
        (("from", "UK"), "2:9: from: "),
        (("to", "RU+RU"), "2:10: to: "),
        (("unit", ""), "2:11: unit: "),
        (("category", "soldier"), "2:12: category: "),
        (("count", "-1"), "2:14: count: is \"-1\", not a whole number"),
        (("count", "+1"), "2:14: count: "),
        (("count", "4294967296"), "2:14: count: "),
        (("count", "12.5"), "2:14: count: "),
        (("approximate", "no"), "2:15: approximate: "),
        (("reason", "refused"), "2:16: reason: belongs to what was declined"),
        (("source", ""), "2:19: source: is empty"),
        (("source", "gopher://x"), "2:19: source: url: "),
    ] {
        let (events, errors) = read(&[CLAIMS, &claim(&[replaced])].concat());
        assert_eq!(names(&events), Vec::<&str>::new(), "{replaced:?}");
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{replaced:?}: {errors:?}");
    }
}

#[test]
fn a_source_without_an_address_has_a_title_instead() {
    let text = format!("{ROLES}demo-1,TR,host,,,an agency's text on paper\n");
    let (events, errors) = read(&text);
    assert_eq!(errors, Vec::<String>::new());
    let Known::SourceRegistered(source) = &events[0] else { panic!() };
    assert_eq!((source.url.as_str(), source.title.as_str()), ("", "an agency's text on paper"));
}

#[test]
fn a_bad_row_leaves_the_good_ones() {
    let text = [CLAIMS, &claim(&[("count", "x")]), "a,b\n", "\n", &claim(&[])].concat();
    let (events, errors) = read(&text);
    assert_eq!(events.len(), 3);
    assert!(errors[0].starts_with("2:14") && errors[1].starts_with("3:1: has 2 fields"));
    assert_eq!(errors.len(), 2);
}

#[test]
fn columns_may_stand_in_any_order_and_others_are_refused() {
    let text = "\u{feff}source,role,actor,exchange,disputed_by,attributed_by\n\
        https://a,host,TR,demo-1,,TR\n";
    let mut source = InputEvents::open(text.as_bytes(), &Reading::default()).unwrap();
    assert!(matches!(source, InputEvents::Table(_)));
    assert!(source.next().unwrap().unwrap().is_ok());
    for (header, expected) in [
        ("a,b\n", "unknown \"a\", \"b\"; the forms are"),
        (
            "exchange,actor,role,attributed_by,disputed,source\n",
            ": missing \"disputed_by\"; unknown \"disputed\"; the forms are",
        ),
        (
            "exchange,role,actor,role,attributed_by,disputed_by,source,role\n",
            ": given twice \"role\"; the forms are",
        ),
    ] {
        let failure = opened(header.as_bytes()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(expected), "{failure}");
        assert!(failure.message.contains("exchange,actor,role,attributed_by,disputed_by,source"));
    }
}

#[test]
fn blank_lines_stand_before_within_and_behind_a_table() {
    let row = "demo-1,TR,host,,,https://a\n";
    let bad = "demo-1,TR,hst,,,https://a";
    for end in ["\n", "\r", "\r\n"] {
        let text = format!("\n \t\n{ROLES}{row}  \n\n{bad}\n \n").replace('\n', end);
        let mut source = InputEvents::open(text.as_bytes(), &Reading::default()).unwrap();
        assert!(matches!(source, InputEvents::Table(_)), "{end:?}");
        let rows: Vec<_> = std::iter::from_fn(|| source.next().unwrap()).collect();
        let wrong: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
        assert_eq!((rows.len(), wrong.len(), wrong[0].line), (3, 1, 7), "{end:?}: {wrong:?}");
    }
}

#[test]
fn a_stray_quote_is_reported_with_its_column_and_changes_no_text() {
    let ends = "host,,,https://a\n";
    for (row, expected) in [
        ("demo-1,T\"R\"x,", "3:2: actor: has a quote in a text that does not begin with one"),
        ("demo-1,\"TR\"x,", "3:2: actor: has more behind the quote that closes it"),
        (" \"demo-1\",TR,", "3:1: exchange: has a quote in a text"),
        ("demo-1,\"TR,", "3:2: actor: has a quote that nothing closes"),
        ("a,b,c,d,e,f,g\"h,", "3:7: has a quote in a text"),
    ] {
        let text = format!("{ROLES}demo-1,\"TR \"\"a\"\", b\" ,{ends}{row}{ends}");
        let (events, errors) = read(&text);
        assert_eq!(names(&events), ["SourceRegistered", "RoleAttributed"], "{row}");
        let Known::RoleAttributed(role) = &events[1] else { panic!() };
        assert_eq!(role.actor.as_ref().unwrap().name, "TR \"a\", b");
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{row}: {errors:?}");
        assert!(errors[0].ends_with("is written as \"a \"\"b\"\" c\""), "{errors:?}");
        // However the bytes come.
        for capacity in [1, 3, 8192] {
            assert_eq!(places(text.as_bytes(), capacity).len(), 1, "{row}");
        }
    }
    // The next row is read as if nothing had been.
    let text = format!("{ROLES}demo-1,\"TR\"x,{ends}demo-1,TR,{ends}");
    assert_eq!(read(&text).0.len(), 2);
    let failure = opened(ROLES.replace("role", "ro\"le\"").as_bytes()).unwrap_err();
    assert!(failure.message.starts_with("the header, column 3: has a quote"), "{failure}");
}

#[test]
fn a_wrong_value_is_reported_by_the_column_of_its_own_table() {
    let wrong = "a\u{1}";
    let roles = |column: &str, value: &str| {
        let good = [
            ("exchange", "demo-1"),
            ("actor", "TR"),
            ("role", "host"),
            ("attributed_by", "RU"),
            ("disputed_by", "US"),
            ("source", "https://a"),
        ];
        let fields = good.map(|(name, good)| if name == column { value } else { good });
        format!("{ROLES}{}\n", fields.join(","))
    };
    let totals = |column: &str, value: &str| {
        let good = [
            ("claimed_by", "AE MFA"),
            ("as_of", "2024-07-17"),
            ("total", "1558"),
            ("scope", "both"),
            ("previous_total", "1400"),
            ("exchange", "demo-1"),
            ("source", "https://a"),
        ];
        let fields = good.map(|(name, good)| if name == column { value } else { good });
        format!("{TOTALS}{}\n", fields.join(","))
    };
    for (column, value, at) in [
        ("exchange", "no good", 1),
        ("actor", wrong, 2),
        ("actor", "[]", 2),
        ("actor", "-", 2),
        ("actor", "", 2),
        ("role", "guest", 3),
        ("attributed_by", wrong, 4),
        ("attributed_by", "-", 4),
        ("disputed_by", wrong, 5),
        ("disputed_by", "[]", 5),
        ("source", "gopher://x", 6),
    ] {
        let (events, errors) = read(&roles(column, value));
        assert_eq!(names(&events), Vec::<&str>::new(), "{column} {value:?}");
        let expected = format!("2:{at}: {column}: ");
        assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{expected}: {errors:?}");
    }
    for (column, value, at) in [
        ("claimed_by", wrong, 1),
        ("claimed_by", "-", 1),
        ("as_of", "2024-13", 2),
        ("total", "x", 3),
        ("scope", "a\u{0}", 4),
        ("previous_total", "x", 5),
        ("exchange", "no good", 6),
        ("source", "gopher://x", 7),
    ] {
        let (events, errors) = read(&totals(column, value));
        assert_eq!(names(&events), Vec::<&str>::new(), "{column} {value:?}");
        let expected = format!("2:{at}: {column}: ");
        assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{expected}: {errors:?}");
    }
    assert_eq!(read(&roles("", "")).1, Vec::<String>::new());
    assert_eq!(read(&totals("", "")).1, Vec::<String>::new());
    // A title of a source is no title of an exchange.
    let long = "x".repeat(70_000);
    let (_, errors) = read(&[CLAIMS, &claim(&[("source", &long)])].concat());
    assert!(errors[0].starts_with("2:19: source: "), "{:.99}", errors[0]);
}

#[test]
fn what_is_not_utf_8_is_reported_at_its_column_or_ends_the_table() {
    let row = "demo-1,Z\u{fc}rich,host,,,https://a\n";
    let bad = b"demo-1,Z\xfcrich,host,,,https://a\n".as_slice();
    let text = [ROLES.as_bytes(), row.as_bytes(), bad].concat();
    let mut rows = opened(text.as_slice()).unwrap();
    let errors: Vec<_> =
        std::iter::from_fn(|| rows.next().unwrap()).filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1, "the row before shows that it is UTF-8: {errors:?}");
    assert_eq!(errors[0].to_string(), "3:2: actor: is not UTF-8");
    let text = [ROLES.as_bytes(), bad, bad].concat();
    let failure = opened(text.as_slice()).unwrap().next().unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    let expected = "row 2 is not UTF-8; --encoding windows-1252 reads \"Z\u{fc}rich\" there";
    assert!(failure.message.starts_with(expected), "{failure}");
    let header = [b"\xcc\xe5\xf1\xf2\xee,".as_slice(), ROLES.as_bytes()].concat();
    let failure = opened(header.as_slice()).unwrap_err();
    assert!(failure.message.starts_with("the header is not UTF-8; --encoding"), "{failure}");
}

#[test]
fn an_endless_row_ends_the_input_and_not_the_memory() {
    for endless in ["x", "\"x"] {
        let start = format!("{ROLES}demo-1,TR,host,,,https://a\n{endless}");
        let input = start.as_bytes().chain(io::repeat(b'x'));
        let mut rows = opened(io::BufReader::new(input)).unwrap();
        assert!(rows.next().unwrap().unwrap().is_ok() && rows.next().unwrap().unwrap().is_ok());
        let error = rows.next().unwrap().unwrap().unwrap_err();
        assert!(error.line == 3 && error.problem.contains("more than"), "{error}");
        assert!(rows.next().unwrap().is_none());
        assert!(rows.record.as_slice().len() <= 2 * ROW_BYTES);
    }
}

/// The line and the column of each row that is refused.
fn places(bytes: &[u8], capacity: usize) -> Vec<(u64, usize)> {
    let mut rows = opened(io::BufReader::with_capacity(capacity, bytes)).unwrap();
    let errors = std::iter::from_fn(|| rows.next().unwrap()).filter_map(Result::err);
    errors.map(|error| (error.line, error.column)).collect()
}

#[test]
fn a_row_is_reported_by_the_line_in_which_it_begins_however_lines_end() {
    let good = "demo-1,TR,host,,,https://a";
    let bad = "demo-1,TR,hst,,,https://a";
    let quoted = "demo-1,\"TR\n\nof\nall\",hst,,,https://a";
    let short = "a,b";
    let long_name = format!("demo-1,{},hst,,,https://a", "x".repeat(20_000));
    let lines =
        [ROLES.trim_end(), bad, good, "", "", bad, quoted, bad, short, "", &long_name, "", bad];
    let expected = [(2, 3), (6, 3), (7, 3), (11, 3), (12, 1), (14, 3), (16, 3)];
    for end in ["\n", "\r", "\r\n"] {
        let text = lines.join("\n").replace('\n', end);
        for text in [text.clone(), text.clone() + end, [end, end, &text].concat()] {
            let above = if text.starts_with(end) { 2 } else { 0 };
            for capacity in [1, 2, 3, 8192] {
                let found = places(text.as_bytes(), capacity);
                let expected: Vec<_> = expected.map(|(line, it)| (line + above, it)).into();
                assert_eq!(found, expected, "{end:?}");
            }
        }
    }
    // An end is one end, also where a file has several kinds.
    let mixed = format!("{}\r\n{bad}\r\r\n{bad}\n\r{bad}\n\n{bad}", ROLES.trim_end());
    assert_eq!(places(mixed.as_bytes(), 1), [(2, 3), (4, 3), (6, 3), (8, 3)]);
}

#[test]
fn a_retracted_row_is_one_claim_however_lines_end() {
    let text = [CLAIMS.to_owned(), claim(&[("record", "retracted")]).repeat(2)].concat();
    for end in ["\n", "\r", "\r\n"] {
        let text = text.replace('\n', end);
        let mut rows = opened(text.as_bytes()).unwrap();
        let ids: Vec<String> =
            std::iter::from_fn(|| rows.next().unwrap()).filter_map(|row| row.unwrap().id).collect();
        assert_eq!(ids, ["row 2", "row 3"], "{end:?}");
    }
}

#[test]
fn a_row_without_a_kind_reports_no_state_of_its_exchange() {
    let bare = [("kind", ""), ("title", ""), ("parties", "")];
    let (events, errors) = read(&[CLAIMS.to_owned(), claim(&bare)].concat());
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(names(&events), ["SourceRegistered", "TransferCompleted"]);
    let titled = [("kind", ""), ("parties", "")];
    let (events, errors) = read(&[CLAIMS.to_owned(), claim(&titled)].concat());
    assert!(events.is_empty(), "nothing of a bad row is taken: {events:?}");
    assert!(errors[0].starts_with("2:3: title: describes the exchange"), "{errors:?}");
}
