//! Logs, to standard error: standard output is for data.

mod spans;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, ParseError, Targets},
    fmt,
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
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

/// Starts logging with a filter of levels and targets, as in `info` or `handover=debug`, and
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

fn parsed(filter: &str) -> Result<Targets, String> {
    targets(filter)
        .map_err(|why| format!("it must be a filter such as info or handover=debug ({why})"))
}

/// The filter of a text: levels and targets, divided by commas. Filters by spans (`EnvFilter`) are
/// left out: their regular expressions make a first build longer.
fn targets(filter: &str) -> Result<Targets, String> {
    // A target with another character is that of no event, and would be passed over in silence.
    let of_targets = |it: char| it.is_ascii_alphanumeric() || "_:-=".contains(it);
    if let Some(other) = filter.chars().find(|it| !of_targets(*it) && !" ,".contains(*it)) {
        return Err(format!("invalid character {other:?}"));
    }
    let parts: Vec<&str> =
        filter.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::ERROR));
    }
    parts.join(",").parse().map_err(|error: ParseError| error.to_string())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_filter_is_of_levels_and_targets() {
        let enables = |filter: &str, target: &str, level: Level| {
            targets(filter).unwrap().would_enable(target, &level)
        };
        for filter in ["info", "INFO", "3", " info ", "info,", "warn,handover=info"] {
            assert!(enables(filter, "handover::server", Level::INFO), "{filter}");
            assert!(!enables(filter, "handover::server", Level::DEBUG), "{filter}");
        }
        assert!(enables("info, handover::call=debug", "handover::call", Level::DEBUG));
        assert!(!enables("info, handover::call=debug", "handover::server", Level::DEBUG));
        assert!(!enables("handover=debug", "h2", Level::ERROR), "what is not named is left out");
        assert!(!enables("off", "handover", Level::ERROR));
        for nothing in ["", " ", ","] {
            assert!(enables(nothing, "handover", Level::ERROR), "errors are never left out so");
            assert!(!enables(nothing, "handover", Level::WARN));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in ["==", "handover=loud", "a=b=c", "[call]=debug", "handover{x}=info", "*"] {
            let error = check(filter).unwrap_err();
            assert!(error.contains("such as info or handover=debug ("), "{error}");
        }
    }
}
