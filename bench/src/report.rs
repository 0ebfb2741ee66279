//! The report of a bench: rows of measurements, and figures against what was wanted of them.

use serde::Serialize;

use super::statistics::{Latency, Series, Spread};

/// One line of measurements.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// What was measured.
    pub(super) name: String,
    /// Of its value.
    pub(super) unit: &'static str,
    /// The median of the repeats, and the outermost of them.
    pub(super) value: Spread,
    /// From sending to the answer.
    pub(super) latency: Option<Latency>,
    /// The longest time in which no call was answered, in milliseconds.
    pub(super) pause_ms: Option<f64>,
    /// How it compares with the limit that was measured beside it.
    pub(super) against: Option<Against>,
    /// What else has to be known to read the value.
    pub(super) note: Option<String>,
}

/// A value as a share of a limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Against {
    /// The limit.
    pub(super) limit: String,
    /// The shares, repeat by repeat.
    pub(super) ratio: Spread,
}

impl Row {
    /// A row with a value alone.
    pub(super) fn new(name: impl Into<String>, unit: &'static str, value: Spread) -> Self {
        let (latency, pause_ms, against, note) = (None, None, None, None);
        Self { name: name.into(), unit, value, latency, pause_ms, against, note }
    }

    /// Events a second, with latencies.
    pub(super) fn rate(name: impl Into<String>, series: &Series) -> Self {
        let row = Self::new(name, "events/s", series.rate());
        Self { latency: series.latency(), pause_ms: Some(series.pause_ms()), ..row }
    }

    /// The row with its share of a limit.
    pub(super) fn against(self, limit: impl Into<String>, ratio: Spread) -> Self {
        Self { against: Some(Against { limit: limit.into(), ratio }), ..self }
    }

    /// The row with a note.
    pub(super) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// What a case has measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// All measurements.
    pub(super) rows: Vec<Row>,
    /// Values of figures of the suite.
    pub(super) figures: Vec<Measured>,
}

/// The value of a figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    /// Which figure of the suite.
    pub(super) figure: &'static str,
    /// The repeats.
    pub(super) value: Spread,
    /// The limit that was measured in the same run, in words; empty: there is none.
    pub(super) limit: String,
}

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    /// Whether a value is what is wanted. A figure is judged by its median.
    fn is_met(self, value: Spread) -> bool {
        match self {
            Self::AtLeast(least) => value.median >= least,
            Self::AtMost(most) => value.median <= most,
        }
    }
}

/// A figure that a suite is to reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    /// Its short name, by which cases give its value.
    pub(super) id: &'static str,
    /// What it is about.
    pub(super) name: &'static str,
    pub(super) wanted: Wanted,
    pub(super) unit: &'static str,
}

/// A figure of a suite.
pub(super) const fn figure(
    id: &'static str,
    name: &'static str,
    wanted: Wanted,
    unit: &'static str,
) -> Figure {
    Figure { id, name, wanted, unit }
}

/// A figure with what was wanted and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) unit: &'static str,
    /// The comparison that is wanted: `at least` or `at most`.
    pub(super) wanted: &'static str,
    /// The value that it is compared with.
    pub(super) bound: f64,
    /// `None`: its case did not run.
    pub(super) measured: Option<Spread>,
    pub(super) limit: String,
    /// `None`: its case did not run.
    pub(super) met: Option<bool>,
}

/// Sets all figures of a suite against what was measured of them.
pub(super) fn judge(figures: &[Figure], measured: &[Measured]) -> Vec<Judged> {
    let judged = |figure: &Figure| {
        let found = measured.iter().find(|measured| measured.figure == figure.id);
        let value = found.map(|found| found.value);
        let (wanted, bound) = match figure.wanted {
            Wanted::AtLeast(bound) => ("at least", bound),
            Wanted::AtMost(bound) => ("at most", bound),
        };
        Judged {
            name: figure.name.to_owned(),
            unit: figure.unit,
            wanted,
            bound,
            measured: value,
            limit: found.map(|found| found.limit.clone()).unwrap_or_default(),
            met: value.map(|value| figure.wanted.is_met(value)),
        }
    };
    figures.iter().map(judged).collect()
}

/// A case with its rows, as it is written to JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CaseReport {
    pub(super) name: String,
    /// Why it did not run; then there are no rows.
    pub(super) left_out: Option<&'static str>,
    /// Share of the processors that other processes used meanwhile, from 0 to 1: what is high
    /// here has disturbed what was measured.
    pub(super) others: f64,
    pub(super) rows: Vec<Row>,
}

/// The whole report, as it is written to JSON.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) head: super::machine::ReportHeader,
    pub(super) cases: Vec<CaseReport>,
    /// Acknowledged events that were found again; `None`: without `--verify`.
    pub(super) verified: Option<u64>,
    pub(super) figures: Vec<Judged>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_met_missed_or_not_measured() {
        let figure = |id, wanted| Figure { id, name: id, wanted, unit: "x" };
        let figures = [
            figure("rate", Wanted::AtLeast(0.8)),
            figure("size", Wanted::AtMost(2.2)),
            figure("left out", Wanted::AtMost(1.0)),
        ];
        let met = |rate: f64, size: f64| {
            let measured = [("rate", rate), ("size", size)].map(|(figure, value)| Measured {
                figure,
                value: Spread::exactly(value),
                limit: String::new(),
            });
            judge(&figures, &measured).iter().map(|judged| judged.met).collect::<Vec<_>>()
        };
        assert_eq!(met(0.8, 2.2), [Some(true), Some(true), None]);
        assert_eq!(met(0.79, 2.21), [Some(false), Some(false), None]);
    }
}
