//! Logs, to standard error: standard output is for data.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::LogFormat;

/// Starts logging with a filter as `tracing` knows it, for example `info` or `handover=debug`.
pub fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = parsed(filter).map_err(|problem| anyhow::anyhow!("log: {problem}"))?;
    let layer = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Text => registry.with(layer.with_ansi(false)).try_init(),
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
    // A second start, as in tests, keeps the first.
    let _ = started;
    Ok(())
}

/// The text, if it is a filter.
pub fn checked(filter: &str) -> Result<String, String> {
    parsed(filter).map(|_| filter.to_owned())
}

fn parsed(filter: &str) -> Result<EnvFilter, String> {
    let parsed = EnvFilter::builder().parse(filter);
    parsed.map_err(|error| format!("{filter:?} is not a filter: {error}"))
}
