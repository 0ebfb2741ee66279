//! Environment variables stand in for flags; a bad one is told by its own name.

use std::{env, ffi::OsString};

use clap::{
    CommandFactory as _,
    error::{ContextKind, ContextValue},
};

use super::Cli;

/// The error as it is; or, if its value came from an environment variable, with the name of that
/// in place of the flag, which the user has not given.
pub(super) fn named(error: clap::Error) -> clap::Error {
    let flags: Vec<OsString> = env::args_os().collect();
    renamed(error, &flags, |variable| env::var_os(variable).is_some())
}

fn renamed(
    mut error: clap::Error,
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
    if let Some(variable) = variable_of(&flag).filter(|variable| is_set(variable)) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// The environment variable that stands in for a flag of any command.
fn variable_of(flag: &str) -> Option<String> {
    let long = flag.strip_prefix("--")?;
    let commands = Cli::command();
    let arguments = commands.get_subcommands().flat_map(clap::Command::get_arguments);
    let mut found = arguments.filter(|argument| argument.get_long() == Some(long));
    found.find_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_value_is_told_by_the_name_under_which_it_was_given() {
        let told = |arguments: &[&str], set: bool| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let error = Cli::try_parse_from(&arguments).unwrap_err();
            renamed(error, &arguments, |_| set).to_string()
        };
        let flag = ["handover", "serve", "--volume-mib", "0"];
        assert!(told(&flag, true).contains("'--volume-mib <MIB>'"));
        assert!(told(&["handover", "serve", "--volume-mib=0"], true).contains("'--volume-mib"));
        assert_eq!(variable_of("--volume-mib").as_deref(), Some("HANDOVER_VOLUME_MIB"));
        assert_eq!(variable_of("--server").as_deref(), Some("HANDOVER_SERVER"));
        assert_eq!(variable_of("--load"), None);
    }
}
