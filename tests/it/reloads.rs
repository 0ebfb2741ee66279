//! What a running server reads again and cannot take up: the log, the metrics and the status show
//! it, and it clears when it is mended.

use std::{fs, process::Command, sync::mpsc::Receiver};

use handover::domain::access::Role;
use rcgen::date_time_ymd;
use serde_json::Value;

use crate::{
    access::{Files, secret, token},
    lifecycle::{line_with, start_logged},
    metrics::scraped,
    support::{BINARY, Held, data_dir},
    tls::certificates::{Authority, Folder, Pair},
};

const POLICY: &str = "[[issuer]]\nname = 'https://id.example'\naudience = 'handover'\n\
                      jwks = 'keys.json'\n";
const KEYS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x":
                       "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// The certificate ends then.
const EXPIRES: &str = "2090-03-01T00:00:00Z";
const EXPIRES_SECONDS: f64 = 3_792_009_600.0;

/// A server with each file that is read again.
struct Running {
    files: Files,
    folder: Folder,
    child: Held,
    log: Receiver<String>,
    address: String,
    metrics: String,
    _data: tempfile::TempDir,
}

fn certificate(authority: &Authority) -> Pair {
    authority.issue(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2090, 3, 1))
}

impl Running {
    fn start() -> Self {
        let files = Files::new(POLICY, vec![token(1, "night", &[Role::Operator], &[])]);
        files.write("keys.json", KEYS);
        let (folder, authority) = (Folder::new(), Authority::new("servers"));
        folder.write("ca.pem", &authority.pem);
        folder.write("night.token", &secret(1));
        let (cert, key) = folder.pair("server", &certificate(&authority));
        let mut arguments = files.arguments();
        let clients = folder.write("clients.pem", &authority.pem);
        for (flag, path) in [("--tls-cert", cert), ("--tls-key", key), ("--tls-client-ca", clients)]
        {
            arguments.extend([flag.to_owned(), path.to_str().expect("UTF-8").to_owned()]);
        }
        let (data_dir, data) = data_dir();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(["--tls-client-auth", "optional", "--metrics-listen", "127.0.0.1:0"]);
        let (child, log) = start_logged(&data, "127.0.0.1:0", &arguments);
        let started = line_with(&log, "starting");
        let after = |key| started.split(key).nth(1).and_then(|rest| rest.split(' ').next());
        let [address, metrics] =
            [" address=", " metrics="].map(|key| after(key).expect("an address").to_owned());
        line_with(&log, "serving");
        Self { files, folder, child, log, address, metrics, _data: data_dir }
    }

    /// Has the files read again, and waits until the log says what came of it.
    fn reload(&self, expected: &str) -> String {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args(["-HUP", &id]).status().expect("kill can be run");
        assert!(sent.success());
        line_with(&self.log, expected)
    }

    fn status(&self, output: &str) -> String {
        let mut command = Command::new(BINARY);
        command.args(["status", "--output", output, "--server"]);
        command.arg(format!("https://{}", self.address));
        command.arg("--tls-ca").arg(self.folder.path("ca.pem"));
        command.arg("--token-file").arg(self.folder.path("night.token"));
        let ended = command.output().expect("the binary can be run");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("UTF-8")
    }

    /// How many of a kind fail, how many times they did, and the status of the kind.
    fn shown(&self, what: &str) -> (f64, f64, Value) {
        let samples = scraped(&self.metrics);
        let failed = samples[&format!("handover_reload_failed{{what=\"{what}\"}}")];
        let failures = samples[&format!("handover_reload_failures_total{{what=\"{what}\"}}")];
        let status: Value = serde_json::from_str(&self.status("json")).expect("JSON");
        let reloads = status["reloads"].as_array().expect("a list").clone();
        let own = reloads.into_iter().find(|it| it["what"] == what).expect("it is there");
        (failed, failures, own)
    }
}

#[test]
fn what_cannot_be_taken_up_is_in_the_log_the_metrics_and_the_status_until_it_is_mended() {
    let server = Running::start();
    let files = ["policy.toml", "tokens.toml", "keys.json"].map(|name| server.files.path(name));
    let [policy, tokens, keys] = files;
    let [tls, clients] = ["server.pem", "clients.pem"].map(|name| server.folder.path(name));
    for (what, path, bad, problem) in [
        ("policy", policy, "public-read = tru", "line 1"),
        ("tokens", tokens, "[[token]]\nname = 1", "line 2"),
        ("keys", keys, "{\"keys\": []}", "it has no key for signatures"),
        ("tls", tls, "-----BEGIN CERTIFICATE-----\nMII", "cannot be parsed"),
        ("tls-client-ca", clients, "-----BEGIN CERTIFICATE-----\nMII", "cannot be parsed"),
    ] {
        let (failed, failures, own) = server.shown(what);
        assert_eq!((failed, failures), (0.0, 0.0), "{what}");
        assert!(own["failingSince"].is_null(), "{own}");
        let good = fs::read(&path).expect("a file");
        fs::write(&path, bad).expect("it can be written");
        let line = server.reload("not taken up");
        assert!(line.contains(problem), "{what}: {line}");
        let (failed, failures, own) = server.shown(what);
        assert_eq!((failed, failures >= 1.0), (1.0, true), "{what}");
        assert!(own["problem"].as_str().is_some_and(|it| it.contains(problem)), "{own}");
        assert!(own["failingSince"].is_string(), "{own}");
        let table = server.status("table");
        assert!(table.contains(&format!("NOT TAKEN UP   {what}, since ")), "{table}");
        fs::write(&path, good).expect("it can be written");
        // A signal has the files of TLS read first.
        let of = if what.starts_with("tls") { "TLS" } else { "access" };
        server.reload(&format!("{of}: the files hold what is in use"));
        let (failed, after, own) = server.shown(what);
        assert_eq!((failed, after), (0.0, failures), "{what}");
        assert!(
            own["failingSince"].is_null() && own["problem"].as_str().is_none_or(str::is_empty),
            "{own}"
        );
        assert!(!server.status("table").contains("NOT TAKEN UP"));
    }
    let text = "handover_tls_certificate_expires_timestamp_seconds";
    assert_eq!(scraped(&server.metrics)[text].to_bits(), EXPIRES_SECONDS.to_bits());
    let status: Value = serde_json::from_str(&server.status("json")).expect("JSON");
    assert_eq!(status["tls"]["certificateExpiresAt"], EXPIRES, "{status}");
    let table = server.status("table");
    assert!(table.contains("certificate    valid until 2090-03-01"), "{table}");
}

#[test]
fn a_change_that_cannot_be_taken_up_is_found_without_a_signal_and_so_is_its_end() {
    let server = Running::start();
    server.files.write("policy.toml", "public-read = tru");
    line_with(&server.log, "not taken up");
    assert_eq!(server.shown("policy").0.to_bits(), 1.0_f64.to_bits());
    server.files.write("policy.toml", POLICY);
    line_with(&server.log, "the files hold again what is in use");
    assert_eq!(server.shown("policy").0.to_bits(), 0.0_f64.to_bits());
}

#[test]
fn all_files_that_are_wrong_are_named_at_once_and_each_clears_by_itself() {
    let server = Running::start();
    let cases = [
        ("tokens", server.files.path("tokens.toml"), "[[token]]\nname = 1", "tokens.toml"),
        ("keys", server.files.path("keys.json"), "{\"keys\": []}", "keys.json"),
        ("tls", server.folder.path("server.pem"), "no certificate", "server.pem"),
        ("tls-client-ca", server.folder.path("clients.pem"), "no authority", "clients.pem"),
    ];
    let good: Vec<_> = cases.iter().map(|case| fs::read(&case.1).expect("a file")).collect();
    for (_, path, bad, _) in &cases {
        fs::write(path, bad).expect("it can be written");
    }
    let id = server.child.0.id().to_string();
    let sent = Command::new("kill").args(["-HUP", &id]).status().expect("kill can be run");
    assert!(sent.success());
    // In the order in which they are read.
    for part in ["server.pem", "clients.pem", "tokens.toml", "keys.json"] {
        let line = line_with(&server.log, "not taken up");
        assert!(line.contains(part), "{part}: {line}");
    }
    let failed = |metrics: &str| {
        let samples = scraped(metrics);
        cases.each_ref().map(|case| {
            samples[&format!("handover_reload_failed{{what=\"{}\"}}", case.0)].to_bits()
        })
    };
    let (yes, no) = (1.0_f64.to_bits(), 0.0_f64.to_bits());
    assert_eq!(failed(&server.metrics), [yes; 4]);
    let table = server.status("table");
    for (what, _, _, name) in &cases {
        let shown = format!("NOT TAKEN UP   {what}, since ");
        let line = table.lines().find(|line| line.starts_with(&shown));
        assert!(line.is_some_and(|line| line.contains(name)), "{what}: {table}");
    }
    let mut expected = [yes; 4];
    for (number, (_, path, ..)) in cases.iter().enumerate() {
        fs::write(path, &good[number]).expect("it can be written");
        expected[number] = no;
        // Each signal ends with what is wrong with access, or with what holds there.
        let access = if expected[..2] == [no; 2] { "access: the files hold" } else { "access: " };
        server.reload(access);
        assert_eq!(failed(&server.metrics), expected, "{number}");
    }
}

#[test]
fn what_is_wrong_with_each_file_is_said_at_once_before_a_start() {
    let server = Running::start();
    let files = ["tokens.toml", "keys.json"].map(|name| server.files.path(name));
    for (path, bad) in files.iter().zip(["[[token]]\nname = 1", "{\"keys\": []}"]) {
        fs::write(path, bad).expect("it can be written");
    }
    for name in ["server.pem", "clients.pem"] {
        fs::write(server.folder.path(name), "nothing").expect("it can be written");
    }
    fs::remove_file(server.folder.path("server.key")).expect("it can be removed");
    let mut arguments = server.files.arguments();
    let names = [("cert", "server.pem"), ("key", "server.key"), ("client-ca", "clients.pem")];
    for (flag, name) in names {
        arguments.push(format!("--tls-{flag}"));
        arguments.push(server.folder.path(name).to_str().expect("UTF-8").to_owned());
    }
    let of_access = ["tokens: ", "jwks: "];
    let of_all = ["tls-cert: ", "tls-key: ", "tls-client-ca: ", "tokens: ", "jwks: "];
    let (_dir, data) = data_dir();
    let data = data.to_str().expect("UTF-8");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    let (check, access) = (["config", "check", "--listen", "nowhere:1"], ["access", "check"]);
    for (command, arguments, expected) in [
        (&serve[..], &arguments[..], &of_all[..]),
        (&check, &arguments, &[&of_all[..], &["listen: "]].concat()),
        (&access, &arguments[..4], &of_access),
    ] {
        let ended = Command::new(BINARY).args(command).args(arguments).output();
        let ended = ended.expect("the binary can be run");
        let error = String::from_utf8(ended.stderr).expect("UTF-8");
        assert_eq!(ended.status.code(), Some(2), "{command:?}: {error}");
        let lines: Vec<_> = error.trim_start_matches("error: ").lines().collect();
        let alike = lines.iter().zip(expected).all(|(line, part)| line.starts_with(part));
        assert!(alike && lines.len() == expected.len(), "{command:?}: {lines:#?}");
    }
    drop(server);
}
