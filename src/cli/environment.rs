//! Environment variables stand in for flags: a bad value is reported under the variable's name, and
//! a misspelt variable is not passed over.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    io::{self, Write as _},
};

use clap::{
    Command,
    error::{ContextKind, ContextValue},
};

use crate::{
    cli::{
        exit::{Exit, Failure},
        server_args::TOKEN,
    },
    config::{PREFIX, nearest},
};

/// What container platforms set for a service that is named handover: these are not settings.
const OF_A_PLATFORM: [&str; 2] = ["HANDOVER_SERVICE_", "HANDOVER_PORT"];

/// Refuses a variable with nearly the name of a setting: the setting would not be used, and a
/// server with another address or another data folder than meant does harm in silence.
pub(super) fn check(program: &Command) -> Result<(), Failure> {
    let known = variables(program);
    match unknown(&known, env::vars_os()).iter().find_map(|name| Some((name, near(name, &known)?)))
    {
        None => Ok(()),
        Some((name, meant)) => {
            let message =
                format!("the environment variable {name} is not a setting; did you mean {meant}?");
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

/// Reports on standard error which variables are named as settings are and are none.
pub(super) fn warn(program: &Command) {
    for variable in strangers(program) {
        // If even standard error is closed, the command does the same.
        let _ = writeln!(
            io::stderr(),
            "note: the environment variable {variable} is not a setting; it is ignored"
        );
    }
}

/// Variables that are named as settings are and are none.
pub(super) fn strangers(program: &Command) -> Vec<String> {
    unknown(&variables(program), env::vars_os())
}

fn unknown(
    known: &BTreeSet<String>,
    set: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<String> {
    let of_a_platform = |name: &String| OF_A_PLATFORM.iter().any(|start| name.starts_with(start));
    let names = set.filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.to_ascii_uppercase().starts_with(PREFIX))
        .filter(|name| !known.contains(name) && !of_a_platform(name))
        .collect();
    names.sort_unstable();
    names
}

/// The setting that a variable is nearly named as.
fn near(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let known = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    let meant = nearest(name.to_ascii_uppercase().strip_prefix(PREFIX)?, known)?;
    Some(format!("{PREFIX}{meant}"))
}

/// Every variable that stands in for a flag of any command, and that of the token.
fn variables(program: &Command) -> BTreeSet<String> {
    let arguments = program.get_subcommands().flat_map(Command::get_arguments);
    let of_flags = arguments.filter_map(|it| Some(it.get_env()?.to_string_lossy().into_owned()));
    of_flags.chain([TOKEN.to_owned()]).collect()
}

/// The error as it is; or, if its value came from an environment variable, with the name of that
/// in place of the flag, which the user has not given.
pub(super) fn named(error: clap::Error, program: &Command) -> clap::Error {
    let flags: Vec<OsString> = env::args_os().collect();
    renamed(error, program, &flags, |variable| env::var_os(variable).is_some())
}

fn renamed(
    mut error: clap::Error,
    program: &Command,
    arguments: &[OsString],
    is_set: impl Fn(&str) -> bool,
) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = argument.split(' ').next().unwrap_or_default().to_owned();
    let given = |it: &OsString| {
        let text = it.to_string_lossy();
        text.strip_prefix(&flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    if arguments.iter().any(given) {
        return error;
    }
    if let Some(variable) = variable_of(&flag, program).filter(|variable| is_set(variable)) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// The environment variable that stands in for a flag of any command.
fn variable_of(flag: &str, program: &Command) -> Option<String> {
    let long = flag.strip_prefix("--")?;
    let arguments = program.get_subcommands().flat_map(Command::get_arguments);
    let mut found = arguments.filter(|argument| argument.get_long() == Some(long));
    found.find_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_value_is_reported_by_the_name_under_which_it_was_given() {
        let reported = |arguments: &[&str], set: bool| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let error = Cli::try_parse_from(&arguments).unwrap_err();
            renamed(error, &Cli::command(), &arguments, |_| set).to_string()
        };
        let flag = ["handover", "serve", "--volume-mib", "0"];
        assert!(reported(&flag, true).contains("'--volume-mib <MIB>'"));
        assert!(reported(&["handover", "serve", "--volume-mib=0"], true).contains("'--volume-mib"));
        let variable_of = |flag| variable_of(flag, &Cli::command());
        assert_eq!(variable_of("--volume-mib").as_deref(), Some("HANDOVER_VOLUME_MIB"));
        assert_eq!(variable_of("--server").as_deref(), Some("HANDOVER_SERVER"));
        assert_eq!(variable_of("--load"), None);
    }

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_found() {
        let known = variables(&Cli::command());
        let set = |names: &[&str]| {
            let set = names.iter().map(|name| (OsString::from(name), OsString::from("1")));
            unknown(&known, set.collect::<Vec<_>>().into_iter())
        };
        assert!(set(&["HANDOVER_LISTEN", "PATH", "HANDOVER_PORT_50051_TCP"]).is_empty());
        assert!(set(&["HANDOVER_PORT", "HANDOVER_SERVICE_HOST"]).is_empty());
        for (wrong, right) in [
            ("HANDOVER_LISTN", Some("HANDOVER_LISTEN")),
            ("HANDOVER_DTAA", Some("HANDOVER_DATA")),
            ("HANDOVER_Listen", Some("HANDOVER_LISTEN")),
            ("HANDOVER_VOLUMES_MIB", Some("HANDOVER_VOLUME_MIB")),
            ("HANDOVER_WEATHER", None),
            ("HANDOVER_FOO", None),
        ] {
            assert_eq!(set(&[wrong]), [wrong]);
            assert_eq!(near(wrong, &known).as_deref(), right, "{wrong}");
        }
    }
}
