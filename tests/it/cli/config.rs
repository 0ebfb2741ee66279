//! `handover config`: the settings of `serve`, where they come from, and what is wrong with them.

use std::fs;

use serde_json::{Value, json};

use super::{Ran, Running, arg, command};

/// A command of `config` with a file of settings and variables.
fn config(words: &[&str], file: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, Ran) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("handover.toml");
    fs::write(&path, file).expect("the file can be written");
    let arguments = [&["config"], words, &["--config", arg(&path)]].concat();
    let mut command = command("", &arguments);
    command.envs(variables.iter().copied()).current_dir(dir.path());
    let ran = Running::start(command).end();
    (dir, ran)
}

#[test]
fn each_setting_is_shown_with_its_value_and_where_that_comes_from() {
    let (file, variables) = ("\nvolume-mib = 3\nlog = 'warn'\n", [("HANDOVER_LOG_FORMAT", "json")]);
    let (dir, ran) = config(&["show", "--listen", "[::1]:7"], file, &variables);
    let path = dir.path().join("handover.toml");
    let lines: Vec<Value> =
        ran.good().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for expected in [
        json!({"key": "listen", "value": "[::1]:7", "from": "flag", "flag": "--listen"}),
        json!({"key": "log-format", "value": "json", "from": "variable",
               "variable": "HANDOVER_LOG_FORMAT"}),
        json!({"key": "volume-mib", "value": 3, "from": "file", "file": path, "line": 2}),
        json!({"key": "scrub", "value": true, "from": "default"}),
        json!({"key": "tls-key", "from": "default"}),
    ] {
        assert!(lines.contains(&expected), "{expected} is not in {lines:#?}");
    }
    for (output, expected) in [
        ("table", "volume-mib           | 3"),
        ("csv", "listen,127.0.0.1:50051,default,\n"),
        ("json", "{\n  \"settings\": [\n"),
    ] {
        let (_dir, ran) = config(&["show", "--output", output], file, &[]);
        let text = ran.good();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn settings_are_checked_as_serve_would_and_nothing_is_made() {
    let (dir, ran) = config(&["check"], "listen = 'localhost:0'", &[]);
    assert_eq!(ran.good(), "the settings are right\n");
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "only the file is there");
    for (flags, file, variables, expected) in [
        (&[][..], "volume-mib = 0", &[][..], "handover.toml, line 1: volume-mib is 0; it must be"),
        (&[], "volum-mib = 1", &[], "did you mean volume-mib?"),
        (&["--heartbeat-seconds", "31"], "", &[], "a whole number from 1 to 30"),
        (&[], "", &[("HANDOVER_SCRUB_DAYS", "0")], "HANDOVER_SCRUB_DAYS"),
        (&[], "", &[("HANDOVER_SCRUB_DAY", "1")], "did you mean HANDOVER_SCRUB_DAYS?"),
        (&[], "listen = '0.0.0.0:1'", &[], "other machines can reach 0.0.0.0:1"),
        (&[], "metrics-listen = '0.0.0.0:1'", &[], "metrics-listen: other machines can reach"),
        (&[], "metrics-listen = 'no such host:1'", &[], "metrics-listen: no such host:1 is not"),
        (&[], "listen = 'no such host:1'", &[], "listen: no such host:1 is not an address here"),
        (&["--tls-cert", "server.pem"], "", &[], "tls-key has to be given as well"),
        (&["--load", "none.jsonl"], "", &[], "--load: cannot open none.jsonl"),
        (&[], "tls-cert = 'none.pem'\ntls-key = 'none.key'", &[], "none.pem"),
    ] {
        let (_dir, ran) = config(&[&["check"], flags].concat(), file, variables);
        let error = ran.refused(2);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_running_server_does_not_keep_its_settings_from_being_checked() {
    let (_dir, data) = crate::support::data_dir();
    let server = crate::support::Server::start(&data, &[]);
    let address = server.address.trim_start_matches("http://").to_owned();
    let flags = ["check", "--data", arg(&data), "--listen", &address];
    assert_eq!(config(&flags, "", &[]).1.good(), "the settings are right\n");
}
