//! The settings of `serve`: from flags, then the environment, then a file, then the defaults.
//!
//! A value that makes no sense is never replaced by a default: the server refuses to start and
//! names the setting and the value.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::{
    engine::EngineSettings,
    grpc::web::Origins,
    log::{LogSettings, ScrubSettings},
    telemetry,
};

/// Where the server listens by default: reachable from this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:50051";
/// Where the data is kept by default.
const DEFAULT_DATA: &str = "handover-data";
/// Bytes of the name that is written into every event.
const RECORDED_BY_BYTES: usize = 256;
/// The longest that a stream may be silent: proxies end what brought nothing for as long.
const MOST_HEARTBEAT_SECONDS: u64 = 30;
/// How long calls under way may take when the server stops.
const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags of `serve`. Each is also an environment variable and a key of the file.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArgs {
    /// A TOML file with the settings below as keys (`stop-grace-seconds` as written here)
    #[arg(long, env = "HANDOVER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Events to import before the server reports ready; may be given several times
    #[arg(long, value_name = "FILE")]
    pub load: Vec<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// The settings, each absent unless given.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Folder that holds the record [default: handover-data]
    #[arg(long, env = "HANDOVER_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address or name, and port, to listen on [default: 127.0.0.1:50051]
    #[arg(long, env = "HANDOVER_LISTEN", value_name = "ADDR", value_parser = address)]
    pub listen: Option<String>,
    /// Who records: written into every event [default: not said]
    #[arg(long, env = "HANDOVER_RECORDED_BY", value_name = "NAME", value_parser = name)]
    pub recorded_by: Option<String>,
    /// What is logged, as in `info` or `handover=debug` [default: info]
    #[arg(long, env = "HANDOVER_LOG", value_name = "FILTER", value_parser = telemetry::checked)]
    pub log: Option<String>,
    /// How log lines look [default: text]
    #[arg(long, env = "HANDOVER_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Seconds that calls under way may take when the server stops [default: 10]
    #[arg(long, env = "HANDOVER_STOP_GRACE_SECONDS", value_name = "SECONDS")]
    pub stop_grace_seconds: Option<u64>,
    /// Seconds after which a stream that brings nothing is sent a heartbeat, from 1 to 30
    /// [default: 20]
    #[arg(long, env = "HANDOVER_HEARTBEAT_SECONDS", value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=MOST_HEARTBEAT_SECONDS))]
    pub heartbeat_seconds: Option<u64>,
    /// Let clients ask which services there are [default: true]
    #[arg(long, env = "HANDOVER_REFLECTION", value_name = "BOOL")]
    pub reflection: Option<bool>,
    /// Origins whose web pages may write, as in `https://desk.example`, or *; any may read
    /// [default: none]
    #[arg(long, env = "HANDOVER_WEB_ORIGINS", value_name = "ORIGINS", value_delimiter = ',',
          value_parser = web_origin)]
    pub web_origins: Option<Vec<String>>,
    /// MiB of one file of the journal, from 1 to 1024 [default: 32]
    #[arg(long, env = "HANDOVER_JOURNAL_FILE_MIB", value_name = "MIB",
          value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub journal_file_mib: Option<u64>,
    /// MiB of events in one volume, from 1 to 1024 [default: 64]
    #[arg(long, env = "HANDOVER_VOLUME_MIB", value_name = "MIB",
          value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub volume_mib: Option<u64>,
    /// Record at the last event's time even if that lies far ahead of the clock [default: false]
    #[arg(long, env = "HANDOVER_ACCEPT_CLOCK_BEHIND", value_name = "BOOL",
          num_args = 0..=1, default_missing_value = "true")]
    pub accept_clock_behind: Option<bool>,
    /// Volumes that may be open through sled at the same time, from 1 to 16 [default: 2]
    #[arg(long, env = "HANDOVER_OPEN_VOLUMES", value_name = "NUMBER",
          value_parser = clap::value_parser!(u64).range(1..=16))]
    pub open_volumes: Option<u64>,
    /// Read sealed volumes through in the background, to find damage early [default: true]
    #[arg(long, env = "HANDOVER_SCRUB", value_name = "BOOL")]
    pub scrub: Option<bool>,
    /// Days in which the scrub reads every volume once, from 1 to 365 [default: 7]
    #[arg(long, env = "HANDOVER_SCRUB_DAYS", value_name = "DAYS",
          value_parser = clap::value_parser!(u64).range(1..=365))]
    pub scrub_days: Option<u64>,
    /// MiB a second that the scrub reads at most, from 1 to 1024 [default: 8]
    #[arg(long, env = "HANDOVER_SCRUB_MIB_PER_SECOND", value_name = "MIB",
          value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub scrub_mib_per_second: Option<u64>,
}

/// What `serve` does, complete.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder that holds the record.
    pub data: PathBuf,
    /// Address or name, and port, to listen on.
    pub listen: String,
    /// Files to import before the server reports ready.
    pub load: Vec<PathBuf>,
    /// What is logged.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// How long calls under way may take when the server stops.
    pub stop_grace: Duration,
    /// Whether clients can ask which services there are.
    pub reflection: bool,
    /// The origins from which web pages may write.
    pub web_origins: Origins,
    /// How the engine is run.
    pub engine: EngineSettings,
}

impl ServeArgs {
    /// Completes the flags and variables from the file and the defaults.
    pub fn resolve(self) -> anyhow::Result<Config> {
        let file = match &self.config {
            None => Settings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("config: cannot read {}", path.display()))?;
                Settings::from_toml(&text)
                    .with_context(|| format!("config: {} is not valid", path.display()))?
            }
        };
        Ok(self.settings.or(file).complete(self.load))
    }
}

impl Settings {
    /// Reads the settings of a file; unknown keys are refused.
    fn from_toml(text: &str) -> anyhow::Result<Self> {
        let settings: Self = toml::from_str(text).map_err(|error| plain(&error))?;
        for (key, value, most) in [
            ("heartbeat-seconds", settings.heartbeat_seconds, MOST_HEARTBEAT_SECONDS),
            ("journal-file-mib", settings.journal_file_mib, 1024),
            ("volume-mib", settings.volume_mib, 1024),
            ("open-volumes", settings.open_volumes, 16),
            ("scrub-days", settings.scrub_days, 365),
            ("scrub-mib-per-second", settings.scrub_mib_per_second, 1024),
        ] {
            if let Some(value) = value.filter(|value| !(1..=most).contains(value)) {
                anyhow::bail!("{key} is {value}; it must be from 1 to {most}");
            }
        }
        for (key, value, check) in [
            ("listen", &settings.listen, address as fn(&str) -> Result<String, String>),
            ("recorded-by", &settings.recorded_by, name),
            ("log", &settings.log, telemetry::checked),
        ] {
            if let Some(value) = value {
                check(value).map_err(|problem| anyhow::anyhow!("{key} is {value:?}: {problem}"))?;
            }
        }
        for value in settings.web_origins.iter().flatten() {
            web_origin(value)
                .map_err(|problem| anyhow::anyhow!("web-origins has {value:?}: {problem}"))?;
        }
        Ok(settings)
    }

    fn or(self, file: Self) -> Self {
        Self {
            data: self.data.or(file.data),
            listen: self.listen.or(file.listen),
            recorded_by: self.recorded_by.or(file.recorded_by),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
            stop_grace_seconds: self.stop_grace_seconds.or(file.stop_grace_seconds),
            heartbeat_seconds: self.heartbeat_seconds.or(file.heartbeat_seconds),
            reflection: self.reflection.or(file.reflection),
            web_origins: self.web_origins.or(file.web_origins),
            journal_file_mib: self.journal_file_mib.or(file.journal_file_mib),
            volume_mib: self.volume_mib.or(file.volume_mib),
            accept_clock_behind: self.accept_clock_behind.or(file.accept_clock_behind),
            open_volumes: self.open_volumes.or(file.open_volumes),
            scrub: self.scrub.or(file.scrub),
            scrub_days: self.scrub_days.or(file.scrub_days),
            scrub_mib_per_second: self.scrub_mib_per_second.or(file.scrub_mib_per_second),
        }
    }

    fn complete(self, load: Vec<PathBuf>) -> Config {
        let log = self.log_settings();
        let recorded_by = self.recorded_by.unwrap_or_default();
        let defaults = EngineSettings::default();
        let heartbeat = self.heartbeat_seconds.map_or(defaults.heartbeat, Duration::from_secs);
        Config {
            data: self.data.unwrap_or_else(|| DEFAULT_DATA.into()),
            listen: self.listen.unwrap_or_else(|| DEFAULT_LISTEN.into()),
            load,
            log: self.log.unwrap_or_else(|| "info".into()),
            log_format: self.log_format.unwrap_or_default(),
            stop_grace: self.stop_grace_seconds.map_or(DEFAULT_STOP_GRACE, Duration::from_secs),
            reflection: self.reflection.unwrap_or(true),
            web_origins: Origins::parse(&self.web_origins.unwrap_or_default())
                .expect("flags and files are checked when they are read"),
            engine: EngineSettings {
                log,
                recorded_by,
                accept_clock_behind: self.accept_clock_behind.unwrap_or(false),
                heartbeat,
                ..defaults
            },
        }
    }

    fn log_settings(&self) -> LogSettings {
        let mut log = LogSettings::default();
        if let Some(mib) = self.journal_file_mib {
            log.journal_file_bytes = mib << 20;
        }
        if let Some(mib) = self.volume_mib {
            log.volume_bytes = mib << 20;
        }
        if let Some(number) = self.open_volumes {
            log.open_volumes = usize::try_from(number).unwrap_or(usize::MAX);
        }
        let mut scrub = ScrubSettings::default();
        if let Some(days) = self.scrub_days {
            scrub.interval = Duration::from_hours(24 * days);
        }
        if let Some(mib) = self.scrub_mib_per_second {
            scrub.bytes_per_second = mib << 20;
        }
        log.scrub = self.scrub.unwrap_or(true).then_some(scrub);
        log
    }
}

/// What is wrong with a file, without the names that Rust has for it.
fn plain(error: &toml::de::Error) -> anyhow::Error {
    let text = error.to_string();
    let text = text.replace("expected u64", "expected a whole number");
    anyhow::anyhow!(text.replace("unknown variant", "unknown value").trim_end().to_owned())
}

/// Checks that a text has a port behind an address or a name; whether there is such a name is
/// found when it is listened to.
fn address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.into()),
        _ => Err("is not an address and port such as 127.0.0.1:50051 or localhost:50051".into()),
    }
}

/// Checks an origin of web pages.
fn web_origin(text: &str) -> Result<String, String> {
    Origins::parse(&[text]).map(|_| text.to_owned())
}

/// Checks a name that is written into every event.
fn name(text: &str) -> Result<String, String> {
    if text.len() > RECORDED_BY_BYTES || text.chars().any(char::is_control) {
        return Err("is longer than 256 bytes, or has control characters".into());
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let file = Settings::from_toml("data = '/file'\nlisten = '127.0.0.1:7'").unwrap();
        let flags = Settings { data: Some("/flag".into()), ..Settings::default() };
        let config = flags.or(file).complete(Vec::new());
        assert_eq!(config.data, PathBuf::from("/flag"));
        assert_eq!(config.listen, "127.0.0.1:7");
        assert_eq!(config.log, "info");
    }

    #[test]
    fn the_scrub_goes_as_it_is_told_or_not_at_all() {
        let log = |text: &str| {
            let settings = Settings::from_toml(text).unwrap();
            settings.complete(Vec::new()).engine.log
        };
        assert_eq!(log("").scrub, Some(ScrubSettings::default()));
        assert_eq!(log("scrub = false\nscrub-days = 1").scrub, None);
        let told = log("scrub-days = 2\nscrub-mib-per-second = 3\nopen-volumes = 5");
        let scrub = ScrubSettings { interval: Duration::from_hours(48), bytes_per_second: 3 << 20 };
        assert_eq!((told.scrub, told.open_volumes), (Some(scrub), 5));
    }

    #[test]
    fn a_bad_value_or_key_of_the_file_is_named() {
        let check = |text: &str, named: &[&str]| {
            let error = format!("{:#}", Settings::from_toml(text).unwrap_err());
            assert!(named.iter().all(|name| error.contains(name)), "{text}: {error}");
        };
        check("listen = 'nowhere'", &["listen", "nowhere"]);
        check("liste = '127.0.0.1:7'", &["liste"]);
        check("heartbeat-seconds = 31", &["heartbeat-seconds", "31", "30"]);
        check("volume-mib = 0", &["volume-mib", "0"]);
        check("open-volumes = 17", &["open-volumes", "17", "16"]);
        check("scrub-days = 366", &["scrub-days", "366", "365"]);
        check("scrub-mib-per-second = 0", &["scrub-mib-per-second", "0"]);
        check("reflection = 'perhaps'", &["reflection", "perhaps"]);
        check("volume-mib = 'x'", &["volume-mib", "expected a whole number"]);
        check("log-format = 'xml'", &["log-format", "unknown value `xml`, expected `text`"]);
        check("log = '=='", &["log", "=="]);
        check("web-origins = ['http://a/b']", &["web-origins", "http://a/b", "origin"]);
        check("recorded-by = \"a\\tb\"", &["recorded-by", "a\\tb"]);
    }

    #[test]
    fn names_can_be_listened_on_but_not_without_a_port() {
        for good in ["localhost:50051", "127.0.0.1:0", "[::1]:7", "host.example:1"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for bad in ["", "localhost", ":50051", "localhost:", "localhost:65536", "50051"] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }
}
