//! The form `claims`: one row for each claim about a number of one exchange, and for each report of
//! the state of one.

use std::collections::HashMap;

use super::{
    record::Record,
    reread::Row,
    rows::{TableRows, word},
};
use crate::{
    cli::{
        actor,
        import::csv::claims::{CATEGORIES, COLUMNS, KINDS, REASONS, UNITS},
    },
    domain::{
        known::Known,
        proto::{
            Attribution, Count, DeclineReason, ExchangeKind, ExchangeReported, ExchangeStatus, Leg,
        },
    },
};

/// Reports of one source about one exchange that are tried in a claim's row, the latest first.
const REPEATED: usize = 4;

/// The rows of all claims and reports, by position.
pub(super) fn rows(record: &Record) -> TableRows {
    let (rows, held, with_claim) = (TableRows::default(), HashMap::new(), HashMap::new());
    let mut writer = RowWriter { record, rows, held, with_claim };
    let next = followers(record);
    for (position, known) in record.claims() {
        match (known, Claim::of(known)) {
            (Known::ExchangeReported(report), _) => {
                writer.report(position, known, report, next.get(&position).copied());
            }
            (_, Some(claim)) => writer.claim(position, known, &claim),
            _ => {}
        }
    }
    writer.rows
}

/// For each claim and report of an exchange, the one that comes next, by their positions.
fn followers(record: &Record) -> HashMap<u64, (u64, &Known)> {
    let (mut last, mut next) = (HashMap::new(), HashMap::new());
    for (position, known) in record.claims() {
        let report = matches!(known, Known::ExchangeReported(_));
        let exchange = known.exchange_id().filter(|_| report || Claim::of(known).is_some());
        let Some(exchange) = exchange else { continue };
        if let Some(before) = last.insert(exchange, position) {
            next.insert(before, (position, known));
        }
    }
    next
}

/// A report that a row holds.
struct HeldReport<'a> {
    report: &'a ExchangeReported,
    /// As it is read from that row.
    read: Known,
}

/// Puts claims and reports into rows. `import` takes a report out of the row of a claim if the
/// report names no claimant, once for each content, and just before the claim. Every other report
/// has a row of its own. So the reports and claims of one exchange keep their order.
struct RowWriter<'a> {
    record: &'a Record,
    rows: TableRows,
    /// Reports that are in rows, by exchange and source.
    held: HashMap<(&'a str, &'a str), Vec<HeldReport<'a>>>,
    /// Reports that go into the row of the claim at a position.
    with_claim: HashMap<u64, (&'a Known, Row)>,
}

impl<'a> RowWriter<'a> {
    /// Puts a report into the row of the claim that comes next, or into its own.
    fn report(
        &mut self,
        position: u64,
        known: &'a Known,
        report: &'a ExchangeReported,
        next: Option<(u64, &'a Known)>,
    ) {
        let key = (report.exchange_id.as_str(), source(report.attribution.as_ref()));
        // A second one with the same content would not be read.
        let repeated = self.held.get(&key).is_some_and(|it| it.iter().any(|it| it.read == *known));
        let together = next.filter(|_| !repeated).and_then(|(claim, next)| {
            let fields = Claim::of(next)?.row(Some(report), self.record);
            let row = Row::of(&COLUMNS, fields, &[known, next]).ok()?;
            row.missing.first().is_some_and(Vec::is_empty).then_some((claim, row))
        });
        let read = if let Some((claim, row)) = together {
            self.with_claim.insert(claim, (known, row));
            Some(known.clone())
        } else {
            let row = Row::of(&COLUMNS, reported(report, self.record), &[known]);
            let read = row.as_ref().ok().and_then(|row| row.read.first().cloned());
            self.rows.row_of(position, row, &[known]);
            read
        };
        if let Some(read) = read {
            self.held.entry(key).or_default().push(HeldReport { report, read });
        }
    }

    fn claim(&mut self, position: u64, known: &'a Known, claim: &Claim<'a>) {
        if let Some((report, row)) = self.with_claim.remove(&position) {
            return self.rows.row_of(position, Ok(row), &[report, known]);
        }
        let row = match self.repeating(known, claim) {
            Some(row) => Ok(row),
            None => Row::of(&COLUMNS, claim.row(None, self.record), &[known]),
        };
        self.rows.row_of(position, row, &[known]);
    }

    /// The row of a claim with a report that an earlier row holds: it is read once. Of several, the
    /// one with which the row says the most of the claim.
    fn repeating(&self, known: &Known, claim: &Claim<'_>) -> Option<Row> {
        let held = self.held.get(&(claim.leg.exchange_id.as_str(), claim.source()))?;
        let rows = held.iter().rev().take(REPEATED).filter_map(|held| {
            let fields = claim.row(Some(held.report), self.record);
            let mut row = Row::of(&COLUMNS, fields, &[&held.read, known]).ok()?;
            let same = row.read.first() == Some(&held.read);
            row.missing.remove(0);
            same.then_some(row)
        });
        rows.min_by_key(|row| row.missing.iter().map(Vec::len).sum::<usize>())
    }
}

/// What a row is made of.
struct Claim<'a> {
    record: &'static str,
    leg: &'a Leg,
    count: Count,
    attribution: Option<&'a Attribution>,
    reason: DeclineReason,
    /// When persons moved, as this claim has it.
    occurred: &'a str,
}

impl<'a> Claim<'a> {
    /// What a claim about a number says; absent: it is another claim, or a running total of a
    /// series, which has no leg and a form of its own.
    fn of(known: &'a Known) -> Option<Self> {
        let mut reason = DeclineReason::Unspecified;
        let mut occurred = "";
        let (record, leg, count, attribution) = if let Known::TransferCompleted(claim) = known {
            occurred = &claim.occurred;
            ("completed", &claim.leg, &claim.count, &claim.attribution)
        } else if let Known::TransferAgreed(claim) = known {
            ("agreed", &claim.leg, &claim.count, &claim.attribution)
        } else if let Known::TransferDeclined(claim) = known {
            reason = claim.reason();
            ("declined", &claim.leg, &claim.count, &claim.attribution)
        } else if let Known::TotalClaimed(claim) = known {
            ("total", &claim.leg, &claim.count, &claim.attribution)
        } else {
            return None;
        };
        let (leg, count) = (leg.as_ref()?, count.clone().unwrap_or_default());
        Some(Claim { record, leg, count, attribution: attribution.as_ref(), reason, occurred })
    }

    fn source(&self) -> &'a str {
        source(self.attribution)
    }

    /// Its row, with the state of the exchange if there is a report to go with it.
    fn row(&self, report: Option<&ExchangeReported>, record: &Record) -> Vec<String> {
        let Self { leg, count, .. } = self;
        let shown = report.cloned().unwrap_or_default();
        let number = count.value.map(|value| value.to_string()).unwrap_or_default();
        let fields = [
            leg.exchange_id.clone(),
            shown.part_of,
            shown.title,
            report.map_or(self.occurred, |report| &report.occurred).to_owned(),
            shown.place,
            shown.parties.join("+"),
            report.map(kind).unwrap_or_default().to_owned(),
            self.record.to_owned(),
            leg.from.join("+"),
            leg.to.join("+"),
            word(&UNITS, &leg.unit()).unwrap_or_default().to_owned(),
            word(&CATEGORIES, &leg.category()).unwrap_or_default().to_owned(),
            leg.portion.clone(),
            number,
            if count.approximate { "yes".to_owned() } else { String::new() },
            word(&REASONS, &self.reason).unwrap_or_default().to_owned(),
            count.scope.clone(),
            actor::write(self.attribution.and_then(|said| said.claimed_by.as_ref())),
            record.source(self.source()),
        ];
        let row: [String; COLUMNS.len()] = fields;
        row.into()
    }
}

/// The row of a report alone: the columns of numbers are empty.
fn reported(report: &ExchangeReported, record: &Record) -> Vec<String> {
    let alone = Claim {
        record: "reported",
        leg: &Leg { exchange_id: report.exchange_id.clone(), ..Leg::default() },
        count: Count::default(),
        attribution: report.attribution.as_ref(),
        reason: DeclineReason::Unspecified,
        occurred: "",
    };
    alone.row(Some(report), record)
}

fn source(said: Option<&Attribution>) -> &str {
    said.map_or("", |said| said.source_id.as_str())
}

/// The word for the sort of operation and how far it has come. There is one word for both, and only
/// what is completed has a sort; of anything else the word leaves it out.
fn kind(report: &ExchangeReported) -> &'static str {
    let find = |kind: ExchangeKind, status: ExchangeStatus| {
        let fits = |(_, words): &&(&str, (ExchangeKind, ExchangeStatus, _))| {
            (words.0, words.1) == (kind, status)
        };
        KINDS.iter().find(fits).map(|(word, _)| *word)
    };
    let without = || find(ExchangeKind::Unspecified, report.status());
    find(report.kind(), report.status()).or_else(without).unwrap_or_default()
}
