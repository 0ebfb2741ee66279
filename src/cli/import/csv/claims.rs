//! `claims.csv`: one row is one claim by one claimant about one exchange.

use super::{event::Event, fields::Row};
use crate::{
    cli::lines::RowError,
    domain::proto::{
        Attribution, Category, ClaimRetracted, Count, DeclineReason, ExchangeKind,
        ExchangeReported, ExchangeStatus, Leg, TotalClaimed, TransferAgreed, TransferCompleted,
        TransferDeclined, TransferKind, Unit,
    },
};

/// The columns of the form.
pub(in crate::cli) const COLUMNS: [&str; 19] = [
    "exchange",
    "part_of",
    "title",
    "occurred",
    "place",
    "parties",
    "kind",
    "record",
    "from",
    "to",
    "unit",
    "category",
    "portion",
    "count",
    "approximate",
    "reason",
    "scope",
    "claimed_by",
    "source",
];

/// Columns that may stand beside them: the two ends of a number that is a range.
pub(super) const ENDS: [&str; 2] = ["low", "high"];

/// What sort of operation it was, how far it has come, and how those who moved were handed over.
pub(in crate::cli) type Kind = (ExchangeKind, ExchangeStatus, TransferKind);

/// Words for how far it came say nothing of its sort. A disputed exchange leaves the kind of its
/// transfers open: claimants disagree on whether they were an exchange.
pub(in crate::cli) const KINDS: [(&str, Kind); 16] = {
    use ExchangeKind as K;
    use ExchangeStatus as S;
    use TransferKind as T;
    [
        ("exchange", (K::Exchange, S::Completed, T::Exchange)),
        ("disputed_exchange", (K::DisputedExchange, S::Completed, T::Unspecified)),
        ("repatriation", (K::Repatriation, S::Completed, T::Repatriation)),
        ("repatriation_of_remains", (K::RepatriationOfRemains, S::Completed, T::Repatriation)),
        ("unilateral_release", (K::UnilateralRelease, S::Completed, T::UnilateralRelease)),
        (
            "release_for_consideration",
            (K::ReleaseForConsideration, S::Completed, T::ReleaseForConsideration),
        ),
        ("agreement", (K::Unspecified, S::Agreed, T::Unspecified)),
        ("cancelled", (K::Unspecified, S::Cancelled, T::Unspecified)),
        ("postponed", (K::Unspecified, S::Postponed, T::Unspecified)),
        ("false_report", (K::Unspecified, S::FalseReport, T::Unspecified)),
        ("completed", (K::Unspecified, S::Completed, T::Unspecified)),
        ("rumoured", (K::Unspecified, S::Rumoured, T::Unspecified)),
        ("proposed", (K::Unspecified, S::Proposed, T::Unspecified)),
        ("announced", (K::Unspecified, S::Announced, T::Unspecified)),
        ("under_way", (K::Unspecified, S::UnderWay, T::Unspecified)),
        ("partly_completed", (K::Unspecified, S::PartlyCompleted, T::Unspecified)),
    ]
};

/// The words for units.
pub(in crate::cli) const UNITS: [(&str, Unit); 2] =
    [("person", Unit::Person), ("remains", Unit::Remains)];

/// The words for categories; empty: not said.
pub(in crate::cli) const CATEGORIES: [(&str, Category); 9] = [
    ("", Category::Unspecified),
    ("prisoner_of_war", Category::PrisonerOfWar),
    ("civilian_detainee", Category::CivilianDetainee),
    ("civilian_internee", Category::CivilianInternee),
    ("convict", Category::Convict),
    ("political_prisoner", Category::PoliticalPrisoner),
    ("hostage", Category::Hostage),
    ("accompanying_family", Category::AccompanyingFamily),
    ("fugitive", Category::Fugitive),
];

/// The words for why persons were not handed over; empty: not said.
pub(in crate::cli) const REASONS: [(&str, DeclineReason); 5] = [
    ("", DeclineReason::Unspecified),
    ("refused", DeclineReason::Refused),
    ("no_show", DeclineReason::NoShow),
    ("withheld", DeclineReason::Withheld),
    ("died", DeclineReason::Died),
];

/// What a row claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    Completed,
    Agreed,
    Declined,
    Total,
    Retracted,
}

/// `None`: nothing but the state of its exchange.
const RECORDS: [(&str, Option<Record>); 6] = [
    ("completed", Some(Record::Completed)),
    ("agreed", Some(Record::Agreed)),
    ("declined", Some(Record::Declined)),
    ("total", Some(Record::Total)),
    ("retracted", Some(Record::Retracted)),
    ("reported", None),
];

/// The columns that are about a number.
const OF_NUMBERS: [&str; 11] = [
    "from",
    "to",
    "unit",
    "category",
    "portion",
    "count",
    "low",
    "high",
    "approximate",
    "reason",
    "scope",
];

/// The events of a row.
pub(super) fn events(row: &Row<'_>) -> Result<Vec<Event>, RowError> {
    let kind = if row.text("kind")?.is_empty() { None } else { Some(row.choice("kind", &KINDS)?) };
    let Some(record) = row.choice("record", &RECORDS)? else {
        return state(row, row.choice("kind", &KINDS)?);
    };
    let (attribution, leg) = (row.attribution("claimed_by")?, leg(row)?);
    let (count, note) = count(row)?;
    let reason = row.choice("reason", &REASONS)?;
    if reason != DeclineReason::Unspecified && record != Record::Declined {
        return Err(row.error("reason", "belongs to what was declined; leave it empty here"));
    }
    let noted = attribution.clone().map(|attribution| Attribution { note, ..attribution });
    let claim = Claim { attribution: noted, leg: Some(leg), count: Some(count) };
    let mut events = Event::registration(row)?;
    match kind {
        Some(kind) => events.push(Event::once(reported(row, kind)?)),
        None => nothing_reported(row, record)?,
    }
    let moved = kind.map_or(TransferKind::Unspecified, |kind| kind.2);
    events.push(match record {
        Record::Completed | Record::Retracted => {
            Event::new(claim.clone().completed(row.text("occurred")?, moved))
        }
        Record::Agreed => Event::new(claim.clone().agreed()),
        Record::Declined => Event::new(claim.clone().declined(reason)),
        Record::Total => Event::new(claim.clone().total()),
    });
    if record == Record::Retracted {
        let retracted = ClaimRetracted { attribution, ..ClaimRetracted::default() };
        events.push(Event { about_the_last: true, ..Event::new(retracted) });
    }
    Ok(events)
}

/// The events of a row that says nothing but the state of its exchange, with the claimant of that.
fn state(row: &Row<'_>, kind: Kind) -> Result<Vec<Event>, RowError> {
    for column in OF_NUMBERS {
        if !row.text(column)?.is_empty() {
            return Err(row.error(column, "belongs to a claim; leave it empty here"));
        }
    }
    let attribution = row.attribution("claimed_by")?;
    let mut events = Event::registration(row)?;
    events.push(Event::new(ExchangeReported { attribution, ..reported(row, kind)? }));
    Ok(events)
}

/// The state of the exchange, as the source has it, without a claimant.
fn reported(row: &Row<'_>, kind: Kind) -> Result<ExchangeReported, RowError> {
    let attribution = Attribution { source_id: row.source()?.id, ..Attribution::default() };
    Ok(ExchangeReported {
        attribution: Some(attribution),
        exchange_id: row.required("exchange")?,
        part_of: row.text("part_of")?,
        title: row.text("title")?,
        kind: kind.0.into(),
        parties: row.list("parties")?,
        place: row.text("place")?,
        occurred: row.text("occurred")?,
        status: kind.1.into(),
        ..ExchangeReported::default()
    })
}

/// A row without a kind reports no state of its exchange, so it cannot say anything else of it.
/// The day can still be that of a transfer.
fn nothing_reported(row: &Row<'_>, record: Record) -> Result<(), RowError> {
    let dated = matches!(record, Record::Completed | Record::Retracted);
    for column in ["part_of", "title", "place", "parties", "occurred"] {
        let of_transfer = dated && column == "occurred";
        if !of_transfer && !row.text(column)?.is_empty() {
            let problem = "describes the exchange, so give the kind as well";
            return Err(row.error(column, problem));
        }
    }
    Ok(())
}

fn leg(row: &Row<'_>) -> Result<Leg, RowError> {
    Ok(Leg {
        exchange_id: row.required("exchange")?,
        from: row.list("from")?,
        to: row.list("to")?,
        unit: row.choice("unit", &UNITS)?.into(),
        category: row.choice("category", &CATEGORIES)?.into(),
        portion: row.text("portion")?,
    })
}

/// The number, with its words where they say more than it does.
fn count(row: &Row<'_>) -> Result<(Count, String), RowError> {
    let (count, note) = row.count("count")?;
    let (low, high) = (row.number("low")?, row.number("high")?);
    let given = |count: &Count| count.value.or(count.low).or(count.high).is_some();
    if given(&count) && (low.is_some() || high.is_some()) {
        return Err(row.error("count", "has a number, and so have low or high; give one of both"));
    }
    let count = Count {
        low: count.low.or(low),
        high: count.high.or(high),
        approximate: count.approximate || row.flag("approximate")?,
        scope: row.text("scope")?,
        ..count
    };
    Ok((count, note))
}

/// What every record has.
#[derive(Clone, Debug)]
struct Claim {
    attribution: Option<Attribution>,
    leg: Option<Leg>,
    count: Option<Count>,
}

impl Claim {
    fn completed(self, occurred: String, kind: TransferKind) -> TransferCompleted {
        let Self { attribution, leg, count } = self;
        let kind = kind.into();
        TransferCompleted { attribution, leg, count, kind, occurred, ..Default::default() }
    }

    fn agreed(self) -> TransferAgreed {
        let Self { attribution, leg, count } = self;
        TransferAgreed { attribution, leg, count }
    }

    fn declined(self, reason: DeclineReason) -> TransferDeclined {
        let Self { attribution, leg, count } = self;
        TransferDeclined { attribution, leg, count, reason: reason.into() }
    }

    fn total(self) -> TotalClaimed {
        let Self { attribution, leg, count } = self;
        TotalClaimed { attribution, leg, count, ..Default::default() }
    }
}
