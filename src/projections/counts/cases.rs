//! The worked cases: real exchanges, as claimed, with the answers that must come out.

use super::*;
use crate::domain::{
    figure::{SubsetCount, Unattributed},
    flags::Flag,
    proto::Category::{self, CivilianInternee, Convict, PrisonerOfWar},
};
use crate::projections::claims::test_record::{ANKARA, Record, ankara_article, flow};

const PERSON: UnitCode = 1;
const REMAINS: UnitCode = 2;

fn figure_of(
    claims: &Register,
    country: &str,
    unit: UnitCode,
    as_of: Option<Position>,
) -> CountRow {
    let countries = [country.to_owned()].into();
    let query = CountQuery { countries, unit: Some(unit), as_of, occurred: None };
    let (country, received, sent) = (country.to_owned(), None, None);
    let rows = country_counts(claims, &query).rows;
    rows.into_iter().next().unwrap_or(CountRow { country, unit, received, sent })
}

fn received(record: &Record, country: &str, unit: UnitCode) -> Figure {
    figure_of(&record.claims(), country, unit, None).received.unwrap_or_default()
}

fn sent(record: &Record, country: &str) -> Figure {
    figure_of(&record.claims(), country, PERSON, None).sent.unwrap_or_default()
}

/// `low..high preferred`, with `?` for what is absent.
fn as_text(figure: &Figure) -> String {
    let text = |number: Option<u32>| number.map_or("?".to_owned(), |number| number.to_string());
    format!("{}..{} {}", text(figure.low), text(figure.high), text(figure.preferred))
}

#[track_caller]
fn check(figure: &Figure, expected: &str) {
    assert_eq!(as_text(figure), expected, "{figure:#?}");
}

fn rest(legs: u32, at_most: u32) -> Unattributed {
    Unattributed { legs, at_most: Some(at_most) }
}

#[test]
fn the_article_alone_names_receivers_and_shares_the_senders() {
    let record = ankara_article();
    check(&received(&record, "DE", PERSON), "13..13 13");
    check(&received(&record, "RU", PERSON), "10..10 10");
    check(&received(&record, "US", PERSON), "3..3 3");
    let minors = received(&record, "RU", PERSON).of_which.minors;
    assert_eq!(minors, Some(SubsetCount { low: 2, high: 2, legs: 1 }));
    for origin in ["US", "DE", "PL", "SI", "NO", "RU", "BY"] {
        let figure = sent(&record, origin);
        check(&figure, "?..? ?");
        assert_eq!((figure.shared, figure.open, figure.exchanges), (Some(rest(3, 26)), None, 0));
    }
    assert_eq!(figure_of(&record.claims(), "NO", PERSON, None).received, None);
}

fn ankara_collected(record: &mut Record) -> [Position; 2] {
    record.report(ANKARA, "", "2024-08-01", "RU+BY+US+DE+PL+SI+NO");
    let ten = record.completed(&flow(ANKARA, "", "RU", Some(10)));
    record.completed(&flow(ANKARA, "", "DE", Some(13)));
    record.completed(&flow(ANKARA, "", "US", Some(3)));
    record.completed(&flow(ANKARA, "", "TR", Some(3)));
    record.completed(&flow(ANKARA, "RU+BY", "", Some(16)));
    let eight = record.completed(&flow(ANKARA, "", "RU", Some(8)));
    [ten, eight]
}

#[test]
fn ankara_as_collected_is_undecided_until_a_claim_is_preferred() {
    let mut record = Record::default();
    let [ten, eight] = ankara_collected(&mut record);
    check(&received(&record, "RU", PERSON), "8..10 ?");
    assert_eq!(received(&record, "RU", PERSON).disputed, 1);
    check(&received(&record, "TR", PERSON), "3..3 3");
    for sender in ["RU", "BY"] {
        let figure = sent(&record, sender);
        check(&figure, "?..? ?");
        assert_eq!(
            (figure.shared, figure.open),
            (Some(rest(1, 16)), Some(rest(4, 13))),
            "{sender}"
        );
    }
    assert_eq!(sent(&record, "DE").shared, None);
    assert_eq!(sent(&record, "DE").open, Some(rest(4, 13)));
    // The 16 do not say who received them, but all of them are within the 29 that do.
    assert_eq!(received(&record, "DE", PERSON).open, None);

    record.prefer(ten, "");
    check(&received(&record, "RU", PERSON), "8..10 10");
    let later = record.prefer(eight, "");
    check(&received(&record, "RU", PERSON), "8..10 8");
    record.retract(later);
    check(&received(&record, "RU", PERSON), "8..10 10");
    let by_side = record.prefer(eight, "RU");
    check(&received(&record, "RU", PERSON), "8..10 8");
    record.retract(by_side);
    check(&received(&record, "RU", PERSON), "8..10 10");
    record.retract(ten);
    check(&received(&record, "RU", PERSON), "8..8 8");
}

#[test]
fn ankara_collected_after_the_article_adds_nothing_twice() {
    let mut record = ankara_article();
    ankara_collected(&mut record);
    check(&received(&record, "RU", PERSON), "8..10 ?");
    check(&received(&record, "DE", PERSON), "13..13 13");
    // 26 of the 29 that came from somewhere are of the seven jointly. The 16 of the two jointly
    // may be among those or among the other 3, of whom the seven are not said to have sent any.
    assert_eq!(sent(&record, "RU").shared, Some(rest(4, 29)));
    assert_eq!(sent(&record, "NO").shared, Some(rest(3, 26)));
    assert_eq!(sent(&record, "RU").open, Some(rest(4, 3)));
}

#[test]
fn two_official_numbers_stay_a_range_and_one_can_be_preferred() {
    let exchange = "ru-ua-2024-12-30";
    let mut record = Record::default();
    record.report(exchange, "", "2024-12-30", "RU+UA");
    let many = record.completed(&flow(exchange, "RU", "UA", Some(189)));
    record.completed(&flow(exchange, "RU", "UA", Some(150)));
    record.completed(&flow(exchange, "UA", "RU", Some(150)));
    check(&received(&record, "UA", PERSON), "150..189 ?");
    check(&received(&record, "RU", PERSON), "150..150 150");
    let preference = record.prefer(many, "");
    check(&received(&record, "UA", PERSON), "150..189 189");
    let before = figure_of(&record.claims(), "UA", PERSON, Some(preference - 1));
    check(&before.received.unwrap(), "150..189 ?");
}

#[test]
fn a_whole_is_not_added_to_its_portions() {
    let exchange = "ru-ua-2025-04-19";
    let mut record = Record::default();
    let proper = |from, to| flow(exchange, from, to, Some(246)).portion("exchange");
    let outside = |from, to, count| {
        flow(exchange, from, to, Some(count)).portion("outside the exchange").of(PrisonerOfWar)
    };
    record.completed(&flow(exchange, "RU", "UA", Some(277)));
    record.completed(&proper("RU", "UA"));
    record.completed(&outside("RU", "UA", 31));
    record.completed(&proper("UA", "RU"));
    record.completed(&outside("UA", "RU", 15));
    check(&received(&record, "UA", PERSON), "277..277 277");
    check(&received(&record, "RU", PERSON), "261..261 261");
    check(&sent(&record, "RU"), "277..277 277");
}

#[test]
fn categories_and_receivers_are_parts_of_what_was_sent_to_both() {
    let exchange = "korea-little-switch-1953";
    let mut record = Record::default();
    record.completed(&flow(exchange, "KP+CN", "x-unc", Some(684)).of(PrisonerOfWar));
    record.completed(&flow(exchange, "x-unc", "KP+CN", Some(6670)));
    record.completed(&flow(exchange, "x-unc", "CN", Some(1030)).of(PrisonerOfWar));
    record.completed(&flow(exchange, "x-unc", "KP", Some(5194)).of(PrisonerOfWar));
    record.completed(&flow(exchange, "x-unc", "KP", Some(446)).of(CivilianInternee));
    check(&sent(&record, "x-unc"), "6670..6670 6670");
    check(&received(&record, "KP", PERSON), "5640..5640 5640");
    check(&received(&record, "CN", PERSON), "1030..1030 1030");
    assert_eq!(received(&record, "KP", PERSON).shared, None);
    assert_eq!(sent(&record, "CN").shared, Some(rest(1, 684)));
}

#[test]
fn exchanges_within_another_are_portions_of_it() {
    let mut record = Record::default();
    let whole = "ru-ua-2025-06-16-remains";
    record.report("ru-ua-2025-06-11-remains", whole, "2025-06-11", "RU+UA");
    record.report("ru-ua-2025-06-14", whole, "2025-06-14", "RU+UA");
    record.report(whole, "", "2025-06-06/2025-06-16", "RU+UA");
    for (exchange, from, to, count) in [
        ("ru-ua-2022-06-remains", "RU", "UA", 64),
        ("ru-ua-2023-05-25", "RU", "UA", 3),
        ("ru-ua-2025-06-11-remains", "RU", "UA", 1212),
        ("ru-ua-2025-06-11-remains", "UA", "RU", 27),
        ("ru-ua-2025-06-14", "RU", "UA", 1200),
        (whole, "RU", "UA", 6000),
        ("ru-ua-2025-09-18-remains", "RU", "UA", 1000),
        ("ru-ua-2025-09-18-remains", "UA", "RU", 24),
    ] {
        record.completed(&flow(exchange, from, to, Some(count)).remains());
    }
    record.completed(&flow("ru-ua-2025-06-14", "RU", "UA", None));
    let figure = received(&record, "UA", REMAINS);
    check(&figure, "7067..7067 7067");
    assert_eq!(figure.exchanges, 6);
    check(&received(&record, "RU", REMAINS), "51..51 51");
    let persons = received(&record, "UA", PERSON);
    check(&persons, "?..? ?");
    assert_eq!((persons.unnumbered, persons.flags), (1, [Flag::Incomplete].into()));
}

#[test]
fn a_false_report_is_gone_after_its_retraction_and_still_there_as_of_before() {
    let exchange = "ru-ua-2019-08-30-false";
    let mut record = Record::default();
    let report = record.completed(&flow(exchange, "RU", "UA", None));
    let between = figure_of(&record.claims(), "UA", PERSON, None);
    assert_eq!(between.received.as_ref().map(|figure| figure.unnumbered), Some(1));
    check(between.received.as_ref().unwrap(), "?..? ?");
    let beside = between.received.as_ref().map(|figure| (figure.shared, figure.open));
    assert_eq!(beside, Some((None, None)), "what one country received is shared with nobody");
    let retraction = record.retract(report);
    let claims = record.claims();
    assert_eq!(country_counts(&claims, &CountQuery::default()).rows, []);
    assert_eq!(figure_of(&claims, "UA", PERSON, Some(report)), between);

    let changed = changes(&claims, report, &CountQuery::default());
    assert_eq!(changed.len(), 2, "the receiver's row and the sender's");
    for change in changed {
        assert_eq!((change.after, change.caused_by), (None, vec![retraction]));
    }
}

#[test]
fn what_speaks_of_other_people_is_added_though_only_one_has_a_category() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(5)));
    record.completed(&flow("x", "BY", "UA", Some(7)).of(PrisonerOfWar));
    check(&received(&record, "UA", PERSON), "12..12 12");
    record.completed(&flow("x", "RU", "UA", Some(3)).portion("first batch"));
    check(&received(&record, "UA", PERSON), "12..12 12");
}

#[test]
fn parts_that_exceed_their_whole_raise_it_and_are_flagged() {
    let mut record = Record::default();
    record.completed(&flow("x", "", "UA", Some(5)));
    record.completed(&flow("x", "RU", "UA", Some(4)));
    let claim = record.completed(&flow("x", "BY", "UA", Some(3)));
    let figure = received(&record, "UA", PERSON);
    check(&figure, "5..7 ?");
    assert_eq!(figure.flags, [Flag::PartsExceedWhole].into());
    record.correct(claim, &flow("x", "BY", "UA", Some(1)).message());
    check(&received(&record, "UA", PERSON), "5..5 5");
}

#[test]
fn a_whole_without_a_number_is_the_sum_of_its_parts_and_unknown_beside_them() {
    let mut record = Record::default();
    record.completed(&flow("x", "", "UA", None));
    record.completed(&flow("x", "RU", "UA", Some(4)).portion("first batch"));
    let figure = received(&record, "UA", PERSON);
    check(&figure, "4..4 ?");
    assert_eq!((figure.unnumbered, figure.flags), (1, [Flag::Incomplete].into()));
    record.completed(&flow("x", "RU", "UA", None).portion("second batch"));
    let figure = received(&record, "UA", PERSON);
    check(&figure, "4..4 ?");
    assert_eq!(figure.unnumbered, 2);
    // What RU gave up holds the batches, and not what anybody else gave up.
    record.completed(&flow("x", "RU", "UA", Some(9)));
    let figure = received(&record, "UA", PERSON);
    check(&figure, "9..9 ?");
    assert_eq!(figure.unnumbered, 1);
}

#[test]
fn a_leg_without_a_number_is_unknown_unless_it_lies_within_one_that_has_one() {
    let sent_by_a = |legs: &[(&str, Option<u32>, Category, &str)]| {
        let mut record = Record::default();
        for (to, count, category, portion) in legs {
            record.completed(&flow("x", "A", to, *count).of(*category).portion(portion));
        }
        let figure = sent(&record, "A");
        (figure.low, figure.preferred, figure.unnumbered)
    };
    let all = Category::Unspecified;
    // A portion to persons unsaid can be a part of what went to B, though it does not say so.
    assert_eq!(
        sent_by_a(&[("B", Some(10), all, ""), ("", None, all, "p")]),
        (Some(10), Some(10), 0)
    );
    assert_eq!(
        sent_by_a(&[("B", Some(10), all, ""), ("", None, PrisonerOfWar, "")]),
        (Some(10), Some(10), 0)
    );
    assert_eq!(
        sent_by_a(&[("B", Some(10), PrisonerOfWar, ""), ("B", None, all, "p")]),
        (Some(10), Some(10), 0)
    );
    // What went to C is none of it.
    assert_eq!(sent_by_a(&[("B", Some(10), all, ""), ("C", None, all, "p")]), (Some(10), None, 1));
    // Its own parts do not make a whole known.
    assert_eq!(sent_by_a(&[("B", None, all, ""), ("", Some(4), all, "p")]), (Some(4), None, 1));
    let parts_of_both = [("B", None, all, ""), ("C", Some(10), all, ""), ("B+C", None, all, "p")];
    assert_eq!(sent_by_a(&parts_of_both), (Some(10), None, 1));
}

#[test]
fn nothing_is_taken_from_a_bound_that_may_be_another_partys() {
    let figures = |flows: &[(&str, &str, u32)], country: &str| {
        let mut record = Record::default();
        for (from, to, count) in flows {
            record.completed(&flow("x", from, to, Some(*count)));
        }
        let figure = sent(&record, country);
        (figure.shared, figure.open)
    };
    let to_c = figures(&[("A+B", "D", 16), ("A", "C", 10)], "B");
    assert_eq!(to_c, (Some(rest(1, 16)), None), "what A sent to C was not to D");
    let to_d = figures(&[("A+B", "D", 16), ("A", "D", 10), ("E", "C", 1)], "B");
    assert_eq!(to_d, (Some(rest(1, 6)), None));
    let unsaid = figures(&[("A+B", "D", 16), ("A", "", 10)], "B");
    assert_eq!(unsaid, (Some(rest(1, 6)), None), "nobody but D is known to have received");
    let anywhere = figures(&[("A+B", "D", 16), ("A", "", 10), ("E", "C", 1)], "B");
    assert_eq!(anywhere, (Some(rest(1, 16)), None));

    assert_eq!(figures(&[("", "D", 10), ("B", "C", 5)], "B").1, Some(rest(1, 10)));
    assert_eq!(figures(&[("", "D", 10), ("B", "D", 5)], "B").1, Some(rest(1, 5)));
    // Both may be the same of B, so only the larger is sure.
    let crossing = [("", "D", 30), ("A+B", "D", 16), ("B+C", "D", 10)];
    assert_eq!(figures(&crossing, "A").1, Some(rest(1, 14)));
    let laminar = [("", "D", 30), ("A+B", "D", 16), ("A", "D", 10), ("B", "D", 9)];
    assert_eq!(figures(&laminar, "C").1, None, "C is no party");
    assert_eq!(figures(&laminar, "A").1, Some(rest(1, 11)));
}

#[test]
fn no_party_hands_persons_over_to_itself() {
    let figures = |flows: &[(&str, &str, Option<u32>)], party: &str| {
        let mut record = Record::default();
        record.report("x", "", "", "A+B+C");
        for (from, to, count) in flows {
            record.completed(&flow("x", from, to, *count));
        }
        let row = figure_of(&record.claims(), party, PERSON, None);
        [row.sent.unwrap_or_default(), row.received.unwrap_or_default()]
    };
    let both = [("", "B", Some(40)), ("B", "", Some(9))];
    for party in ["A", "C"] {
        let [sent, received] = figures(&both, party);
        assert_eq!((sent.open, received.open), (Some(rest(1, 40)), Some(rest(1, 9))), "{party}");
    }
    let [sent, received] = figures(&both, "B");
    check(&sent, "9..9 9");
    check(&received, "40..40 40");
    assert_eq!((sent.open, received.open), (None, None));

    // What B sent went to C, the only other one that is known to have received.
    let to_two = [("", "B", Some(40)), ("", "C", Some(20)), ("B", "", Some(9))];
    let sent = |flows: &[_], party| figures(flows, party)[0].open;
    assert_eq!(sent(&to_two, "A"), Some(rest(2, 51)));
    assert_eq!(sent(&to_two, "B"), Some(rest(1, 11)));
    assert_eq!(sent(&to_two, "C"), Some(rest(1, 40)));
    // Nobody knows how many came to C: that is no reason to know nothing of what C sent.
    let unknown = [("", "B", Some(40)), ("", "C", None)];
    let no_bound = |legs| Some(Unattributed { legs, at_most: None });
    assert_eq!((sent(&unknown, "A"), sent(&unknown, "B")), (no_bound(2), no_bound(1)));
    assert_eq!(sent(&unknown, "C"), Some(rest(1, 40)));
    // Whoever B is said to have handed over to itself, they are not of what is not said.
    assert_eq!(sent(&[("", "B", Some(40)), ("B", "B", Some(9))], "A"), Some(rest(1, 40)));
}

#[test]
fn all_legs_that_do_not_say_a_side_bound_a_party_where_that_is_less() {
    let mut record = Record::default();
    record.completed(&flow("x", "", "A", Some(10)));
    record.completed(&flow("x", "", "D", Some(19)));
    assert_eq!(sent(&record, "A").open, Some(rest(1, 19)));
    record.completed(&flow("x", "A+B", "", Some(16)));
    // The 16 may have gone to A or to D, so they are among the 29 and need not be among the 19.
    assert_eq!(sent(&record, "A").open, Some(rest(2, 13)));
    record.completed(&flow("x", "C", "D", Some(13)));
    // All 29 are accounted for.
    assert_eq!(sent(&record, "A").open, None);
}

#[test]
fn a_joint_leg_is_listed_beside_a_larger_one_unless_it_must_be_within() {
    let mut record = Record::default();
    record.completed(&flow("x", "A+B+C", "D", Some(20)));
    record.completed(&flow("x", "A+B", "D", Some(5)));
    assert_eq!(sent(&record, "A").shared, Some(rest(1, 20)));
    record.completed(&flow("x", "A+B", "E", Some(8)));
    assert_eq!(sent(&record, "A").shared, Some(rest(2, 28)));
    assert_eq!(sent(&record, "C").shared, Some(rest(1, 20)));
}

#[test]
fn at_most_is_not_taken_from_a_bound() {
    let mut record = Record::default();
    record.completed(&flow("x", "A+B", "D", Some(16)));
    let mut at_most = flow("x", "A", "D", None);
    at_most.count.high = Some(9);
    record.completed(&at_most);
    assert_eq!(sent(&record, "B").shared, Some(rest(1, 16)), "it may have been none");
}

#[test]
fn a_bound_is_no_whole_of_what_is_taken_from_what_is_open() {
    let mut record = Record::default();
    record.completed(&flow("x", "", "A+B", Some(16)));
    record.completed(&flow("x", "A+B", "", Some(4)).of(Convict));
    let mut second = flow("x", "A+B", "A+B", None).of(Convict).portion("second");
    second.count.low = Some(21);
    record.completed(&second);
    // The convicts are 4: a whole keeps its number, whatever its parts add up to.
    assert_eq!(sent(&record, "A").open, Some(rest(1, 12)));
    let mut at_most = flow("x", "A+B", "A+B", None);
    at_most.count.high = Some(7);
    record.completed(&at_most);
    assert_eq!(sent(&record, "A").open, Some(rest(1, 12)), "it says of no person that they went");
}

#[test]
fn at_least_leaves_no_upper_bound_for_what_is_shared() {
    let mut record = Record::default();
    let mut at_least = flow("x", "RU+BY", "UA", None);
    at_least.count.low = Some(5);
    record.completed(&at_least);
    let shared = Some(Unattributed { legs: 1, at_most: None });
    assert_eq!(sent(&record, "RU").shared, shared);
    assert_eq!(received(&record, "UA", PERSON).flags, [Flag::OpenAbove].into());
}

#[test]
fn a_date_selects_whole_exchanges_and_undated_ones_are_counted_apart() {
    let mut record = Record::default();
    record.report("outer", "", "2024-08", "");
    record.report("inner", "outer", "2023-01-01", "");
    record.completed(&flow("inner", "RU", "UA", Some(4)));
    let mut dated = flow("by claim", "RU", "UA", Some(20));
    dated.occurred = "2024-08-31/2024-09-02".into();
    record.completed(&dated);
    record.completed(&flow("undated", "RU", "UA", Some(100)));
    let claims = record.claims();
    let figure_of = |occurred: &str, country: &str| {
        let occurred = Some(Edtf::parse(occurred).unwrap());
        let countries = [country.to_owned()].into();
        let answer =
            country_counts(&claims, &CountQuery { countries, occurred, ..CountQuery::default() });
        let low = answer.rows.first().and_then(|row| row.received.as_ref()?.low);
        (low, answer.undated_exchanges)
    };
    assert_eq!(figure_of("2024", "UA"), (Some(24), 1));
    assert_eq!(figure_of("2024-09", "UA"), (Some(20), 1));
    assert_eq!(figure_of("2023", "UA"), (None, 1));
    assert_eq!(figure_of("2024", "DE"), (None, 0), "the undated exchange has nothing of DE");
}

#[test]
fn a_change_names_the_events_that_made_a_difference_to_that_row_alone() {
    let mut record = Record::default();
    record.completed(&flow("x", "RU", "UA", Some(4)));
    let since = record.head();
    record.completed(&flow("x", "RU", "UA", Some(4)));
    let more = record.completed(&flow("x", "RU", "UA", Some(6)));
    let other = record.completed(&flow("y", "IL", "PS", Some(9)));
    record.report("x", "z", "", "");
    let last = record.completed(&flow("z", "RU", "UA", Some(10)));
    let changed = changes(&record.claims(), since, &CountQuery::default());
    let causes: BTreeMap<&str, &[Position]> = changed
        .iter()
        .map(|change| {
            let row = change.after.as_ref().or(change.before.as_ref()).unwrap();
            (row.country.as_str(), change.caused_by.as_slice())
        })
        .collect();
    // The report alone moves the numbers to another outermost exchange and changes none of them.
    assert_eq!(causes["UA"], [more, last]);
    assert_eq!(causes["IL"], [other]);
    assert_eq!(causes.keys().copied().collect::<Vec<_>>(), ["IL", "PS", "RU", "UA"]);
}

#[test]
fn the_events_of_a_burst_are_distinguished() {
    let mut record = Record::default();
    for count in 1..500 {
        record.completed(&flow("x", "RU", "UA", Some(count)));
    }
    let of_no_effect = record.completed(&flow("x", "RU", "UA", Some(7)));
    let other = record.completed(&flow("y", "IL", "PS", Some(9)));
    let changed = changes(&record.claims(), 0, &CountQuery::default());
    let causes = |country: &str| {
        let row = |change: &&Change| change.after.as_ref().unwrap().country == country;
        changed.iter().find(row).unwrap().caused_by.clone()
    };
    assert_eq!(causes("UA"), (1..of_no_effect).collect::<Vec<_>>());
    assert_eq!(causes("PS"), [other]);
}
