//! Exchanges that happened, as they were claimed, reconciled.

use super::{
    limits::{NAMED, SOURCES},
    *,
};
use crate::domain::{
    event::Position,
    known::examples::actor,
    proto::{DeclineReason, DifferenceKind, DifferenceReason as Reason, TransferClaimKind},
};
use crate::projections::claims::test_record::{ANKARA, Record, codes};

/// Claims on the legs of one exchange.
pub(super) struct Claims {
    exchange: &'static str,
    pub(super) record: Record,
}

/// A number as a test writes it: `40`, `~40`, or nothing; and words of scope after a space.
fn count(text: &str) -> proto::Count {
    let (number, scope) = text.split_once(' ').unwrap_or((text, ""));
    let value = number.trim_start_matches('~').parse().ok();
    let approximate = number.starts_with('~');
    proto::Count { value, approximate, scope: scope.into(), ..Default::default() }
}

impl Claims {
    pub(super) fn of(exchange: &'static str) -> Self {
        Self { exchange, record: Record::default() }
    }

    /// A leg written as `RU+BY>US`.
    fn leg(&self, sides: &str) -> proto::Leg {
        let (from, to) = sides.split_once('>').unwrap();
        let (from, to, unit) = (codes(from), codes(to), proto::Unit::Person.into());
        proto::Leg { exchange_id: self.exchange.into(), from, to, unit, ..Default::default() }
    }

    /// What every claim on a leg has.
    fn claim(
        &self,
        sides: &str,
        number: &str,
        by: &str,
    ) -> (Option<proto::Attribution>, Option<proto::Leg>, Option<proto::Count>) {
        let claimed_by = (!by.is_empty()).then(|| actor("", by));
        let source_id = format!("{by}-page");
        let attribution = proto::Attribution { claimed_by, source_id, ..Default::default() };
        (Some(attribution), Some(self.leg(sides)), Some(count(number)))
    }

    pub(super) fn completed(&mut self, sides: &str, number: &str, by: &str) -> Position {
        let (attribution, leg, count) = self.claim(sides, number, by);
        let completed = proto::TransferCompleted { attribution, leg, count, ..Default::default() };
        self.record.push(&completed)
    }

    pub(super) fn agreed(&mut self, sides: &str, number: &str, by: &str) -> Position {
        let (attribution, leg, count) = self.claim(sides, number, by);
        self.record.push(&proto::TransferAgreed { attribution, leg, count })
    }

    pub(super) fn total(&mut self, sides: &str, number: &str, by: &str) -> Position {
        let (attribution, leg, count) = self.claim(sides, number, by);
        self.record.push(&proto::TotalClaimed { attribution, leg, count, ..Default::default() })
    }

    pub(super) fn declined(&mut self, sides: &str, number: &str, why: DeclineReason) -> Position {
        let (attribution, leg, count) = self.claim(sides, number, "press");
        let reason = why.into();
        self.record.push(&proto::TransferDeclined { attribution, leg, count, reason })
    }

    pub(super) fn answer(&self) -> proto::ReconcileExchangeResponse {
        let register = self.record.claims();
        reconcile(&register.at(self.record.head()), self.exchange).unwrap()
    }
}

/// A line in short: both ranges, the amount, and the reasons with what each explains.
type Short = (Ends, Ends, (Option<i64>, Option<i64>), Vec<(Reason, Ends)>);
type Ends = (Option<u32>, Option<u32>);

pub(super) fn short(line: &proto::Difference) -> Short {
    let ends = |side: &Option<proto::DifferenceSide>| {
        let side = side.as_ref().unwrap();
        (side.low, side.high)
    };
    let reasons = line.reasons.iter().map(|it| (it.reason(), (it.low, it.high))).collect();
    let amount = (line.difference_low, line.difference_high);
    (ends(&line.one), ends(&line.other), amount, reasons)
}

pub(super) fn lines(answer: &proto::ReconcileExchangeResponse, kind: DifferenceKind) -> Vec<Short> {
    answer.lines.iter().filter(|line| line.kind() == kind).map(short).collect()
}

pub(super) fn range(low: u32, high: u32) -> Ends {
    (Some(low), Some(high))
}

pub(super) fn exactly(value: u32) -> Ends {
    range(value, value)
}

const NO_NUMBER: Ends = (None, None);

fn donbas() -> Claims {
    let mut claims = Claims::of("donbas-2017-12-27");
    claims.agreed("UA>x-dpr-lpr", "306", "agreement");
    claims.agreed("x-dpr-lpr>UA", "74", "agreement");
    claims.completed("UA>x-dpr-lpr", "233", "Hromadske; AP");
    claims.completed("UA>x-dpr-lpr", "237", "Kyiv Post");
    claims.completed("UA>x-dpr-lpr", "~235", "Al Jazeera");
    claims.completed("UA>x-dpr-lpr", "~250", "press");
    claims.completed("x-dpr-lpr>UA", "73", "Hromadske");
    claims.completed("x-dpr-lpr>UA", "74", "P. Poroshenko; AP");
    claims.declined("UA>", "29", DeclineReason::Refused);
    claims.declined("UA>", "~40", DeclineReason::NoShow);
    claims.declined("x-dpr-lpr>", "1", DeclineReason::Refused);
    claims
}

#[test]
fn those_who_refused_and_those_who_did_not_appear_explain_what_was_agreed_and_not_completed() {
    let answer = donbas().answer();
    let expected = [
        (
            exactly(306),
            range(233, 237),
            (Some(-73), Some(-69)),
            vec![
                (Reason::Declined, exactly(29)),
                (Reason::NoShow, exactly(40)),
                (Reason::Unexplained, range(0, 4)),
            ],
        ),
        (exactly(74), range(73, 74), (Some(-1), Some(0)), vec![(Reason::Declined, exactly(1))]),
    ];
    assert_eq!(lines(&answer, DifferenceKind::AgreedVsCompleted), expected);
    let agreed = &answer.lines.iter().find(|it| it.kind() == DifferenceKind::AgreedVsCompleted);
    let reasons = &agreed.unwrap().reasons;
    assert_eq!(
        (reasons[0].positions.as_slice(), reasons[1].positions.as_slice()),
        (&[9][..], &[10][..])
    );
}

#[test]
fn what_was_given_as_about_stands_apart_from_what_is_exact() {
    let answer = donbas().answer();
    let unexplained = |amount| vec![(Reason::Unexplained, exactly(amount))];
    let expected = [
        (exactly(233), exactly(237), (Some(4), Some(4)), unexplained(4)),
        (exactly(237), exactly(250), (Some(13), Some(13)), vec![(Reason::Approximate, NO_NUMBER)]),
        (exactly(73), exactly(74), (Some(1), Some(1)), unexplained(1)),
    ];
    assert_eq!(lines(&answer, DifferenceKind::ClaimantsDiffer), expected);
}

#[test]
fn each_claimant_has_a_cell_for_each_number_of_each_leg() {
    let answer = donbas().answer();
    let legs: Vec<_> =
        answer.legs.iter().map(|leg| (leg.from.join("+"), leg.to.join("+"))).collect();
    let leg = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let all = [leg("UA", "x-dpr-lpr"), leg("x-dpr-lpr", "UA"), leg("UA", ""), leg("x-dpr-lpr", "")];
    assert_eq!(legs, all);
    assert_eq!((answer.claimants.len(), answer.cells.len()), (7, 11));
    let by_press = answer.claimants.iter().position(|it| it.name == "press").unwrap();
    let cells = answer.cells.iter().filter(|cell| cell.claimant as usize == by_press);
    let cells: Vec<_> = cells
        .map(|cell| {
            let count = cell.count.as_ref().unwrap();
            (cell.leg, cell.kind(), cell.decline_reason(), count.value, count.approximate)
        })
        .collect();
    let declined = TransferClaimKind::Declined;
    let unspecified = DeclineReason::Unspecified;
    let expected = [
        (0, TransferClaimKind::Completed, unspecified, Some(250), true),
        (2, declined, DeclineReason::Refused, Some(29), false),
        (2, declined, DeclineReason::NoShow, Some(40), true),
        (3, declined, DeclineReason::Refused, Some(1), false),
    ];
    assert_eq!(cells, expected);
}

#[test]
fn two_totals_stand_side_by_side_each_against_the_same_parts() {
    let mut claims = Claims::of(ANKARA);
    claims.total(">", "26 all persons moved", "TR MFA");
    claims.completed(">RU", "10 incl. 2 minors", "TR MFA");
    claims.completed(">DE", "13", "TR MFA");
    claims.completed(">US", "3", "TR MFA");
    claims.completed(">TR", "3 extra destination", "censor.net");
    claims.total(">", "24 children not counted", "US NSA");
    claims.completed("RU+BY>", "16", "White House");
    claims.completed(">RU", "8 detained adults only", "RU FSB");
    claims.agreed("RU>US", "4", "US president");
    let answer = claims.answer();
    let scope = || vec![(Reason::Scope, NO_NUMBER)];
    let totals = [
        (exactly(26), range(27, 29), (Some(1), Some(3)), scope()),
        (exactly(24), range(27, 29), (Some(3), Some(5)), scope()),
    ];
    assert_eq!(lines(&answer, DifferenceKind::TotalVsSum), totals);
    let made_of = &answer.lines[2].other.as_ref().unwrap().positions;
    assert_eq!(*made_of, [2, 3, 4, 5, 8], "the 16 are among those who arrived");
    let claimants = [
        (exactly(24), exactly(26), (Some(2), Some(2)), scope()),
        (exactly(8), exactly(10), (Some(2), Some(2)), scope()),
    ];
    assert_eq!(lines(&answer, DifferenceKind::ClaimantsDiffer), claimants);
    let words = &answer.lines[0].reasons[0];
    assert_eq!(words.scope, "all persons moved\nchildren not counted");
    assert_eq!(words.positions, [1, 6]);
    assert_eq!(answer.lines.len(), 4, "nothing is completed of what was agreed from RU to US");
}

#[test]
fn two_sides_that_differ_without_a_reason_leave_the_amount_unexplained() {
    let mut claims = Claims::of("ru-ua-2024-12-30");
    claims.completed("RU>UA", "189", "UA president");
    claims.completed("RU>UA", "150", "RU MoD");
    claims.completed("UA>RU", "150", "RU MoD");
    let answer = claims.answer();
    let unexplained = vec![(Reason::Unexplained, exactly(39))];
    let expected = (exactly(150), exactly(189), (Some(39), Some(39)), unexplained);
    assert_eq!(answer.lines.iter().map(short).collect::<Vec<_>>(), [expected]);
    let line = &answer.lines[0];
    let (one, other) = (line.one.as_ref().unwrap(), line.other.as_ref().unwrap());
    assert_eq!((&one.positions[..], &one.claimants[..]), (&[2][..], &[1][..]));
    assert_eq!((&other.positions[..], &other.claimants[..]), (&[1][..], &[0][..]));
}

#[test]
fn as_of_a_position_the_answer_is_what_the_first_claims_give() {
    let mut claims = donbas();
    claims.record.retract(4);
    claims.completed("UA>x-dpr-lpr", "240", "");
    let all = claims.record.claims();
    for at in 1..=claims.record.head() {
        let then = reconcile(&all.at(at), "donbas-2017-12-27").unwrap();
        let first = claims.record.first(at);
        assert_eq!(Some(then), reconcile(&first.at(at), "donbas-2017-12-27"), "at {at}");
    }
}

#[test]
fn a_cell_names_its_first_claims_and_sources_and_counts_the_others() {
    let mut claims = Claims::of("x-1");
    for number in 0..NAMED + 3 {
        let (attribution, leg, count) = claims.claim("RU>UA", "5", "desk");
        let source_id = format!("page-{:03}", number % (SOURCES + 4));
        let attribution = attribution.map(|it| proto::Attribution { source_id, ..it });
        let completed = proto::TransferCompleted { attribution, leg, count, ..Default::default() };
        claims.record.push(&completed);
    }
    let answer = claims.answer();
    let [cell] = &answer.cells[..] else { panic!("one cell") };
    assert_eq!((cell.positions.len(), cell.more_positions), (NAMED, 3));
    assert_eq!((cell.source_ids.len(), cell.more_source_ids), (SOURCES, 4));
    assert!(cell.positions.is_sorted() && cell.source_ids.is_sorted());
}
