//! What the help, and errors about a command line, say to a user.

use super::run;

const COMMANDS: [&str; 15] = [
    "serve",
    "import",
    "export",
    "append",
    "tail",
    "counts",
    "exchange",
    "explain",
    "history",
    "reconcile",
    "claims",
    "statements",
    "transfers",
    "exchanges",
    "sources",
];

#[test]
fn the_help_names_each_command_and_each_of_them_its_exit_codes() {
    let whole = run("", &["--help"]).good();
    for command in COMMANDS {
        assert!(whole.contains(&format!("\n  {command} ")), "{command} is not in the help");
        for flag in ["--help", "-h"] {
            let help = run("", &[command, flag]).good();
            assert!(help.contains(&format!("Usage: handover {command}")), "{help}");
            for code in 0..=8 {
                assert!(help.contains(&format!("\n  {code}  ")), "{command} {flag} lacks {code}");
            }
        }
    }
    assert!(whole.contains("\nExit codes:\n"), "{whole}");
}

#[test]
fn help_fits_a_terminal_of_100_columns() {
    for command in COMMANDS {
        for line in run("", &[command, "--help"]).good().lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn a_wrong_command_line_says_what_would_be_right() {
    for (arguments, told) in [
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
        (&["counts", "--group-by", "month"], "possible values: from, to"),
        (&["claims", "correct", "3", "--source", "a"], "<--payload <FILE>|--value <N>>"),
        (&["claims", "retract", "3"], "--source"),
        (&["import", "x.csv"], "cannot open x.csv"),
    ] {
        let error = run("", arguments).refused(2);
        assert!(error.contains(told), "{arguments:?}: {error}");
    }
}

#[test]
fn version_and_completions_are_printed() {
    assert!(run("", &["--version"]).good().starts_with("handover "));
    for shell in ["bash", "zsh", "fish"] {
        let script = run("", &["completions", shell]).good();
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
}
