use super::*;
use crate::domain::proto::{
    Actor, Attribution, ClaimRecord, ClaimUse, ClaimedNumber, Count, CountryCount, DeclineReason,
    DeclinedLeg, Estimate, ExchangeFlag, ExchangeKind, ExchangeStatus, ExchangeSummary, Figure,
    FigureFlag, Leg, Preference, Role, RoleClaim, RoleEntry, StatementEntry, StatementMade,
    StatementMode, StatusReport, SuperlativeClaimed, SuperlativeEntry, TotalClaimed, TotalEntry,
    Unit,
};

fn table(story: &GetExchangeResponse) -> String {
    GetExchangeRequest::default().table(story)
}

fn record(position: u64) -> ClaimRecord {
    ClaimRecord { position, ..Default::default() }
}

fn someone(name: &str) -> Actor {
    Actor { name: name.to_owned(), ..Default::default() }
}

fn said_by(name: &str) -> Attribution {
    let source_id = "demo-source".to_owned();
    Attribution { source_id, claimed_by: Some(someone(name)), ..Default::default() }
}

fn claim(position: u64, by: &str, value: Option<u32>) -> ClaimedNumber {
    ClaimedNumber {
        record: Some(record(position)),
        claimant: Some(someone(by)),
        source_id: "demo-source".to_owned(),
        source_url: "https://example.org/1".to_owned(),
        count: Some(Count { value, ..Default::default() }),
        r#use: ClaimUse::Entered.into(),
        ..Default::default()
    }
}

fn leg(from: &str, to: &str) -> Leg {
    let parties = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect();
    let (exchange_id, unit) = ("demo-1".to_owned(), Unit::Person.into());
    Leg { exchange_id, from: parties(from), to: parties(to), unit, ..Default::default() }
}

fn range(low: u32, high: u32, preferred: Option<u32>) -> Estimate {
    Estimate { low: Some(low), high: Some(high), preferred, ..Default::default() }
}

/// A leg of which the claims differ, and one without a number.
fn legs() -> Vec<LegEstimate> {
    let approximate = Count { value: Some(190), approximate: true, ..Default::default() };
    let about = ClaimedNumber {
        count: Some(approximate),
        r#use: ClaimUse::ApproximateBesideExact.into(),
        ..claim(7, "TASS", None)
    };
    let disputed = LegEstimate {
        leg: Some(leg("RU", "UA")),
        estimate: Some(range(150, 189, Some(189))),
        claims: vec![claim(5, "RU MoD", Some(150)), claim(6, "UA HQ", Some(189)), about],
        preference: Some(Preference {
            position: 9,
            claim: 6,
            value: 189,
            rationale: "named one by one".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let unknown = LegEstimate {
        leg: Some(leg("", "RU BY")),
        claims: vec![claim(8, "", None)],
        ..Default::default()
    };
    vec![disputed, unknown]
}

fn declined() -> DeclinedLeg {
    let leg = LegEstimate {
        leg: Some(leg("UA", "RU")),
        estimate: Some(Estimate {
            flags: vec![FigureFlag::Approximate.into()],
            ..range(40, 40, Some(40))
        }),
        claims: vec![claim(10, "UA HQ", Some(40))],
        ..Default::default()
    };
    DeclinedLeg { leg: Some(leg), reason: DeclineReason::NoShow.into() }
}

fn role() -> RoleEntry {
    RoleEntry {
        actor: Some(someone("AE")),
        role: Role::Mediator.into(),
        attributed_by: vec![RoleClaim {
            record: Some(record(11)),
            attribution: Some(said_by("RU MFA")),
        }],
        denied_by: vec![RoleClaim {
            record: Some(record(12)),
            attribution: Some(said_by("US NSC")),
        }],
        ..Default::default()
    }
}

fn total() -> TotalEntry {
    TotalEntry {
        record: Some(record(13)),
        total: Some(TotalClaimed {
            attribution: Some(said_by("UA HQ")),
            leg: Some(leg("", "")),
            count: Some(Count { scope: "all".into(), value: Some(1339), ..Default::default() }),
            ..Default::default()
        }),
        sum: None,
    }
}

/// An exchange with something in every section.
fn full() -> GetExchangeResponse {
    let summary = ExchangeSummary {
        exchange_id: "demo-1".to_owned(),
        title: "A demonstration".to_owned(),
        kind: ExchangeKind::Exchange.into(),
        place: "Ankara, TR".to_owned(),
        occurred: "2024-08-01".to_owned(),
        status: ExchangeStatus::UnderWay.into(),
        portions: vec!["demo-1-a".to_owned()],
        parties: vec!["RU".to_owned(), "UA".to_owned()],
        flags: vec![ExchangeFlag::Disputed.into(), ExchangeFlag::RoleDisputed.into()],
        ..Default::default()
    };
    let report = |position, status: ExchangeStatus| StatusReport {
        record: Some(record(position)),
        status: status.into(),
        attribution: Some(said_by("")),
        ..Default::default()
    };
    let figure =
        Figure { low: Some(150), high: Some(189), preferred: Some(189), ..Figure::default() };
    GetExchangeResponse {
        exchange: Some(summary),
        status_history: vec![
            report(2, ExchangeStatus::Agreed),
            report(3, ExchangeStatus::UnderWay),
            report(4, ExchangeStatus::UnderWay),
        ],
        legs: legs(),
        declined: vec![declined()],
        roles: vec![role()],
        totals: vec![total()],
        statements: vec![StatementEntry {
            record: Some(record(14)),
            statement: Some(StatementMade {
                speaker: Some(someone("Anna Demo")),
                mode: StatementMode::DirectQuote.into(),
                text: "Went as planned. ".repeat(30),
                ..Default::default()
            }),
        }],
        superlatives: vec![SuperlativeEntry {
            record: Some(record(15)),
            superlative: Some(SuperlativeClaimed {
                attribution: Some(said_by("BBC")),
                text: "the largest".to_owned(),
                ..Default::default()
            }),
        }],
        counts: vec![CountryCount {
            country: "UA".to_owned(),
            unit: Unit::Person.into(),
            received: Some(figure),
            sent: None,
        }],
        position: 15,
        ..Default::default()
    }
}

#[test]
fn the_story_fits_a_screen_and_says_who_says_what() {
    let text = table(&full());
    let expected = "\
A demonstration (demo-1)
2024-08-01, Ankara, TR, exchange, under way
parties: RU, UA
portions: demo-1-a
! claims about the number of one transfer differ
! a role is attributed by some and denied by others

 country | unit   | received       | sent
---------+--------+----------------+------
 UA      | person | 189 (150..189) | -

Handed over
  RU -> UA: 189 (150..189)
          150  RU MoD (claim 5)
          189  UA HQ (claim 6)
    about 190  TASS (claim 7; left aside: an exact number is there)
    189 is preferred (claim 6, by 9): named one by one
  ? -> RU+BY: unknown
    number not given  nobody named (claim 8)
Not handed over
  UA -> RU: about 40 (no show)
    40  UA HQ (claim 10)

Totals claimed (in no figure)
  1,339 in all, by UA HQ (claim 13): \"all\"; no transfer of it has a number

Roles
  AE: mediator, according to RU MFA (claim 11); denied by US NSC (claim 12)

Reports
  agreed: source demo-source (claim 2)
  under way: 2 reports (claims 3, 4)

Statements
  Anna Demo: \"Went as planned. Went as planned. Went as planned. Went as planned. Went as
      planned. Went as planned. Went as planned. Went as planned. Went as planned. Went as...\"
      (claim 14)

Called
  the largest, by BBC (claim 15)
(as of position 15)
";
    assert_eq!(text, expected);
}

#[test]
fn no_text_of_the_record_makes_a_line_too_long_or_steers_the_terminal() {
    let mut reported = full();
    let long = "w\u{1b}[2J".to_owned() + &"x".repeat(300) + &" y".repeat(200);
    let summary = reported.exchange.as_mut().unwrap();
    (summary.title, summary.place, summary.parties) =
        (long.clone(), long.clone(), vec![long.clone(); 3]);
    reported.legs[0].claims[0].claimant = Some(someone(&long));
    reported.legs[0].leg.as_mut().unwrap().portion = long.clone();
    reported.legs[0].preference.as_mut().unwrap().rationale = long.clone();
    reported.roles[0].actor = Some(someone(&long));
    reported.totals[0].total.as_mut().unwrap().count.as_mut().unwrap().scope = long.clone();
    reported.statements[0].statement.as_mut().unwrap().text = long.clone();
    reported.superlatives[0].superlative.as_mut().unwrap().text = long.clone();
    reported.counts[0].country = long;
    for line in table(&reported).lines() {
        assert!(line.chars().count() <= words::WIDTH, "{line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn every_claim_is_a_row_and_what_is_unknown_is_empty() {
    let query = GetExchangeRequest::default();
    let (columns, rows) = (query.columns(), query.rows(&full()));
    assert!(rows.iter().all(|row| row.len() == columns.len()), "{rows:?}");
    let of = |row: usize, column: &str| {
        rows[row][columns.iter().position(|name| *name == column).unwrap()].as_str()
    };
    let some = ["record", "from", "to", "leg_high", "claim", "value", "approximate", "use"];
    let row = |row| some.map(|column| of(row, column));
    assert_eq!(row(1), ["completed", "RU", "UA", "189", "6", "189", "", "entered"]);
    let beside = "approximate_beside_exact";
    assert_eq!(row(2), ["completed", "RU", "UA", "189", "7", "190", "yes", beside]);
    assert_eq!(row(3), ["completed", "", "RU+BY", "", "8", "", "", "entered"]);
    assert_eq!((of(4, "record"), of(4, "reason")), ("declined", "no_show"));
    assert_eq!(rows.len(), 5);
}

#[test]
fn the_story_of_what_was_only_named_says_so() {
    let summary = ExchangeSummary { exchange_id: "demo-2".to_owned(), ..Default::default() };
    let reported =
        GetExchangeResponse { exchange: Some(summary), position: 4, ..Default::default() };
    let text = table(&reported);
    let expected = "demo-2\ndate not given, never reported, only named\n(as of position 4)\n";
    assert_eq!(text, expected);
}

#[test]
fn one_exchange_is_one_line_of_json() {
    let lines = GetExchangeRequest::default().entries(&full()).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["legs"][0]["estimate"]["preferred"], 189);
    assert!(lines[0]["legs"][1].get("estimate").is_none(), "unknown is absent");
}
