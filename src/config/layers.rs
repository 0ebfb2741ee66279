//! The layers of the settings: flags and variables over the file over the defaults.
//!
//! clap reads flags, variables and defaults and remembers which of them each value is; figment
//! merges the file in between.

use std::{fs, io::Read as _, path::Path};

use anyhow::Context as _;
use clap::{ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};
use figment::{
    Figment,
    error::Kind,
    providers::Serialized,
    value::{Dict, Value},
};
use serde::{Serialize, de::DeserializeOwned};
use toml::de::DeTable;

use super::{
    layer::{Layer, LayerOfKey},
    nearest::nearest,
};
use crate::grpc::file_access::{CHANGES, Demand, ReadBy};

/// What the TOML library says of a key that is there twice.
const DUPLICATE: &str = "duplicate key";
/// How the program's variables begin.
pub(crate) const PREFIX: &str = "HANDOVER_";

/// The settings without a file, and the layers of those that a flag or a variable gives.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    /// What clap makes of flags, variables and defaults.
    pub(super) settings: T,
    layers: LayerOfKey,
}

impl<T: Args> Args for Given<T> {
    fn augment_args(mut command: Command) -> Command {
        for flag in T::augment_args(Command::new("")).get_arguments() {
            command = command.arg(flag.clone().env(variable(flag.get_id().as_str())));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Given<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut layers = LayerOfKey::new();
        for id in matches.ids().map(clap::Id::as_str) {
            let key = id.replace('_', "-");
            let layer = match matches.value_source(id) {
                None | Some(ValueSource::DefaultValue) => continue,
                Some(ValueSource::EnvVariable) => Layer::Variable(variable(id)),
                Some(_) => Layer::Flag(format!("--{key}")),
            };
            layers.insert(key, layer);
        }
        Ok(Self { settings: T::from_arg_matches(matches)?, layers })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Clone + DeserializeOwned + Serialize> Given<T> {
    /// Whether a flag or a variable gives the setting with this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.layers.contains_key(key)
    }

    /// The settings with those of a file where no flag or variable gives one, and the layer of
    /// each that is not the default.
    pub(super) fn over(&self, file: Option<&Path>) -> anyhow::Result<(T, LayerOfKey)> {
        let mut layers = self.layers.clone();
        let Some(path) = file else { return Ok((self.settings.clone(), layers)) };
        let file = File::read(path)?;
        let filed = Figment::from(Serialized::defaults(&self.settings))
            .merge(Serialized::defaults(&file.values));
        // A value of the file must be right even where a flag goes before it.
        filed.extract::<T>().map_err(|error| file.refused(&error))?;
        let mut given = Value::serialize(&self.settings)?.into_dict().unwrap_or_default();
        given.retain(|key, _| self.has(key));
        for key in file.values.keys().filter(|key| !self.has(key)) {
            let layer = Layer::File { path: path.to_owned(), line: file.line(key) };
            layers.insert(key.clone(), layer);
        }
        Ok((filed.merge(Serialized::defaults(given)).extract()?, layers))
    }
}

/// The variable that stands in for the flag with this id.
fn variable(id: &str) -> String {
    format!("{PREFIX}{}", id.to_uppercase())
}

/// Refuses a file that others can change: it names the policy, and could name another one.
fn check_access(path: &Path, metadata: &fs::Metadata) -> anyhow::Result<()> {
    let demand = Demand { forbidden: CHANGES, harm: "change the settings", by: ReadBy::Server };
    match demand.problem(path, metadata) {
        None => Ok(()),
        Some(problem) => anyhow::bail!("config: {} {problem}", path.display()),
    }
}

/// A file of settings.
struct File<'a> {
    path: &'a Path,
    text: String,
    values: Dict,
}

impl<'a> File<'a> {
    fn read(path: &'a Path) -> anyhow::Result<Self> {
        let failed = || format!("config: cannot read {}", path.display());
        let mut file = fs::File::open(path).with_context(failed)?;
        check_access(path, &file.metadata().with_context(failed)?)?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(failed)?;
        // The error quotes the line, which names a key that is there twice.
        let values = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let once =
                if error.message() == DUPLICATE { "; each setting is given once" } else { "" };
            anyhow::anyhow!("config: {}: {}{once}", path.display(), error.to_string().trim_end())
        })?;
        Ok(Self { path, text, values })
    }

    /// What is wrong with the file, where, and what would be allowed there.
    fn refused(&self, error: &figment::Error) -> anyhow::Error {
        let key = error.path.first().map_or("", String::as_str);
        let problem = if let Kind::UnknownField(_, known) = &error.kind {
            match nearest(key, known.iter().copied()) {
                Some(meant) => format!("is not a setting; did you mean {meant}?"),
                None => format!("is not a setting; the settings are {}", known.join(", ")),
            }
        } else if let Kind::InvalidType(found, expected) = &error.kind {
            format!("must be {expected}, not {found}")
        } else {
            error.kind.to_string()
        };
        let line = self.line(key).map(|line| format!(", line {line}")).unwrap_or_default();
        anyhow::anyhow!("config: {}{line}: {key} {problem}", self.path.display())
    }

    /// The line where a key stands.
    fn line(&self, key: &str) -> Option<usize> {
        let table = DeTable::parse(&self.text).ok()?;
        let (key, _) = table.get_ref().get_key_value(key)?;
        Some(1 + self.text.get(..key.span().start)?.matches('\n').count())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::OsStr,
        os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
        path::PathBuf,
    };

    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::{
        config::{
            Settings,
            tests::{Alone, settings},
        },
        grpc::web::Origins,
        telemetry::LogFormat,
    };

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let file = "data = '/file'\nlisten = '127.0.0.1:7'\nweb-origins = ['http://a']";
        let found = settings(&["--data", "/flag", "--web-origins", "*"], Some(file)).unwrap();
        assert_eq!(found.data, PathBuf::from("/flag"));
        assert_eq!(found.listen.as_ref(), "127.0.0.1:7");
        assert_eq!(found.log.as_ref(), "info");
        assert_eq!(found.web_origins(), Origins::parse(&["*"]).unwrap(), "lists are not joined");
        // A flag that says what the default says goes before the file as well.
        let found = settings(&["--volume-mib=64"], Some("volume-mib = 1\nlog-format = 'json'"));
        let found = found.unwrap();
        assert_eq!(
            (found.engine().log.volume_bytes, found.log_format),
            (64 << 20, LogFormat::Json)
        );
    }

    #[test]
    fn a_path_that_is_not_utf_8_stays_as_it_was_given() {
        let path = OsStr::from_bytes(b"/data/\xff");
        let flags = [OsStr::new("serve"), OsStr::new("--data"), path];
        let mut args = Alone::try_parse_from(flags).unwrap().args;
        assert_eq!(args.settings().unwrap().data, PathBuf::from(path));
        let file = tempfile::NamedTempFile::new().unwrap();
        args.config = Some(file.path().to_owned());
        assert_eq!(args.settings().unwrap().data, PathBuf::from(path));
    }

    #[test]
    fn a_file_that_others_may_change_is_refused_with_what_mends_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut args = Alone::try_parse_from(["serve"]).unwrap().args;
        args.config = Some(file.path().to_owned());
        for (mode, is_refused) in [(0o600, false), (0o644, false), (0o664, true), (0o646, true)] {
            let mode = fs::Permissions::from_mode(mode);
            file.as_file().set_permissions(mode.clone()).unwrap();
            let problem = args.settings().err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(problem.contains("`chmod 644 "), is_refused, "{mode:?}: {problem}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named_with_its_place_and_what_is_allowed() {
        for (text, expected) in [
            (
                "listen = 'nowhere'",
                "line 1: listen is \"nowhere\"; it must be an address and a port",
            ),
            ("\n\nliste = '127.0.0.1:7'", "line 3: liste is not a setting; did you mean listen?"),
            ("volume_mib = 1", "line 1: volume_mib is not a setting; did you mean volume-mib?"),
            (
                "port = 1",
                "line 1: port is not a setting; the settings are data, listen, recorded-by",
            ),
            ("[log]\nformat = 1", "line 1: log must be a string, not map"),
            (
                "heartbeat-seconds = 31",
                "heartbeat-seconds is 31; it must be a whole number from 1 to 30",
            ),
            ("volume-mib = 0", "volume-mib is 0; it must be a whole number from 1 to 1024"),
            ("volume-mib = -1", "volume-mib is -1; it must be a whole number from 1 to 1024"),
            ("volume-mib = '7'", "volume-mib is \"7\"; it must be a whole number from 1 to 1024"),
            ("volume-mib = 7.0", "volume-mib is 7.0; it must be a whole number from 1 to 1024"),
            ("open-volumes = 17", "open-volumes is 17; it must be a whole number from 1 to 16"),
            ("scrub-days = 366", "scrub-days is 366; it must be a whole number from 1 to 365"),
            ("scrub-mib-per-second = 0", "scrub-mib-per-second is 0; it must be a whole number"),
            ("stop-grace-seconds = -1", "stop-grace-seconds is -1; it must be a whole number"),
            ("reflection = 'perhaps'", "reflection must be a boolean, not string \"perhaps\""),
            ("log-format = 'xml'", "log-format is \"xml\"; it must be text or json"),
            (
                "tls-client-auth = 'x'",
                "tls-client-auth is \"x\"; it must be off, optional or required",
            ),
            ("tls-cert = 1", "tls-cert must be path string, not signed int `1`"),
            ("log-format = 0", "log-format must be a string, not signed int `0`"),
            ("log = '=='", "log is \"==\"; it must be a filter"),
            (
                "web-origins = ['http://a', 'http://a/b']",
                "web-origins is \"http://a/b\"; it must be an origin",
            ),
            ("recorded-by = \"a\\tb\"", "recorded-by is \"a\\tb\"; it must have at most 256 bytes"),
            ("scrub = true\nscrub = false", "line 2, column 1"),
            ("scrub = true\nscrub = false", "duplicate key; each setting is given once"),
            ("scrub = ", "line 1"),
        ] {
            let error = format!("{:#}", settings(&[], Some(text)).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.contains("handover.toml"), "{text}: {error}");
        }
    }

    #[test]
    fn a_wrong_value_of_the_file_is_refused_even_where_a_flag_goes_before_it() {
        let error = settings(&["--volume-mib", "1"], Some("volume-mib = 0")).unwrap_err();
        assert!(error.to_string().contains("volume-mib is 0"), "{error}");
    }

    #[test]
    fn a_setting_that_is_given_twice_on_the_command_line_is_named() {
        let error = settings(&["--data", "a", "--data", "b"], None).unwrap_err().to_string();
        assert!(error.contains("'--data <DIR>' cannot be used multiple times"), "{error}");
    }

    #[test]
    fn each_setting_has_a_variable_named_after_its_flag_and_its_bounds_in_the_help() {
        let mut command = Alone::command();
        let settings = Settings::augment_args(Command::new(""));
        for setting in settings.get_arguments() {
            let flag = command.get_arguments().find(|flag| flag.get_id() == setting.get_id());
            let (flag, long) = (flag.unwrap(), setting.get_long().unwrap());
            let variable = format!("HANDOVER_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(flag.get_env(), Some(OsStr::new(&variable)));
        }
        let help = command.render_long_help().to_string();
        for bounds in ["sent a heartbeat, from 1 to 30", "in one volume, from 1 to 1024"] {
            assert!(help.contains(bounds), "{help}");
        }
    }
}
