//! The settings of `serve`. [`Settings`] is the one place for the name, the type with its bounds,
//! the default and the help of each: its flag, its variable and its key in the file follow from
//! that.
//!
//! A flag goes before a variable, a variable before the file, and the file before the default. A
//! value that makes no sense is never replaced by a default: the server refuses to start and names
//! the setting, the value and what would be allowed.

mod access;
mod layer;
mod layers;
mod nearest;
mod shown;
mod tls;
mod values;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde::{Deserialize, Serialize, Serializer};

pub(crate) use self::{
    layer::Layer, layers::PREFIX, nearest::nearest, shown::Setting, tls::is_reached_by_others,
};
use self::{
    layer::LayerOfKey,
    layers::Given,
    values::{Address, ClientAuth, Collector, Filter, Name, WebOrigin, Within},
};
use crate::{
    engine::EngineSettings,
    grpc::{peers::ConnectionLimits, web::Origins},
    log::{LogSettings, ScrubSettings},
    telemetry::LogFormat,
};

/// The longest that a stream may be silent is 30 s: proxies end a stream that is silent for longer.
type Heartbeat = Within<1, 30>;
/// MiB, in all, or in a second.
type Mebibytes = Within<1, 1024>;
/// How many volumes.
type Volumes = Within<1, 16>;
/// Connections: a process has no more descriptors.
type OfPeer = Within<1, { 1 << 20 }>;
/// Seconds without a call, up to a day.
type Idle = Within<1, 86_400>;
/// Days.
type Days = Within<1, 365>;

/// Flags of `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// A TOML file with the settings below as keys (`stop-grace-seconds` as written here)
    #[arg(long, env = "HANDOVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Events to import before the server reports ready; may be given several times
    #[arg(long, value_name = "FILE")]
    pub load: Vec<PathBuf>,
    #[command(flatten)]
    given: Given<Settings>,
}

impl ServeArgs {
    /// How log lines look. A flag or a variable says so even if the settings cannot be completed.
    pub(crate) fn log_format(&self, settings: Option<&Settings>) -> LogFormat {
        settings.unwrap_or(&self.given.settings).log_format
    }

    /// The settings, completed by the file and the defaults.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        Ok(self.completed()?.0)
    }

    fn completed(&self) -> anyhow::Result<(Settings, LayerOfKey)> {
        let (mut settings, layers) = self.given.over(self.config.as_deref())?;
        // A path need not be UTF-8, but what goes through the layers is.
        if self.given.has("data") {
            settings.data.clone_from(&self.given.settings.data);
        }
        let mut given = self.given.settings.clone();
        for ((key, path), (_, given)) in settings.paths().into_iter().zip(given.paths()) {
            if self.given.has(key) {
                path.clone_from(given);
            }
        }
        Ok((settings, layers))
    }
}

/// The settings, complete. The flag of `volume_mib` is `--volume-mib`, its key in the file is
/// `volume-mib`, and its variable is `HANDOVER_VOLUME_MIB`.
#[derive(Clone, Debug, Args, Deserialize, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Folder that holds the record
    #[arg(long, default_value = "handover-data", value_name = "DIR")]
    #[serde(serialize_with = "lossy")]
    pub(crate) data: PathBuf,
    /// Address or name, and port, to listen on
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDR")]
    pub(crate) listen: Address,
    /// Name written into each event that no identity records [default: none]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_by: Option<Name>,
    /// What is logged, as in `info` or `handover=debug`
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub(crate) log: Filter,
    /// How log lines look
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Address and port of Prometheus metrics, over plain HTTP at /metrics [default: none]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics_listen: Option<Address>,
    /// Address of an OpenTelemetry collector that gets a span for each call, by OTLP over gRPC; in
    /// plain text on this machine only [default: none]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) otlp_endpoint: Option<Collector>,
    /// Seconds that calls under way may take when the server stops
    #[arg(long, default_value = "10", value_name = "SECONDS")]
    stop_grace_seconds: Within<0, { u64::MAX }>,
    #[arg(long, default_value = "20", value_name = "SECONDS",
          help = Heartbeat::help("Seconds after which a silent stream is sent a heartbeat"))]
    heartbeat_seconds: Heartbeat,
    /// Let clients list the services
    #[arg(long, default_value = "true", value_name = "BOOL", action = clap::ArgAction::Set)]
    pub(crate) reflection: bool,
    /// Origins whose web pages may write, as in `https://desk.example`, or *; any may read
    /// [default: none]
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',')]
    web_origins: Vec<WebOrigin>,
    /// Certificate of the server, in PEM, with those of the authorities between behind it; with
    /// --tls-key it serves TLS 1.2 and 1.3; read again when it changes
    /// [default: plain text, on this machine only]
    #[arg(long, value_name = "FILE")]
    #[serde(serialize_with = "lossy_or_none", skip_serializing_if = "Option::is_none")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM; only its owner may have access to the file; read again when
    /// it changes
    #[arg(long, value_name = "FILE")]
    #[serde(serialize_with = "lossy_or_none", skip_serializing_if = "Option::is_none")]
    tls_key: Option<PathBuf>,
    /// Certificates of the authorities that issue certificates to clients, in PEM; read again when
    /// it changes
    #[arg(long, value_name = "FILE")]
    #[serde(serialize_with = "lossy_or_none", skip_serializing_if = "Option::is_none")]
    tls_client_ca: Option<PathBuf>,
    /// Whether clients need a certificate [default: required with --tls-client-ca, else off]
    #[arg(long, value_name = "WHETHER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_auth: Option<ClientAuth>,
    /// Who may do what: a TOML file of identities and grants; with it, or with --tokens, each call
    /// needs an identity; read again when it changes
    /// [default: all may do everything, on this machine only]
    #[arg(long, value_name = "FILE")]
    #[serde(serialize_with = "lossy_or_none", skip_serializing_if = "Option::is_none")]
    policy: Option<PathBuf>,
    /// File of tokens, which `handover token` keeps; only its owner may have access to it; read
    /// again when it changes
    #[arg(long, value_name = "FILE")]
    #[serde(serialize_with = "lossy_or_none", skip_serializing_if = "Option::is_none")]
    tokens: Option<PathBuf>,
    /// Serve other machines without TLS or without a policy: each machine between can read and
    /// change what is sent, or each that can connect may do everything
    #[arg(long, default_value = "false", value_name = "BOOL", action = clap::ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true")]
    insecure: bool,
    /// Connections that one address may have open, or one /64 network of IPv6; more are closed at
    /// once [default: a quarter of all, at least 64; this machine: all]
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connections_per_peer: Option<OfPeer>,
    /// Seconds after which a connection without a call is ended; pings do not count
    /// [default: never, as long as it answers pings]
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<Idle>,
    #[arg(long, default_value = "32", value_name = "MIB",
          help = Mebibytes::help("MiB of one file of the journal"))]
    journal_file_mib: Mebibytes,
    #[arg(long, default_value = "64", value_name = "MIB",
          help = Mebibytes::help("MiB of events in one volume"))]
    volume_mib: Mebibytes,
    /// Record at the last event's time even if that lies far ahead of the clock
    #[arg(long, default_value = "false", value_name = "BOOL", action = clap::ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true")]
    accept_clock_behind: bool,
    #[arg(long, default_value = "2", value_name = "NUMBER",
          help = Volumes::help("Volumes that may be open through sled at the same time"))]
    open_volumes: Volumes,
    /// Read sealed volumes through in the background, to find damage early
    #[arg(long, default_value = "true", value_name = "BOOL", action = clap::ArgAction::Set)]
    scrub: bool,
    #[arg(long, default_value = "7", value_name = "DAYS",
          help = Days::help("Days in which the scrub reads every volume once"))]
    scrub_days: Days,
    #[arg(long, default_value = "8", value_name = "MIB",
          help = Mebibytes::help("MiB a second that the scrub reads at most"))]
    scrub_mib_per_second: Mebibytes,
}

fn lossy<S: Serializer>(path: &Path, into: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(into)
}

#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn lossy_or_none<S: Serializer>(path: &Option<PathBuf>, into: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(into)
}

impl Settings {
    /// How long calls under way may take when the server stops.
    pub(crate) fn stop_grace(&self) -> Duration {
        Duration::from_secs(self.stop_grace_seconds.get())
    }

    /// The limits of connections, of which there may be so many in all.
    pub(crate) fn connection_limits(&self, all: usize) -> ConnectionLimits {
        let of_peer = self.connections_per_peer.map(|most| usize::try_from(most.get()));
        let of_peer = of_peer.map(|most| most.unwrap_or(usize::MAX));
        let idle = self.idle_seconds.map(|seconds| Duration::from_secs(seconds.get()));
        ConnectionLimits::new(all, of_peer).with_idle(idle)
    }

    /// The origins from which web pages may write.
    pub(crate) fn web_origins(&self) -> Origins {
        Origins::parse(&self.web_origins).expect("each was checked when it was read")
    }

    /// How the engine is run.
    pub(crate) fn engine(&self) -> EngineSettings {
        EngineSettings {
            log: self.log_settings(),
            recorded_by: self.recorded_by.as_ref().map_or("", AsRef::as_ref).to_owned(),
            accept_clock_behind: self.accept_clock_behind,
            heartbeat: Duration::from_secs(self.heartbeat_seconds.get()),
            ..EngineSettings::default()
        }
    }

    fn log_settings(&self) -> LogSettings {
        let scrub = ScrubSettings {
            interval: Duration::from_hours(24 * self.scrub_days.get()),
            bytes_per_second: self.scrub_mib_per_second.get() << 20,
        };
        LogSettings {
            journal_file_bytes: self.journal_file_mib.get() << 20,
            volume_bytes: self.volume_mib.get() << 20,
            open_volumes: usize::try_from(self.open_volumes.get()).unwrap_or(usize::MAX),
            scrub: self.scrub.then_some(scrub),
            ..LogSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    pub(super) struct Alone {
        #[command(flatten)]
        pub(super) args: ServeArgs,
    }

    /// The settings of a command line and, if there is one, of a file.
    pub(super) fn settings(flags: &[&str], file: Option<&str>) -> anyhow::Result<Settings> {
        let arguments = ["serve"].iter().chain(flags);
        let mut args = Alone::try_parse_from(arguments)?.args;
        let dir = tempfile::tempdir()?;
        if let Some(text) = file {
            let path = dir.path().join("handover.toml");
            std::fs::write(&path, text)?;
            args.config = Some(path);
        }
        args.settings()
    }

    #[test]
    fn the_defaults_are_those_of_the_engine() {
        let (ours, engines) = (settings(&[], None).unwrap().engine(), EngineSettings::default());
        assert_eq!(ours.log, engines.log);
        assert_eq!(ours.heartbeat, engines.heartbeat);
        assert_eq!(ours.recorded_by, engines.recorded_by);
        assert_eq!(ours.accept_clock_behind, engines.accept_clock_behind);
    }

    #[test]
    fn the_scrub_runs_as_it_is_set_or_not_at_all() {
        let log = |text: &str| settings(&[], Some(text)).unwrap().engine().log;
        assert_eq!(log("scrub = false\nscrub-days = 1").scrub, None);
        let set = log("scrub-days = 2\nscrub-mib-per-second = 3\nopen-volumes = 5");
        let scrub = ScrubSettings { interval: Duration::from_hours(48), bytes_per_second: 3 << 20 };
        assert_eq!((set.scrub, set.open_volumes), (Some(scrub), 5));
    }
}
