use super::*;
use crate::domain::proto::{FigureFlag, FigureOfWhich, SubsetCount, Unattributed};

fn number(low: u32, high: u32) -> Figure {
    let preferred = (low == high).then_some(low);
    Figure { low: Some(low), high: Some(high), preferred, exchanges: 1, ..Default::default() }
}

fn joint(at_most: Option<u32>) -> Unattributed {
    Unattributed { legs: 3, at_most }
}

fn row(country: &str, received: Option<Figure>, sent: Option<Figure>) -> CountryCount {
    CountryCount { country: country.to_owned(), unit: Unit::Person.into(), received, sent }
}

#[test]
fn a_cell_says_what_is_known_and_what_is_not() {
    let minors = FigureOfWhich {
        minors: Some(SubsetCount { low: 2, high: 2, legs: 1 }),
        women: Some(SubsetCount { low: 1, high: 3, legs: 2 }),
        ..Default::default()
    };
    let flagged = |flag: FigureFlag| Figure { flags: vec![flag.into()], ..number(40, 40) };
    for (figure, expected) in [
        (number(13, 13), "13"),
        (number(8, 10), "8..10"),
        (Figure { preferred: Some(189), ..number(150, 189) }, "189 (150..189)"),
        (Figure { unnumbered: 6, ..number(2650, 2653) }, "2,650..2,653 + 6 unknown"),
        (Figure { unnumbered: 1, ..Default::default() }, "1 unknown"),
        (Figure { of_which: Some(minors), ..number(10, 10) }, "10 (minors 2, women 1..3)"),
        (Figure { shared: Some(joint(Some(26))), ..Default::default() }, "shared, at most 26"),
        (Figure { open: Some(joint(Some(13))), ..Default::default() }, "open, at most 13"),
        (Figure { shared: Some(joint(None)), ..Default::default() }, "shared, number unknown"),
        (Figure { shared: Some(joint(Some(3))), ..number(5, 5) }, "5; shared, at most 3"),
        (flagged(FigureFlag::Approximate), "about 40"),
        (flagged(FigureFlag::OpenAbove), "40 [or more]"),
        (flagged(FigureFlag::PartsExceedWhole), "40 [parts exceed the whole]"),
        (number(1_234_567, 1_234_567), "1,234,567"),
        (Figure { low: Some(u32::MAX), ..Default::default() }, "4,294,967,295 or more"),
        (number(0, 0), "0"),
        (Figure::default(), "-"),
    ] {
        assert_eq!(cell(Some(&figure)), expected);
    }
    assert_eq!(cell(None), "-");
}

#[test]
fn the_table_of_the_first_exchange() {
    let minors = SubsetCount { low: 2, high: 2, legs: 1 };
    let of_which = Some(FigureOfWhich { minors: Some(minors), ..Default::default() });
    let shared = || Some(Figure { shared: Some(joint(Some(26))), ..Default::default() });
    let response = GetCountryCountsResponse {
        counts: vec![
            row("DE", Some(number(13, 13)), shared()),
            row("PL", None, shared()),
            row("RU", Some(Figure { of_which, ..number(10, 10) }), shared()),
            row("US", Some(number(3, 3)), shared()),
        ],
        position: 31,
        ..Default::default()
    };
    let expected = [
        " country | unit   | received      | sent",
        "---------+--------+---------------+--------------------",
        " DE      | person | 13            | shared, at most 26",
        " PL      | person | -             | shared, at most 26",
        " RU      | person | 10 (minors 2) | shared, at most 26",
        " US      | person | 3             | shared, at most 26",
        "received in all: 26",
        "(as of position 31)",
        "",
    ];
    assert_eq!(table(&response), expected.join("\n"));
}

#[test]
fn a_total_may_be_larger_than_any_figure_can_be() {
    let received = |figures: Vec<Figure>| {
        let counts = figures.into_iter().map(|figure| row("UA", Some(figure), None)).collect();
        let text = table(&GetCountryCountsResponse { counts, ..Default::default() });
        text.lines().find_map(|line| line.strip_prefix("received in all: ")).unwrap().to_owned()
    };
    let most = || number(u32::MAX, u32::MAX);
    assert_eq!(received(vec![most(), most()]), "8,589,934,590");
    let beyond = Figure { high: None, preferred: None, ..most() };
    assert_eq!(received(vec![number(1, 2), beyond]), "4,294,967,296 or more");
}

#[test]
fn a_total_is_never_more_certain_than_its_parts() {
    let open = Figure { open: Some(joint(Some(13))), ..number(8, 10) };
    let mut response = GetCountryCountsResponse {
        counts: vec![
            row("RU", Some(open), None),
            row("UA", Some(Figure { unnumbered: 2, ..number(1000, 1000) }), None),
        ],
        position: 9,
        undated_exchanges: 1,
        ..Default::default()
    };
    let text = table(&response);
    assert!(text.contains("in all: 1,008..1,010 + 2 unknown + what is shared or open\n"), "{text}");
    assert!(text.contains("left out because undated: 1 exchange\n"), "{text}");
    response.counts.truncate(0);
    assert_eq!(table(&response), "no transfers (as of position 9)\n");
    response.counts.push(row("RU", None, Some(number(1, 1))));
    assert!(!table(&response).contains("in all"), "nothing is said about receiving");
}
