//! Logs, to standard error: standard output is for data.

mod spans;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

pub use self::spans::{SpanCounts, Spans};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::from_str(&text, false).map_err(|_| format!("is {text:?}; it must be text or json"))
    }
}

/// Starts logging with a filter as `tracing` knows it, for example `info` or `handover=debug`, and
/// sending the spans of calls. What the filter leaves out of the log is sent all the same.
pub fn start(filter: &str, format: LogFormat, spans: Option<&Spans>) -> anyhow::Result<()> {
    let filter = parsed(filter).map_err(|problem| anyhow::anyhow!("log: {problem}"))?;
    let started = match (format, spans) {
        // A filter for all costs less than one for each layer.
        (LogFormat::Text, None) => {
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
            registry().with(filter).with(lines).try_init()
        }
        (LogFormat::Json, None) => {
            let lines = fmt::layer().with_writer(std::io::stderr).json();
            registry().with(filter).with(lines).try_init()
        }
        (LogFormat::Text, Some(spans)) => {
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
            registry().with(lines.with_filter(filter)).with(spans.layer()).try_init()
        }
        (LogFormat::Json, Some(spans)) => {
            let lines = fmt::layer().with_writer(std::io::stderr).json();
            registry().with(lines.with_filter(filter)).with(spans.layer()).try_init()
        }
    };
    // A second start, as in tests, keeps the first.
    let _ = started;
    Ok(())
}

/// Writes why the program ends as one JSON line like those of the log, at the level ERROR. No
/// filter leaves it out, and the log need not have been started.
pub fn json_error(message: &str, exit_code: u8) {
    unfiltered(LogFormat::Json, || tracing::error!(exit_code, "{message}"));
}

/// Writes what `log` logs, as the log does, and whatever its filter leaves out.
pub fn unfiltered(format: LogFormat, log: impl FnOnce()) {
    let layer = fmt::layer().with_writer(std::io::stderr);
    let registry = registry();
    match format {
        LogFormat::Text => {
            tracing::subscriber::with_default(registry.with(layer.with_ansi(false)), log);
        }
        LogFormat::Json => tracing::subscriber::with_default(registry.with(layer.json()), log),
    }
}

/// Checks that a text is a filter.
pub fn check(filter: &str) -> Result<(), String> {
    parsed(filter).map(drop)
}

fn parsed(filter: &str) -> Result<EnvFilter, String> {
    let parsed = EnvFilter::builder().parse(filter);
    parsed.map_err(|error| format!("it must be a filter such as info or handover=debug ({error})"))
}
