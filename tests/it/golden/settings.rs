//! Keeps `docs/CONFIGURATION.md` in step with the command line, which declares every setting.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it golden::settings` writes the page anew. What a setting
//! allows is what its refusal says, so no second list of bounds exists.

use std::{collections::BTreeMap, fs};

use clap::{Arg, Command, CommandFactory as _};
use handover::cli::Cli;

const PAGE: &str = "docs/CONFIGURATION.md";
const HEAD: &str = include_str!("settings.md");
/// Texts that a setting with bounds refuses: one of them is outside of each bound.
const OUTSIDE: [&str; 2] = ["\t", "=="];
/// What the help of a setting says whose file the running server reads again.
const READ_AGAIN: &str = "read again";

fn subcommand<'c>(program: &'c Command, name: &str) -> &'c Command {
    program.find_subcommand(name).expect("the command is there")
}

fn help(flag: &Arg) -> String {
    let help = flag.get_long_help().or(flag.get_help()).expect("a flag has a help").to_string();
    let (help, _) = help.split_once(" [default: ").unwrap_or((&help, ""));
    help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The default: the value, or what the help says that happens without one.
fn default(flag: &Arg) -> String {
    let values = flag.get_default_values().iter().map(|value| value.to_string_lossy());
    let values: Vec<_> = values.collect();
    if !values.is_empty() {
        return format!("`{}`", values.join(","));
    }
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let said = help.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
    said.map_or_else(|| "none".to_owned(), |(said, _)| said.to_owned())
}

/// The problem that clap reports of a value.
fn problem(flag: &Arg, value: &str) -> Option<String> {
    let flag = flag.clone().env(None::<&str>).required(false);
    let given = format!("--{}={value}", flag.get_long().expect("a setting is a long flag"));
    let error = Command::new("").arg(flag).try_get_matches_from(["", &given]).err()?.to_string();
    let problem = error.lines().next()?.rsplit_once("': ")?.1;
    Some(problem.trim_start_matches("it must ").to_owned())
}

/// What a setting allows.
fn allowed(flag: &Arg) -> String {
    let words = flag.get_possible_values();
    if !words.is_empty() {
        let words: Vec<_> = words.iter().map(|word| format!("`{}`", word.get_name())).collect();
        return words.join(", ");
    }
    let problem = OUTSIDE.iter().find_map(|value| problem(flag, value));
    let file = flag.get_value_names().is_some_and(|names| ["FILE", "DIR"].contains(&&*names[0]));
    match problem {
        Some(problem) => {
            // An error behind the rule is about the text that was tried.
            let (rule, _) = problem.split_once(" (invalid").unwrap_or((&problem, ""));
            rule.trim_start_matches("be ").trim_start_matches("have ").to_owned()
        }
        None if file => "a path".to_owned(),
        None => "any text".to_owned(),
    }
}

fn variable(flag: &Arg) -> Option<String> {
    Some(flag.get_env()?.to_string_lossy().into_owned())
}

fn setting(flag: &Arg) -> String {
    let long = flag.get_long().expect("a setting is a long flag");
    let (help, variable) = (help(flag), variable(flag).expect("a setting has a variable"));
    let reload = if help.contains(READ_AGAIN) { "content of the file" } else { "no" };
    let (allowed, default) = (allowed(flag), default(flag));
    format!(
        "| `--{long}` | `{variable}` | `{long}` | {default} | {allowed} | {help} | {reload} |\n"
    )
}

/// Flags that have a variable and belong to other commands than `serve`, each once.
fn of_clients(program: &Command) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let settings = ["serve", "config"];
    let mut commands: Vec<&Command> = program.get_subcommands().collect();
    commands.retain(|command| !settings.contains(&command.get_name()));
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        for flag in command.get_arguments() {
            let (Some(variable), Some(long)) = (variable(flag), flag.get_long()) else { continue };
            let row =
                format!("| `--{long}` | `{variable}` | {} | {} |\n", default(flag), help(flag));
            let other = found.insert(variable, row.clone());
            assert!(other.is_none_or(|other| other == row), "two meanings of {row}");
        }
    }
    found
}

fn page() -> String {
    let program = Cli::command();
    let serve = subcommand(&program, "serve");
    let (settings, others): (Vec<&Arg>, Vec<&Arg>) = serve
        .get_arguments()
        .filter(|flag| flag.get_long().is_some_and(|long| long != "help"))
        .partition(|flag| !["config", "load"].contains(&flag.get_id().as_str()));
    assert!(settings.len() > 20, "only {} settings were found", settings.len());
    let settings: String = settings.into_iter().map(setting).collect();
    let others = others.into_iter().map(|flag| {
        let variable = variable(flag).map_or("none".to_owned(), |name| format!("`{name}`"));
        let long = flag.get_long().expect("a long flag");
        format!("| `--{long}` | {variable} | {} |\n", help(flag))
    });
    let others: String = others.collect();
    let clients: String = of_clients(&program).into_values().collect();
    let page = HEAD.replace("{settings}\n", &settings).replace("{others}\n", &others);
    page.replace("{clients}\n", &clients)
}

#[test]
fn the_page_of_settings_is_made_of_the_command_line() {
    let page = page();
    if super::may_add() {
        fs::write(PAGE, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(PAGE).expect("the page of settings");
    assert!(found == page, "{PAGE} is not what UPDATE_GOLDEN=1 writes now:\n{page}");
}

#[test]
fn bounds_are_read_from_the_refusals() {
    let program = Cli::command();
    let serve = subcommand(&program, "serve");
    let flag = |long: &str| {
        let mut flags = serve.get_arguments();
        flags.find(|flag| flag.get_long() == Some(long)).expect("the setting is there")
    };
    for (long, expected) in [
        ("heartbeat-seconds", "a whole number from 1 to 30"),
        ("log-format", "`text`, `json`"),
        ("scrub", "`true`, `false`"),
        ("recorded-by", "at most 256 bytes and no control characters"),
        ("data", "a path"),
    ] {
        assert_eq!(allowed(flag(long)), expected, "{long}");
    }
}
