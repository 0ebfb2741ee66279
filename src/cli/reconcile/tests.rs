use super::*;
use crate::domain::proto::{
    ClaimRecord, Count, DeclineReason, Difference, DifferenceExplanation, DifferenceKind,
    DifferenceReason, DifferenceSide, Leg, MissingExchange, MissingReason, ReconcileSeriesRequest,
    ReconcileSeriesResponse, SeriesBase, SeriesExchange, SeriesStep, TotalClaimed,
    TransferClaimKind, Unit,
};

fn leg(from: &str, to: &str) -> Leg {
    let (exchange_id, unit) = ("donbas-2017".to_owned(), Unit::Person.into());
    Leg {
        exchange_id,
        from: vec![from.to_owned()],
        to: vec![to.to_owned()],
        unit,
        ..Default::default()
    }
}

fn cell(leg: u32, claimant: u32, kind: TransferClaimKind, count: Count) -> ReconciliationCell {
    ReconciliationCell {
        leg,
        claimant,
        kind: kind.into(),
        count: Some(count),
        positions: vec![u64::from(10 * leg + claimant)],
        source_ids: vec!["a".to_owned()],
        ..Default::default()
    }
}

fn value(value: u32) -> Count {
    Count { value: Some(value), ..Default::default() }
}

fn side_by_side() -> ReconcileExchangeResponse {
    let named = |name: &str| Actor { name: name.to_owned(), ..Default::default() };
    let about = Count { value: Some(40), approximate: true, ..Default::default() };
    let declined = ReconciliationCell {
        decline_reason: DeclineReason::NoShow.into(),
        ..cell(0, 1, TransferClaimKind::Declined, about)
    };
    let side = |kind: TransferClaimKind, low, high, positions: &[u64]| DifferenceSide {
        legs: vec![0],
        kind: kind.into(),
        claimants: vec![1],
        low,
        high,
        positions: positions.to_vec(),
        ..Default::default()
    };
    let reason = |reason: DifferenceReason, low, high, positions: &[u64]| DifferenceExplanation {
        reason: reason.into(),
        low,
        high,
        positions: positions.to_vec(),
        ..Default::default()
    };
    let line = Difference {
        kind: DifferenceKind::AgreedVsCompleted.into(),
        one: Some(side(TransferClaimKind::Agreed, Some(306), Some(306), &[3])),
        other: Some(side(TransferClaimKind::Completed, Some(233), Some(237), &[4, 5])),
        difference_low: Some(-73),
        difference_high: Some(-69),
        reasons: vec![
            reason(DifferenceReason::Declined, Some(29), Some(29), &[6]),
            reason(DifferenceReason::Unexplained, Some(0), Some(4), &[]),
        ],
    };
    let unknown = Difference {
        kind: DifferenceKind::TotalVsSum.into(),
        one: Some(side(TransferClaimKind::Total, None, None, &[])),
        reasons: vec![DifferenceExplanation {
            scope: "with children\nadults only".to_owned(),
            ..reason(DifferenceReason::Scope, None, None, &[7, 8])
        }],
        ..Default::default()
    };
    ReconcileExchangeResponse {
        claimants: vec![Actor::default(), named("OSCE")],
        legs: vec![leg("UA", "x-dpr"), leg("x-dpr", "UA")],
        cells: vec![
            declined,
            cell(0, 0, TransferClaimKind::Completed, value(237)),
            cell(1, 1, TransferClaimKind::Completed, Count::default()),
        ],
        lines: vec![line, unknown],
        position: 9,
        ..Default::default()
    }
}

#[test]
fn what_all_claimants_say_stands_leg_by_leg_and_then_what_differs() {
    let expected = "\x20leg         | record             | number           | according to | claims
-------------+--------------------+------------------+--------------+--------
 UA -> x-dpr | completed          | 237              | nobody named | 0
             | declined (no show) | about 40         | OSCE         | 1
 x-dpr -> UA | completed          | number not given | OSCE         | 11

agreed on against completed (UA -> x-dpr): agreed 306 according to OSCE, claim 3; completed
  233..237 according to OSCE, claims 4, 5; difference -73..-69
  29 refused to go (claim 6)
  0..4 unexplained: nothing in the record says why
total claimed against the sum: the total no number (UA -> x-dpr) according to OSCE; the sum not
  said; difference unknown
  they say that they cover different persons: \"with children\", \"adults only\" (claims 7, 8)
(as of position 9)
";
    let query = ReconcileExchangeRequest::default();
    assert_eq!(query.table(&side_by_side()), expected);
    let nothing = ReconcileExchangeResponse { position: 9, ..Default::default() };
    assert_eq!(
        query.table(&nothing),
        "no claim gives a number\n\nnothing differs\n(as of position 9)\n"
    );
}

#[test]
fn each_cell_is_a_row() {
    let query = ReconcileExchangeRequest::default();
    let rows = query.rows(&side_by_side());
    assert!(rows.iter().all(|row| row.len() == query.columns().len()));
    assert_eq!(
        rows[0][..8],
        ["donbas-2017", "UA", "x-dpr", "person", "", "", "declined", "no_show"]
    );
    assert_eq!(rows[0][9..13], ["40", "", "", "yes"]);
}

fn step(as_of: &str, total: u32) -> SeriesStep {
    SeriesStep {
        record: Some(ClaimRecord { position: 70, ..Default::default() }),
        total: Some(TotalClaimed {
            as_of: as_of.to_owned(),
            count: Some(value(total)),
            ..Default::default()
        }),
        base_from: SeriesBase::None.into(),
        ..Default::default()
    }
}

fn series() -> (ReconcileSeriesRequest, ReconcileSeriesResponse) {
    let exchange = |id: &str, number| SeriesExchange {
        exchange_id: id.to_owned(),
        low: Some(number),
        high: Some(number),
    };
    let january = SeriesStep {
        base_from: SeriesBase::EarlierTotal.into(),
        base: Some(value(2484)),
        base_claim: 69,
        base_as_of: "2024-12-30".to_owned(),
        claimed_step_low: Some(99),
        claimed_step_high: Some(99),
        exchanges: vec![exchange("ru-ua-2025-01-15", 50)],
        sum_low: Some(50),
        sum_high: Some(50),
        residual_low: Some(49),
        residual_high: Some(49),
        missing: vec![MissingExchange {
            exchange_id: "ru-ua-2025-01-xx".to_owned(),
            reason: MissingReason::Undated.into(),
        }],
        ..step("2025-01-15", 2583)
    };
    let steps = vec![step("2024-12-30", 2484), january];
    let response = ReconcileSeriesResponse { steps, position: 99, ..Default::default() };
    (ReconcileSeriesRequest { series: "AE MFA".to_owned(), ..Default::default() }, response)
}

#[test]
fn the_residual_is_shown_and_a_missing_exchange_is_not_zero() {
    let expected = "\
AE MFA
 up to      | total | since             | step | in the record    | left | claim
------------+-------+-------------------+------+------------------+------+-------
 2024-12-30 | 2,484 | the first         | -    | -                | -    | 70
 2025-01-15 | 2,583 | 2,484, 2024-12-30 | +99  | 50 in 1 exchange | +49  | 70
2025-01-15: not in the sum: ru-ua-2025-01-xx (not dated closely enough)
(as of position 99)
";
    let (query, response) = series();
    assert_eq!(query.table(&response), expected);
    let rows = query.rows(&response);
    assert!(rows.iter().all(|row| row.len() == query.columns().len()));
    assert_eq!(rows[0][8..14], ["", "", "", "", "", ""]);
    assert_eq!(rows[1][8..14], ["99", "99", "50", "50", "49", "49"]);
}

#[test]
fn without_a_name_the_series_are_listed() {
    let query = ReconcileSeriesRequest::default();
    let all = ReconcileSeriesResponse {
        series: vec!["AE MFA".to_owned(), "UA HQ".to_owned()],
        ..series().1
    };
    assert_eq!(query.table(&all), "AE MFA\nUA HQ\n(as of position 99)\n");
    assert_eq!(query.entries(&all).unwrap()[1], serde_json::json!({"series": "UA HQ"}));
    assert_eq!(query.rows(&all).len(), 2);
}
