use super::*;
use crate::domain::proto::{
    Actor, ClaimRecord, ClaimUse, ClaimedNumber, Count, Estimate, ExplainedExchange, ExplainedLeg,
    Figure, Leg, LegEstimate, LegUse, Unattributed,
};

fn claim(position: u64, by: &str, value: u32, used: ClaimUse) -> ClaimedNumber {
    ClaimedNumber {
        record: Some(ClaimRecord { position, ..Default::default() }),
        claimant: Some(Actor { name: by.to_owned(), ..Default::default() }),
        source_id: format!("source-{position}"),
        source_url: if position == 8 { String::new() } else { "https://example.org/a".to_owned() },
        count: Some(Count { value: Some(value), ..Default::default() }),
        r#use: used.into(),
        ..Default::default()
    }
}

fn leg(
    exchange: &str,
    from: &[&str],
    numbers: Option<(u32, u32)>,
    claims: Vec<ClaimedNumber>,
) -> LegEstimate {
    let leg = Leg {
        exchange_id: exchange.to_owned(),
        from: from.iter().map(ToString::to_string).collect(),
        to: vec!["UA".to_owned()],
        unit: Unit::Person.into(),
        ..Default::default()
    };
    let estimate = numbers.map(|(low, high)| Estimate {
        low: Some(low),
        high: Some(high),
        preferred: (low == high).then_some(low),
        ..Default::default()
    });
    LegEstimate { leg: Some(leg), estimate, claims, ..Default::default() }
}

fn explained() -> (ExplainCountRequest, ExplainCountResponse) {
    let share = |low, high| {
        Some(Estimate { low: Some(low), high: Some(high), preferred: None, ..Default::default() })
    };
    let june = ExplainedExchange {
        exchange_id: "june-2025".to_owned(),
        title: "June 2025".to_owned(),
        occurred: "2025-06".to_owned(),
        share: share(1000, 1200),
        legs: vec![
            ExplainedLeg {
                leg: Some(leg(
                    "june-2025",
                    &["RU"],
                    Some((1000, 1200)),
                    vec![
                        claim(5, "RU MoD", 1000, ClaimUse::Entered),
                        claim(8, "UA HQ", 1200, ClaimUse::Entered),
                    ],
                )),
                r#use: LegUse::WholeOfParts.into(),
                ..Default::default()
            },
            ExplainedLeg {
                leg: Some(leg(
                    "june-2025-a",
                    &["RU"],
                    Some((300, 300)),
                    vec![claim(9, "UA HQ", 300, ClaimUse::Repeated)],
                )),
                r#use: LegUse::PartOfAnother.into(),
                part_of: vec![0],
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let unknown = ExplainedExchange {
        exchange_id: "demo-2".to_owned(),
        unnumbered: 1,
        shared: Some(Unattributed { legs: 1, at_most: Some(26) }),
        legs: vec![ExplainedLeg {
            leg: Some(leg("demo-2", &[], None, Vec::new())),
            r#use: LegUse::Unnumbered.into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let figure = Figure { low: Some(1000), high: Some(1200), unnumbered: 1, ..Figure::default() };
    let response = ExplainCountResponse {
        figure: Some(figure),
        exchanges: vec![june, unknown],
        position: 42,
        undated_exchanges: 2,
        ..Default::default()
    };
    let request = ExplainCountRequest {
        country: "UA".to_owned(),
        unit: Unit::Person.into(),
        direction: Direction::Received.into(),
        ..Default::default()
    };
    (request, response)
}

#[test]
fn a_figure_is_explained_down_to_the_source_of_each_claim() {
    let expected = "\
UA received: 1,000..1,200 + 1 unknown

June 2025 (june-2025), 2025-06: adds 1,000..1,200
  RU -> UA: 1,000..1,200, undecided, counted for it and its parts together
    1,000  RU MoD (claim 5)
           https://example.org/a
    1,200  UA HQ (claim 8)
           source source-8
  RU -> UA: 300, not added: among those of a larger one (\"RU -> UA\"); in june-2025-a
    300  UA HQ (claim 9; the same claimant said so before)
         https://example.org/a

demo-2, date not given: adds 1 transfer of unknown number; beside it shared, at most 26
  ? -> UA: unknown, without a number

left out because undated: 2 exchanges
(as of position 42)
to cite: handover explain UA --received --as-of 42
";
    let (request, response) = explained();
    assert_eq!(request.table(&response), expected);
}

#[test]
fn a_figure_that_is_not_there_is_not_zero() {
    let (mut request, mut response) = explained();
    response.figure = None;
    response.exchanges.clear();
    response.undated_exchanges = 0;
    request.direction = Direction::Sent.into();
    request.unit = Unit::Remains.into();
    let expected = "\
UA sent (remains): no transfer mentions it
(as of position 42)
to cite: handover explain UA --sent --unit remains --as-of 42
";
    assert_eq!(request.table(&response), expected);
}

#[test]
fn each_claim_is_a_row_with_what_becomes_of_its_leg() {
    let (request, response) = explained();
    let rows = request.rows(&response);
    assert!(rows.iter().all(|row| row.len() == request.columns().len()));
    assert_eq!(rows.len(), 3);
    let first = ["june-2025", "june-2025-a", "part_of_another", "RU", "UA", "person"];
    assert_eq!(rows[2][..6], first);
    assert_eq!(request.entries(&response).unwrap().len(), 2);
}
