//! What the story of an exchange holds, and when each flag is given.

use super::*;
use crate::domain::proto::{ClaimUse, ExchangeFlag, ExchangeStatus, Unit};
use crate::projections::claims::test_record::{Flow, Record, codes, flow};

/// The story as of a position.
pub(super) fn at(register: &Register, id: &str, at: Position, past: bool) -> Option<Story> {
    story(register, &StoryQuery { exchange_id: id.to_owned(), include_past: past }, at)
}

fn story_of(record: &Record, id: &str) -> Story {
    at(&record.claims(), id, record.head(), false).unwrap()
}

fn flags(record: &Record) -> Vec<ExchangeFlag> {
    story_of(record, "x").summary.flags().collect()
}

/// A dated, completed exchange, of which no flag is given once a transfer is recorded.
fn reported() -> Record {
    let mut record = Record::default();
    record.report("x", "", "2024-08-01", "");
    record
}

/// The flags of a reported exchange with these transfers.
fn flags_of(flows: &[Flow]) -> Vec<ExchangeFlag> {
    let mut record = reported();
    for flow in flows {
        record.completed(flow);
    }
    flags(&record)
}

fn five() -> Flow {
    flow("x", "RU", "UA", Some(5))
}

fn with_count(count: proto::Count) -> Flow {
    Flow { count, ..five() }
}

fn total(sides: &Flow, value: u32) -> proto::TotalClaimed {
    let count = Some(proto::Count { value: Some(value), ..Default::default() });
    proto::TotalClaimed { leg: sides.message().leg, count, ..Default::default() }
}

fn agreed(value: u32) -> proto::TransferAgreed {
    let count = Some(proto::Count { value: Some(value), ..Default::default() });
    proto::TransferAgreed { leg: five().message().leg, count, ..Default::default() }
}

fn state(status: ExchangeStatus) -> proto::ExchangeReported {
    proto::ExchangeReported { exchange_id: "x".into(), status: status.into(), ..Default::default() }
}

#[test]
fn an_exchange_in_which_nothing_stands_out_has_no_flag() {
    assert_eq!(flags_of(&[five(), flow("x", "UA", "RU", Some(5))]), []);
}

#[test]
fn parts_that_exceed_their_whole_are_flagged() {
    let parts = |second| [five(), five().portion("a"), flow("x", "RU", "UA", second).portion("b")];
    assert_eq!(flags_of(&parts(Some(1))), [ExchangeFlag::PartsExceedWhole]);
    assert_eq!(flags_of(&parts(Some(0))), []);
}

#[test]
fn a_total_is_flagged_where_the_transfers_can_not_add_up_to_it() {
    let flags = |value, unnumbered: bool| {
        let mut record = reported();
        record.completed(&five());
        if unnumbered {
            record.completed(&flow("x", "UA", "RU", None));
        }
        record.push(&total(&flow("x", "", "", None), value));
        flags(&record)
    };
    assert_eq!(flags(5, false), []);
    assert_eq!(flags(6, false), [ExchangeFlag::TotalDiffersFromSum]);
    assert_eq!(
        flags(6, true),
        [ExchangeFlag::Incomplete],
        "the sixth may have been the unnumbered"
    );
    let both = [ExchangeFlag::TotalDiffersFromSum, ExchangeFlag::Incomplete];
    assert_eq!(flags(4, true), both);
}

#[test]
fn a_state_is_flagged_where_it_contradicts_the_transfers() {
    let flags = |status, completed: Option<u32>| {
        let mut record = reported();
        if completed.is_some() {
            record.completed(&flow("x", "RU", "UA", completed));
        }
        record.push(&state(status));
        flags(&record)
    };
    let contradicts = vec![ExchangeFlag::StatusContradictsCounts];
    for status in [ExchangeStatus::Agreed, ExchangeStatus::Cancelled, ExchangeStatus::FalseReport] {
        assert_eq!(flags(status, Some(5)), contradicts, "{status:?}");
        assert_eq!(flags(status, Some(0)), [], "nobody was handed over, as {status:?} says");
        assert_eq!(flags(status, None), []);
    }
    assert_eq!(flags(ExchangeStatus::Completed, None), contradicts);
    assert_eq!(flags(ExchangeStatus::UnderWay, Some(5)), []);
}

#[test]
fn a_number_is_flagged_as_disputed_only_where_two_claims_can_not_both_be_right() {
    let range = |low, high| with_count(proto::Count { low, high, ..Default::default() });
    let about = |value| {
        with_count(proto::Count { value: Some(value), approximate: true, ..Default::default() })
    };
    assert_eq!(flags_of(&[five(), flow("x", "RU", "UA", Some(6))]), [ExchangeFlag::Disputed]);
    assert_eq!(flags_of(&[range(Some(4), Some(6)), five()]), []);
    assert_eq!(flags_of(&[five(), about(9)]), [], "about nine does not stand beside five");
    let expected = [ExchangeFlag::Disputed, ExchangeFlag::Approximate];
    assert_eq!(flags_of(&[about(9), about(8)]), expected);
    assert_eq!(flags_of(&[range(Some(5), None)]), [ExchangeFlag::OpenAbove]);
    assert_eq!(flags_of(&[range(None, Some(5))]), [ExchangeFlag::OpenBelow]);
}

#[test]
fn a_transfer_without_a_number_is_flagged_unless_its_whole_has_one() {
    let unnumbered = flow("x", "RU", "UA", None).portion("first");
    assert_eq!(flags_of(std::slice::from_ref(&unnumbered)), [ExchangeFlag::Incomplete]);
    assert_eq!(flags_of(&[unnumbered, five()]), []);
}

#[test]
fn a_completed_number_that_is_not_the_agreed_one_is_flagged() {
    let flags = |value| {
        let mut record = reported();
        record.push(&agreed(value));
        record.completed(&five());
        flags(&record)
    };
    assert_eq!(flags(5), []);
    assert_eq!(flags(6), [ExchangeFlag::CompletedDiffersFromAgreed]);
}

#[test]
fn an_exchange_without_a_date_and_a_contested_claim_are_flagged() {
    let mut record = Record::default();
    let claim = record.completed(&five());
    assert_eq!(flags(&record), [ExchangeFlag::Undated]);
    let dispute = record.push(&proto::ClaimDisputed { claim, ..Default::default() });
    assert_eq!(flags(&record), [ExchangeFlag::Undated, ExchangeFlag::ClaimDisputed]);
    record.retract(dispute);
    assert_eq!(flags(&record), [ExchangeFlag::Undated]);
    record.completed(&Flow { occurred: "2024-08".into(), ..five() });
    assert_eq!(flags(&record), []);
    assert_eq!(story_of(&record, "x").summary.occurred, "2024-08");
}

#[test]
fn the_summary_takes_each_field_from_the_latest_report_that_fills_it() {
    let mut record = Record::default();
    let first = proto::ExchangeReported {
        title: "Ankara".into(),
        place: "Ankara, TR".into(),
        occurred: "2024-08".into(),
        parties: codes("RU+US"),
        kind: proto::ExchangeKind::Exchange.into(),
        ..state(ExchangeStatus::Announced)
    };
    let announced = record.push(&first);
    let later = proto::ExchangeReported {
        occurred: "2024-08-01".into(),
        ..state(ExchangeStatus::Completed)
    };
    record.push(&later);
    record.completed(&flow("x", "DE", "", Some(1)));
    let corrected = proto::ExchangeReported { title: "In Ankara".into(), ..first };
    record.correct(announced, &corrected);
    record.report("x-1", "x", "", "PL");
    let summary = story_of(&record, "x").summary;
    assert_eq!((summary.title.as_str(), summary.place.as_str()), ("In Ankara", "Ankara, TR"));
    assert_eq!(summary.status(), ExchangeStatus::Completed, "an old report that was set right");
    assert_eq!(summary.kind(), proto::ExchangeKind::Exchange);
    assert_eq!((summary.parties, summary.portions), (codes("DE+PL+RU+US"), codes("x-1")));
    assert_eq!(story_of(&record, "x-1").summary.part_of, "x");
}

#[test]
fn the_state_history_holds_withdrawn_reports_and_other_claims_only_where_requested() {
    let mut record = reported();
    let rumour = record.push(&state(ExchangeStatus::Rumoured));
    let claim = record.completed(&five());
    let superlative = proto::SuperlativeClaimed { exchange_id: "x".into(), ..Default::default() };
    let largest = record.push(&superlative);
    let corrected = record.correct(claim, &flow("x", "RU", "UA", Some(6)).message());
    record.retract(rumour);
    let gone = record.retract(largest);
    let register = record.claims();
    let now = at(&register, "x", gone, false).unwrap();
    let history: Vec<_> =
        now.reports.iter().map(|it| (it.claim.claim, it.claim.retracted_by)).collect();
    assert_eq!(history, [(1, None), (rumour, Some(gone - 1))]);
    assert_eq!(now.summary.status(), ExchangeStatus::Completed);
    let uses = |story: &Story| -> Vec<ClaimUse> {
        story.legs[0].claims.iter().map(|number| number.used).collect()
    };
    assert_eq!((uses(&now), now.superlatives.len()), (vec![ClaimUse::Entered], 0));
    let past = at(&register, "x", gone, true).unwrap();
    assert_eq!(uses(&past), [ClaimUse::Corrected, ClaimUse::Entered]);
    assert_eq!((past.superlatives.len(), past.legs[0].claims[1].status.read_from), (1, corrected));
    let before = at(&register, "x", largest, false).unwrap();
    assert_eq!((before.superlatives.len(), before.summary.status()), (1, ExchangeStatus::Rumoured));
}

#[test]
fn an_exchange_is_known_by_its_claims_or_by_its_portions_and_not_before() {
    let mut record = Record::default();
    let day = record.report("day-1", "truce", "2024-08-01", "");
    let claim = record.completed(&flow("day-1", "RU", "UA", Some(5)));
    let register = record.claims();
    let known = |id, position| at(&register, id, position, false).is_some();
    assert!(!known("truce", 0) && known("truce", day) && known("day-1", claim));
    for id in ["", "day-2", "RU"] {
        assert!(!known(id, claim), "{id:?}");
    }
    let truce = at(&register, "truce", claim, false).unwrap();
    assert_eq!((truce.legs.len(), truce.counts.len()), (0, 2), "the figures include the portion");
    assert_eq!(truce.summary.portions, ["day-1"]);
}

#[test]
fn the_figures_are_those_that_the_exchange_adds_and_a_portion_has_its_own() {
    let mut record = Record::default();
    record.report("x-1", "x", "2024-08-01", "");
    let low = record.completed(&flow("x-1", "RU", "UA", Some(150)));
    record.completed(&flow("x-1", "RU", "UA", Some(189)));
    record.completed(&flow("x", "RU", "UA", Some(200)));
    record.completed(&flow("y", "RU", "UA", Some(1_000)));
    record.prefer(low, "UA");
    let received = |id: &str| {
        let counts = story_of(&record, id).counts;
        let row = counts.into_iter().find(|row| row.country == "UA").unwrap();
        assert_eq!(row.unit, i32::from(Unit::Person));
        let figure = row.received.unwrap();
        (figure.low, figure.high, figure.preferred)
    };
    assert_eq!(received("x"), (Some(200), Some(200), Some(200)));
    assert_eq!(received("x-1"), (Some(150), Some(189), None), "preferred is a number of all of x");
}

#[test]
fn as_of_a_position_the_story_is_what_the_first_events_say() {
    let mut record = reported();
    record.report("x-1", "x", "", "PL");
    let claim = record.completed(&flow("x-1", "RU", "UA", Some(150)));
    let other = record.completed(&five());
    record.prefer(other, "");
    record.push(&agreed(7));
    record.push(&total(&five(), 8));
    record.correct(claim, &flow("x-1", "RU", "", Some(3)).message());
    record.push(&proto::ClaimDisputed { claim: other, ..Default::default() });
    record.push(&state(ExchangeStatus::Cancelled));
    record.retract(other);
    let all = record.claims();
    for position in 0..=record.head() {
        for past in [false, true] {
            let then = at(&all, "x", position, past);
            assert_eq!(
                then,
                at(&record.first(position), "x", position, past),
                "at {position}, past {past}"
            );
        }
    }
}
