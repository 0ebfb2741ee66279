//! What the help, and errors about a command line, say to a user.

use std::process::{Command, Stdio};

use super::run;
use crate::support::BINARY;

/// Every command that the help lists; no test has to be extended for a new one.
fn commands() -> Vec<String> {
    let whole = run("", &["--help"]).good();
    let listed = whole.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = listed.take_while(|line| line.starts_with("  "));
    // A line of a description that is wrapped begins further to the right.
    let first_words = lines.filter_map(|line| Some(line.strip_prefix("  ")?.split_once(' ')?.0));
    let names: Vec<_> = first_words.filter(|it| !["", "help"].contains(it)).collect();
    assert!(names.len() > 16, "{names:?} of {whole}");
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn each_command_of_the_help_names_its_exit_codes() {
    let whole = run("", &["--help"]).good();
    for command in commands() {
        for flag in ["--help", "-h"] {
            let help = run("", &[&command, flag]).good();
            assert!(help.contains(&format!("Usage: handover {command}")), "{help}");
            for code in 0..=12 {
                assert!(help.contains(&format!("\n{code:>3}  ")), "{command} {flag} lacks {code}");
            }
        }
    }
    assert!(whole.contains("\nExit codes:\n"), "{whole}");
}

#[test]
fn help_fits_a_terminal_of_100_columns() {
    for command in commands() {
        for line in run("", &[&command, "--help"]).good().lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn a_wrong_command_line_says_what_would_be_right() {
    for (arguments, expected) in [
        (&[][..], "Usage: handover <COMMAND>"),
        (&["count"], "counts"),
        (&["counts", "--outptu", "json"], "--output"),
        (&["append", "x.json"], "--stream"),
        (&["tail", "--from-now", "--no-follow"], "cannot be used with"),
        (&["tail", "--after", "soon"], "--after"),
        (&["import"], "<FILE>"),
        (&["export", "--form", "roles"], "add --format csv"),
        (&["export", "--source", "urn:x:y"], "add --format cloudevents"),
        (&["export", "--format", "cloudevents", "--source", "a b"], "is not a URI"),
        (&["export", "--format", "cloudevents", "--with-positions"], "leave out --with-positions"),
        (&["export", "--format", "csv", "--tag", "to:DE"], "leave out --stream"),
        (&["reconcile"], "<EXCHANGE|--series [<NAME>]>"),
        (&["explain"], "<COUNTRY>"),
        (&["explain", "DE", "--sent", "--received"], "cannot be used with"),
        (&["counts", "DE", "--group-by", "year"], "choose countries by --from and --to"),
        (&["counts", "--watch", "--from", "RU"], "cannot be combined with --watch"),
        (&["counts", "--group-by", "week"], "possible values: from, to"),
        (&["claims", "correct", "3", "--source", "a"], "<--payload <FILE>|--value <N>>"),
        (&["claims", "retract", "3"], "--source"),
        (&["import", "x.csv"], "cannot open x.csv"),
    ] {
        let error = run("", arguments).refused(2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn version_and_completions_are_printed() {
    assert!(run("", &["--version"]).good().starts_with("handover "));
    let commands = commands();
    for shell in ["bash", "zsh", "fish"] {
        let script = run("", &["completions", shell]).good();
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
    }
}

/// Programs of shells that load the script of completions and complete the word `conf`.
const COMPLETING: [(&str, &str); 3] = [
    (
        "bash",
        "source <($0 completions bash) && complete -p handover >/dev/null
         COMP_WORDS=(handover conf) COMP_CWORD=1
         _handover handover conf handover && echo ${COMPREPLY[@]}",
    ),
    ("fish", "$argv[1] completions fish | source; complete -C 'handover conf'"),
    (
        "zsh",
        "autoload -U compinit && compinit -D -u && source <($0 completions zsh)
         [[ $_comps[handover] = _handover ]] && whence -f _handover_commands | grep -o config:Print",
    ),
];

#[test]
fn a_shell_loads_its_completions() {
    for (shell, program) in COMPLETING {
        let mut command = Command::new(shell);
        let mut loaded = command.args(["-c", program, BINARY]);
        loaded = loaded.stdin(Stdio::null()).env("HOME", "/nonexistent");
        let Ok(ran) = loaded.output() else {
            assert_ne!(shell, "bash", "every system of the tests has it");
            println!("skipped: {shell} is not here");
            continue;
        };
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(ran.status.success() && said.starts_with("config"), "{shell}: {said}");
        assert!(!said.contains("command not found"), "{shell}: {said}");
    }
}
