//! The command line as a user meets it: the real binary, its two outputs and its exit codes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{BINARY, Held, NOWHERE, Server, data_dir};

mod append;
mod claims;
mod config;
mod counts;
mod help;
mod import;
mod moments;
mod questions;
mod repeats;
mod serve;
mod tables;
mod tail;

/// The events of one article, and how many they are.
const EXAMPLE: &str = "examples/ankara-2024.jsonl";
const EXAMPLE_EVENTS: u64 = 32;

/// A command that has ended.
#[derive(Debug)]
struct Ran {
    /// `None`: a signal ended it.
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// What it printed, if it ended well and had nothing to complain about. Notes are no
    /// complaints: how a table was read, that nothing is recorded of a country.
    fn good(self) -> String {
        let is_note = |line: &&str| line.starts_with("note: ") || line.contains(": note: ");
        let complaints: Vec<_> = self.err.lines().filter(|line| !is_note(line)).collect();
        assert_eq!((self.code, complaints), (Some(0), Vec::new()), "{}", self.out);
        self.out
    }

    /// What it complained about, if it ended with this code and printed no data.
    fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }
}

/// A command that goes on.
struct Running {
    child: Held,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Held::start(&mut command);
        let output = BufReader::new(child.0.stdout.take().expect("a piped output"));
        Self { child, output }
    }

    /// The next line, which is waited for.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the output can be read");
        assert!(line.ends_with('\n'), "it ended after {line:?}");
        line.pop();
        line
    }

    /// Presses Ctrl-C.
    fn interrupt(&self) {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().expect("kill can be run");
        assert!(sent.success());
    }

    /// Closes the pipe that it prints to, and waits for its end.
    fn hang_up(self) -> Ran {
        drop(self.output);
        ended(self.child, String::new())
    }

    /// Waits for its end.
    fn end(mut self) -> Ran {
        let mut out = String::new();
        self.output.read_to_string(&mut out).expect("the output can be read");
        ended(self.child, out)
    }
}

fn ended(child: Held, out: String) -> Ran {
    let (status, err) = child.end();
    for text in [&out, &err] {
        assert!(!text.contains('\u{1b}'), "no pipe gets colours: {text:?}");
    }
    Ran { code: status.code(), out, err }
}

/// The binary, asking the server at this address; empty: none is named.
fn command(server: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_remove("HANDOVER_SERVER").args(arguments);
    if !server.is_empty() {
        command.env("HANDOVER_SERVER", server);
    }
    // Variables of the tests are no settings, which commands would note.
    for variable in ["HANDOVER_SEED", "HANDOVER_FAULTS", "HANDOVER_CASE"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end.
fn run(server: &str, arguments: &[&str]) -> Ran {
    Running::start(command(server, arguments)).end()
}

/// Runs a command that reads `input`.
fn run_with(server: &str, arguments: &[&str], input: &str) -> Ran {
    let mut command = command(server, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Held::start(&mut command);
    let mut pipe = child.0.stdin.take().expect("a piped input");
    // The command may refuse before it has read anything.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    let mut out = String::new();
    let mut output = child.0.stdout.take().expect("a piped output");
    output.read_to_string(&mut out).expect("the output can be read");
    ended(child, out)
}

/// A server that holds the example; the folder goes with the test.
fn example() -> (tempfile::TempDir, Server) {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &["--load", EXAMPLE]);
    (dir, server)
}

/// An address where nothing listens.
fn nowhere() -> String {
    NOWHERE.to_owned()
}

/// Writes lines to a file in `dir`.
fn file(dir: &Path, name: &str, lines: &[impl ToString]) -> PathBuf {
    let path = dir.join(name);
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    std::fs::write(&path, text.join("\n") + "\n").expect("a file can be written");
    path
}

/// A path as an argument.
fn arg(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A payload: so many were handed over to `to`.
fn transfer(to: &str, count: u32) -> Value {
    json!({
        "@type": "handover.v1.TransferCompleted",
        "attribution": {"sourceId": "demo-source"},
        "leg": {"exchangeId": "demo-1", "to": [to], "unit": "UNIT_PERSON"},
        "count": {"value": count},
    })
}

/// A payload: the claim is withdrawn.
fn retraction(claim: impl Into<Value>) -> Value {
    json!({
        "@type": "handover.v1.ClaimRetracted",
        "attribution": {"sourceId": "demo-source"},
        "claim": claim.into(),
        "reason": "an error of the desk",
    })
}

/// Each line as JSON.
fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Where the log of the server ends.
fn head(server: &str) -> u64 {
    let out = run(server, &["counts", "--output", "json"]).good();
    let position = parsed(&out.replace('\n', ""))[0]["position"].clone();
    position.as_str().map_or(0, |text| text.parse().expect("a position is a number"))
}

/// Positions of the events that `tail` prints.
fn positions(lines: &str) -> Vec<u64> {
    let position = |event: Value| event["position"].as_str().and_then(|text| text.parse().ok());
    parsed(lines).into_iter().map(|event| position(event).expect("a position")).collect()
}
