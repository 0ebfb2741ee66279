//! Addresses that other machines can reach: not in plain text, unless that is permitted.

use std::process::{Command, Stdio};

use super::{
    certificates::{Authority, Folder},
    server::text,
};
use crate::{
    lifecycle::{line_with, start_logged},
    support::{BINARY, Server, data_dir},
};

#[test]
fn plain_text_for_other_machines_is_refused_and_the_settings_are_named() {
    let (dir, data) = data_dir();
    let file = dir.path().join("handover.toml");
    std::fs::write(&file, "listen = '0.0.0.0:0'").expect("it can be written");
    let filed = ["--config", text(&file)];
    for arguments in [&["--listen", "0.0.0.0:0"], &["--listen", "[::]:0"], &filed] {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--data"]).arg(&data).args(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let error = Server::announced(child.expect("it can be run")).expect_err("it is refused");
        for named in ["listen: other machines can reach", "tls-cert and tls-key", "insecure"] {
            assert!(error.contains(named), "{error}");
        }
    }
    assert!(!data.exists(), "a refused start touches nothing");
    // A name of this machine, and its other addresses, are its own.
    let own = Server::start_at(&data, "127.0.0.9:0", &[]);
    assert!(own.printed.contains("serving on http://127.0.0.9:"), "{}", own.printed);
}

#[test]
fn what_is_permitted_is_warned_of() {
    let (_dir, data) = data_dir();
    // A filter of the log hides no warning, and each has the format of the log.
    let shown: [&[&str]; 2] = [&[], &["--metrics-listen", "0.0.0.0:0", "--log", "error"]];
    for more in shown {
        let more = [&["--insecure", "--log-format", "json"], more].concat();
        let (_child, log) = start_logged(&data, "0.0.0.0:0", &more);
        let metrics = (more.len() > 3).then_some("the metrics");
        for named in ["nothing is encrypted", "no policy"].into_iter().chain(metrics) {
            let warning = line_with(&log, "WARN");
            let line: serde_json::Value = serde_json::from_str(&warning).expect("JSON");
            let message = line["fields"]["message"].as_str().expect("a message");
            for expected in [named, "0.0.0.0", "--insecure"] {
                assert!(message.contains(expected), "{warning}");
            }
        }
    }
}

#[test]
fn the_status_has_what_is_permitted() {
    let (_dir, data) = data_dir();
    let (_child, log) = start_logged(&data, "0.0.0.0:0", &["--insecure"]);
    let started = line_with(&log, "starting");
    let port = started.split("address=0.0.0.0:").nth(1).and_then(|rest| rest.split(' ').next());
    let address = format!("http://127.0.0.1:{}", port.expect("a port"));
    line_with(&log, "serving");
    let status = |output| {
        let mut command = Command::new(BINARY);
        let ended = command.args(["status", "--server", &address, "--output", output]).output();
        String::from_utf8(ended.expect("it can be run").stdout).expect("UTF-8")
    };
    let table = status("table");
    assert_eq!(table.matches("EXPOSED        other machines can reach").count(), 2, "{table}");
    let answer: serde_json::Value = serde_json::from_str(&status("json")).expect("JSON");
    assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(2), "{answer}");
}

#[test]
fn other_machines_are_served_with_tls_and_a_policy_and_otherwise_if_that_is_permitted() {
    let (folder, authority) = (Folder::new(), Authority::new("servers"));
    let (cert, key) = folder.pair("server", &authority.server());
    let ca = folder.write("ca.pem", &authority.pem);
    let policy = folder.write("policy.toml", "");
    let pair = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    let (_dir, data) = data_dir();
    let required = [&pair[..], &["--tls-client-ca", text(&ca)]].concat();
    for (arguments, missing) in [
        (&pair[..], "give policy or tokens"),
        (&required, "give policy or tokens"),
        (&["--policy", text(&policy)], "give tls-cert and tls-key"),
    ] {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(&data).args(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let error = Server::announced(child.expect("it can be run")).expect_err("it is refused");
        assert!(error.contains(missing) && error.contains("insecure"), "{error}");
    }
    {
        let permitted = [&pair[..], &["--insecure"]].concat();
        let (_child, log) = start_logged(&data, "0.0.0.0:0", &permitted);
        let warning = line_with(&log, "WARN");
        assert!(warning.contains("no policy"), "{warning}");
        line_with(&log, "serving");
    }
    let both = [&pair[..], &["--policy", text(&policy)]].concat();
    let (_child, log) = start_logged(&data, "0.0.0.0:0", &both);
    loop {
        let line = line_with(&log, "");
        assert!(!line.contains("WARN"), "{line}");
        if line.contains("serving") {
            break;
        }
    }
}
