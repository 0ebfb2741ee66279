//! What was given on the command line and by the environment, before any command looks at it.
//!
//! A value that is empty comes of a variable that is not set: `--exchange "$ID"`. Most flags would
//! take it for "not given", and answer another question than the one that was meant.

use clap::{ArgMatches, Command, Parser, error::ErrorKind, parser::ValueSource};

use super::environment;

/// Reads the command line. A value that is empty is refused, wherever it comes from.
pub(super) fn parsed<C: Parser>() -> Result<C, clap::Error> {
    read(std::env::args_os())
}

fn read<C: Parser>(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<C, clap::Error> {
    let mut command = C::command();
    let matches = command.try_get_matches_from_mut(arguments);
    let matches = matches.map_err(|error| environment::named(error, &command))?;
    if let Some(problem) = empty(&command, &matches) {
        return Err(command.error(ErrorKind::InvalidValue, problem));
    }
    if let Some(problem) = needless(&command, &matches) {
        return Err(command.error(ErrorKind::ArgumentConflict, problem));
    }
    C::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// What is wrong with the first value that is empty.
fn empty(command: &Command, matches: &ArgMatches) -> Option<String> {
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let Ok(Some(mut values)) = matches.try_get_raw(id) else { continue };
        // A flag that may stand without a value has an empty one then.
        let bare = argument.get_num_args().is_some_and(|number| number.min_values() == 0);
        if bare || !values.any(std::ffi::OsStr::is_empty) {
            continue;
        }
        return Some(match (matches.value_source(id), argument.get_env(), argument.get_long()) {
            (Some(ValueSource::EnvVariable), Some(variable), _) => {
                let variable = variable.to_string_lossy();
                format!("the environment variable {variable} is empty; unset it, or set it")
            }
            (Some(ValueSource::CommandLine), _, Some(flag)) => {
                format!("the value of --{flag} is empty; leave the flag out, or give it a value")
            }
            (Some(ValueSource::CommandLine), _, None) => {
                let name = argument.get_value_names().and_then(<[_]>::first);
                let name = name.map_or(id, |name| name.as_str());
                format!("the argument <{name}> is empty; is a variable not set?")
            }
            _ => continue,
        });
    }
    let (name, below) = matches.subcommand()?;
    empty(command.find_subcommand(name)?, below)
}

/// The flags that say how a server is called.
const OF_SERVERS: [&str; 5] = ["server", "tls_ca", "tls_cert", "tls_key", "token_file"];
/// The flags that name a folder in place of a server.
const FOLDERS: [&str; 2] = ["data", "backup"];

/// What is wrong with a flag about the server beside one that names a folder in its place. A
/// variable may be set for other commands.
fn needless(command: &Command, matches: &ArgMatches) -> Option<String> {
    let (name, below) = matches.subcommand()?;
    let command = command.find_subcommand(name)?;
    let flag = |id: &str| {
        let argument = command.get_arguments().find(|argument| argument.get_id() == id)?;
        let given = below.value_source(id) == Some(ValueSource::CommandLine);
        argument.get_long().filter(|_| given)
    };
    let has_server = command.get_arguments().any(|argument| argument.get_id() == OF_SERVERS[0]);
    let folder = FOLDERS.into_iter().filter(|_| has_server).find_map(flag)?;
    let of_server = OF_SERVERS.into_iter().find_map(flag)?;
    Some(format!("--{of_server} is of no use beside --{folder}, which needs no server"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_value_that_is_empty_is_reported_and_never_taken_for_none() {
        let reported = |arguments: &[&str]| {
            let arguments = ["handover"].iter().chain(arguments).map(Into::into);
            read::<Cli>(arguments).map(drop).map_err(|error| error.to_string())
        };
        for (arguments, named) in [
            (&["explain", "DE", "--received", "--exchange", ""][..], "the value of --exchange"),
            (&["exchanges", "--mediator="], "the value of --mediator"),
            (&["claims", "retract", "4", "--source", ""], "the value of --source"),
            (&["groups", "list", "--server", ""], "the value of --server"),
            (&["counts", "DE", ""], "the argument <COUNTRY>"),
            (&["exchange", ""], "the argument <EXCHANGE>"),
            (&["tail", "--stream", "a/b", "--stream", ""], "the value of --stream"),
        ] {
            let error = reported(arguments).unwrap_err();
            assert!(error.contains(&format!("{named} is empty")), "{arguments:?}: {error}");
        }
        for good in [&["counts"][..], &["reconcile", "--series"], &["exchanges", " "]] {
            assert_eq!(reported(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn a_flag_about_a_server_is_refused_beside_a_folder_in_its_place() {
        let read = |arguments: &[&str]| {
            let arguments = ["handover"].iter().chain(arguments).map(Into::into);
            read::<Cli>(arguments).map(drop).map_err(|error| error.to_string())
        };
        for (command, folder) in [
            (&["backup", "--to", "b"][..], "--data"),
            (&["verify"], "--data"),
            (&["verify"], "--backup"),
        ] {
            let of_folder = [command, &[folder, "d"]].concat();
            assert_eq!(read(&of_folder), Ok(()));
            for flag in ["--server", "--tls-ca", "--tls-cert", "--tls-key", "--token-file"] {
                let of_server = [command, &[flag, "x"]].concat();
                assert_eq!(read(&of_server), Ok(()));
                let error = read(&[&of_folder[..], &[flag, "x"]].concat()).unwrap_err();
                let expected = format!("{flag} is of no use beside {folder}");
                assert!(error.contains(&expected), "{error}");
            }
        }
        read(&["verify", "--backup", "b", "--copies", "c"]).unwrap_err();
        assert_eq!(read(&["verify", "--data", "d", "--copies", "c"]), Ok(()));
    }
}
