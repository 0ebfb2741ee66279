//! A report as a table for a page: every row with its case, its times and its ratio.

use std::fmt::{self, Write as _};

use super::{
    report::{Judged, Report, Row},
    table::{count, number},
};

/// What stands where nothing was measured.
const NOTHING: &str = "-";

/// The whole report.
pub(super) fn report(report: &Report) -> Result<String, fmt::Error> {
    let mut out = String::new();
    head(&mut out, report)?;
    writeln!(
        out,
        "\n| case | | median | min .. max | p50 ms | p99 ms | p99.9 ms | longest ms | pause ms | \
         ratio (min .. max) |\n|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for case in &report.cases {
        for row in &case.rows {
            writeln!(out, "| {} {}", case.name, cells(row))?;
        }
    }
    if report.figures.iter().any(|figure| figure.measured.is_some()) {
        writeln!(out, "\n| figure | wanted | measured | beside it |\n|---|---|---|---|")?;
        for figure in report.figures.iter().filter(|figure| figure.measured.is_some()) {
            writeln!(out, "{}", judged(figure))?;
        }
    }
    Ok(out)
}

fn head(out: &mut String, report: &Report) -> fmt::Result {
    let head = &report.head;
    let machine = &head.machine;
    writeln!(
        out,
        "handover {}, suite {}, {}: {} cores ({}), {} GiB, Linux {}, data on {}; {} repeats of {} \
         s, {} connections, {} bytes of payload, seed {}.",
        head.version,
        head.suite,
        head.started,
        machine.cores,
        machine.processor,
        machine.memory_gib,
        machine.kernel,
        machine.file_system,
        head.repeats,
        number(head.seconds),
        head.connections,
        count(head.event.payload_bytes as u64),
        head.seed,
    )?;
    if head.quick {
        writeln!(out, "\nquick: shows that all works; its figures mean nothing.")?;
    }
    if !head.contenders.is_empty() {
        writeln!(out, "\n| store | version | settings |\n|---|---|---|")?;
    }
    for store in &head.contenders {
        writeln!(out, "| {} | {} | {} |", store.name, store.version, store.settings)?;
    }
    let most = report.cases.iter().map(|case| case.others).fold(0.0, f64::max);
    writeln!(out, "\nOther processes used at most {:.0} % of the processors.", most * 100.0)
}

fn cells(row: &Row) -> String {
    let value = row.value;
    let times = row.latency.map_or_else(
        || [NOTHING; 4].map(ToOwned::to_owned),
        |it| [it.p50, it.p99, it.p999, it.longest].map(number),
    );
    let pause = row.pause_ms.map_or_else(|| NOTHING.to_owned(), number);
    let ratio = row.against.as_ref().map_or_else(String::new, |against| {
        let [median, min, max] = [against.ratio.median, against.ratio.min, against.ratio.max];
        format!("{} {} ({} .. {})", against.limit, number(median), number(min), number(max))
    });
    let range = format!("{} .. {}", number(value.min), number(value.max));
    let median = format!("{} {}", number(value.median), row.unit);
    format!("| {} | {median} | {range} | {} | {pause} | {ratio} |", row.name, times.join(" | "))
}

fn judged(figure: &Judged) -> String {
    let measured = figure.measured.map_or_else(|| NOTHING.to_owned(), |it| number(it.median));
    let verdict = match figure.met {
        Some(true) => ", met",
        Some(false) => ", missed",
        None => "",
    };
    let wanted = format!("{} {} {}", figure.wanted, number(figure.bound), figure.unit);
    format!("| {} | {wanted} | {measured}{verdict} | {} |", figure.name, figure.limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{Latency, Spread};

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let value = Spread { median: 34_000.0, min: 33_000.0, max: 35_000.0 };
        let latency = Latency { p50: 1.5, p99: 3.25, p999: 12.0, longest: 20.0 };
        let row =
            Row { latency: Some(latency), pause_ms: Some(4.0), ..Row::new("a", "1/s", value) };
        let ratio = Spread { median: 1.25, min: 1.0, max: 1.5 };
        assert_eq!(
            cells(&row.against("handover / b", ratio)),
            "| a | 34,000 1/s | 33,000 .. 35,000 | 1.50 | 3.25 | 12.0 | 20.0 | 4.00 | \
             handover / b 1.25 (1.00 .. 1.50) |"
        );
        let bare = cells(&Row::new("a", "MB", Spread::exactly(1.0)));
        assert_eq!(bare.matches('|').count(), 10);
    }
}
