//! The way to an OpenTelemetry collector.

use std::time::Duration;

use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};

use super::{ClientError, ClientTls, connector};

/// How long the sending of one batch may take, with what is tried again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends spans to the collector at an address, as in `http://127.0.0.1:4317`. It connects with the
/// first batch, and again after the connection was lost. Must be called within a tokio runtime.
///
/// Spans name identities and peers, so they are sent in plain text within this machine alone.
pub fn exporter(address: &str) -> Result<SpanExporter, ClientError> {
    let connector = connector(address, &ClientTls::default())?;
    if connector.is_exposed() {
        let problem = "spans would be sent there in plain text, and they name identities and \
                       peers; let it begin with https://, or run a collector on this machine";
        return Err(ClientError::address(address, problem));
    }
    let built = SpanExporter::builder()
        .with_tonic()
        .with_channel(connector.connect_lazy())
        .with_timeout(TIMEOUT)
        .build();
    built.map_err(|error| ClientError::address(address, &error.to_string()))
}
