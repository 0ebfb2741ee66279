//! A report as people read it. Columns have fixed widths, so that each case can be printed as
//! soon as it is measured.

use num_format::{Locale, ToFormattedString as _};
use tabled::{builder::Builder, settings::Style};

use super::{
    machine::ReportHeader,
    report::{CaseReport, Judged, Row},
    statistics::Spread,
};

/// Columns of the name of a measurement.
const NAME: usize = 40;
/// Share of the processors that other processes may use before a report says so.
const DISTURBING: f64 = 0.05;
/// What stands where nothing was measured.
const NOTHING: &str = "-";

/// What stands above all cases.
pub(super) fn head(head: &ReportHeader) -> String {
    let ReportHeader { suite, version, started, machine, server, event, .. } = head;
    let quick =
        if head.quick { "\nquick: shows that all works; its figures mean nothing" } else { "" };
    format!(
        "handover {version}, bench of the suite {suite}, {started}\n\
         {} cores ({}), {} GiB, Linux {}, data on {}\n\
         server: {server}\n\
         one event: {} bytes of payload, {} bytes stored; seed {}\n\
         {} repeats of {:.1} s each after a warm-up, {} connections; client and server share the \
         machine{quick}\n",
        machine.cores,
        machine.processor,
        machine.memory_gib,
        machine.kernel,
        machine.file_system,
        event.payload_bytes,
        event.stored_bytes,
        head.seed,
        head.repeats,
        head.seconds,
        head.connections,
    )
}

/// A case with all of its rows.
pub(super) fn case(case: &CaseReport) -> String {
    let columns = "median              min .. max   p50 ms   p99 ms p99.9 ms";
    if let Some(why) = case.left_out {
        return format!("\n{}\n  left out: {why}\n", case.name);
    }
    let lines: String = case.rows.iter().map(row).collect();
    let others = if case.others < DISTURBING {
        String::new()
    } else {
        format!("  (other processes used {:.0} % of the processors)\n", case.others * 100.0)
    };
    format!("\n{}\n{:NAME$} {:>14}\n{lines}{others}", case.name, "", columns)
}

fn row(row: &Row) -> String {
    let Row { name, unit, value, latency, against, note, .. } = row;
    let range = format!("{} .. {}", number(value.min), number(value.max));
    let value = format!("{} {unit}", number(value.median));
    let times = match latency {
        Some(it) => [it.p50, it.p99, it.p999].map(milliseconds),
        None => [NOTHING; 3].map(ToOwned::to_owned),
    };
    let [p50, p99, p999] = times;
    let against = against.as_ref().map(|against| {
        let Spread { median, min, max } = against.ratio;
        let [median, min, max] = [median, min, max].map(number);
        format!("{median} x {} ({min} .. {max})", against.limit)
    });
    let notes = against.into_iter().chain(note.clone()).collect::<Vec<_>>().join("; ");
    let name = format!("  {name}");
    let line = format!("{name:NAME$} {value:>18} {range:>22} {p50:>8} {p99:>8} {p999:>8}  {notes}");
    line.trim_end().to_owned() + "\n"
}

/// All figures against what was wanted of them.
pub(super) fn figures(figures: &[Judged], verified: Option<u64>) -> String {
    let mut rows = Builder::default();
    rows.push_record(["figure", "wanted", "measured", "min .. max", "limit in this run", ""]);
    for figure in figures {
        let measured = figure.measured.map_or_else(
            || [NOTHING.to_owned(), NOTHING.to_owned()],
            |it| [number(it.median), format!("{} .. {}", number(it.min), number(it.max))],
        );
        let [measured, range] = measured;
        let verdict = match figure.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        let wanted = format!("{} {} {}", figure.wanted, number(figure.bound), figure.unit);
        let limit = figure.limit.clone();
        rows.push_record([figure.name.clone(), wanted, measured, range, limit, verdict.into()]);
    }
    let grid = rows.build().with(Style::psql()).to_string();
    let grid: String = grid.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
    let verified = verified.map_or_else(String::new, |events| {
        format!(
            "\nverified: all {} acknowledged events are there, once, as acknowledged\n",
            count(events)
        )
    });
    format!("\n{grid}{verified}")
}

fn milliseconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.3}") } else { number(value) }
}

/// A number with as many digits as say something.
pub(super) fn number(value: f64) -> String {
    if value >= 1_000.0 {
        let rounded = format!("{value:.0}");
        rounded.parse().map_or(rounded, count)
    } else if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else if value >= 0.1 || value == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// A count in groups of three digits.
pub(super) fn count(value: u64) -> String {
    value.to_formatted_string(&Locale::en)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{Figure, Measured, Wanted, judge},
        statistics::Latency,
    };

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        for (value, text) in [
            (0.0, "0.00"),
            (0.00412, "0.0041"),
            (0.834, "0.83"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234.5, "1,234"),
            (2_345_678.0, "2,345,678"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(10_000_000), "10,000,000");
    }

    #[test]
    fn a_row_shows_its_spread_its_times_and_its_limit() {
        let latency = Latency { p50: 1.5, p99: 3.25, p999: 12.0, longest: 20.0 };
        let value = Spread { median: 34_000.0, min: 33_000.0, max: 35_000.0 };
        let of_echo = Spread { median: 0.83, min: 0.81, max: 0.85 };
        let filled = Row { latency: Some(latency), ..Row::new("append", "events/s", value) };
        let line = row(&filled.against("echo RPC", of_echo).note("x"));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "append 34,000 events/s 33,000 .. 35,000 1.500 3.250 12.0 \
             0.83 x echo RPC (0.81 .. 0.85); x"
        );
    }

    #[test]
    fn every_figure_says_what_was_wanted_and_whether_it_was_met() {
        let figure = |id, name, wanted| Figure { id, name, wanted, unit: "x" };
        let wanted = [
            figure("a", "rate", Wanted::AtLeast(0.8)),
            figure("b", "disk", Wanted::AtMost(2.2)),
            figure("c", "ready", Wanted::AtMost(2.0)),
        ];
        let limit = || "echo".to_owned();
        let measured = [
            Measured { figure: "a", value: Spread::exactly(0.83), limit: limit() },
            Measured { figure: "b", value: Spread::exactly(2.4), limit: limit() },
        ];
        let text = figures(&judge(&wanted, &measured), Some(1_000));
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap();
        for (name, parts) in [
            ("rate", ["at least 0.80 x", "0.83", " met"]),
            ("disk", ["at most 2.20 x", "2.40", "missed"]),
            ("ready", ["at most 2.00 x", "-", "not measured"]),
        ] {
            assert!(parts.iter().all(|part| line(name).contains(part)), "{text}");
        }
        assert!(text.contains("all 1,000 acknowledged events"), "{text}");
    }
}
