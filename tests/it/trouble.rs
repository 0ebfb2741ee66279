//! The page `docs/TROUBLE.md`: each situation is made with the real binary, the error is the one
//! that the page names, and what the page says to do helps.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "what cannot be tried on a machine is named")]

mod backups;
mod listed;
mod meanwhile;
mod opening;
mod words;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    support::{BINARY, Held, Server, data_dir, read_all},
    verify::store::{Image, SETTINGS, healthy},
};

pub(super) const PAGE: &str = include_str!("../../docs/TROUBLE.md");

/// An entry of the page: its error, its exit code, and the lines to run.
#[derive(Clone, Debug)]
struct Entry {
    error: String,
    code: i32,
    lines: Vec<String>,
}

/// The blocks of a language in a section.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let opened = section.split(&fence).skip(1);
    let block = |rest: &str| rest.split_once("\n```").expect("an end of the block").0.to_owned();
    opened.map(block).collect()
}

/// The entries of a part of the page, by their headings.
fn entries(part: &str) -> BTreeMap<String, Entry> {
    let (_, text) = PAGE.split_once(&format!("\n## {part}\n")).expect("the part");
    let text = text.split("\n## ").next().unwrap_or_default();
    let entry = |section: &str| {
        let (heading, text) = section.split_once('\n').expect("a heading");
        let error = blocks(text, "text").remove(0);
        let code = text.split_once("Exit code ").expect("an exit code").1;
        let code = code.split('.').next().expect("a number").parse().expect("a number");
        let lines = blocks(text, "sh").join("\n").lines().map(str::to_owned).collect();
        (heading.trim().to_owned(), Entry { error, code, lines })
    };
    text.split("\n### ").skip(1).map(entry).collect()
}

/// A store, a backup of it, and what stands for names in the page.
struct Place {
    _dir: tempfile::TempDir,
    data: PathBuf,
    backup: PathBuf,
    name: String,
    /// The last position of both.
    last: u64,
}

impl Place {
    /// The store that all tests share, and a backup of all of it.
    async fn new() -> Self {
        Self::of(healthy().await)
    }

    fn of(image: &Image) -> Self {
        let (dir, data) = data_dir();
        let (made, backup) = (dir.path().join("made"), dir.path().join("kept"));
        image.write(&made);
        // A backup recovers the journal, so it is made of a copy.
        let last = back_up(&made, &backup);
        image.write(&data);
        Self { _dir: dir, data, backup, name: String::new(), last }
    }

    /// Whether a text of the program has the words of the page.
    fn has_words(&self, said: &str, words: &str) -> bool {
        words::are_in(&self.named(words), said)
    }

    /// The text of the page with the names of this place.
    fn named(&self, text: &str) -> String {
        let (data, backup) = (self.data.display().to_string(), self.backup.display().to_string());
        let text = text.replace("BACKUP", "\u{1}").replace("DIR", "\u{2}");
        let text = text.replace("no \u{1} file", "no BACKUP file");
        text.replace("NAME", &self.name).replace('\u{1}', &backup).replace('\u{2}', &data)
    }

    /// Does what the page says, line by line.
    fn run(&self, entry: &Entry) {
        for line in &entry.lines {
            let line = self.named(line).replace("handover ", &format!("{BINARY} "));
            let done = Command::new("bash").args(["-euc", &line]).output().expect("bash");
            assert!(done.status.success(), "{line}: {done:#?}");
        }
    }

    /// Starts a server, which must refuse with the words of the page.
    fn assert_refused(&self, entry: &Entry) {
        let mut serve = Command::new(BINARY);
        serve.arg("serve").arg("--data").arg(&self.data).args(["--listen", "127.0.0.1:0"]);
        let (status, said) = Held::start(serve.stderr(Stdio::piped())).end();
        let shown = &entry.error;
        assert!(self.has_words(&said, shown), "the page has {shown}, and it said {said}");
        assert_eq!(status.code(), Some(entry.code), "{said}");
    }

    /// Starts a server, which must have all of the events.
    async fn assert_whole(&self) {
        let server = Server::start(&self.data, &SETTINGS);
        let found = read_all(&server.client().await).await.len() as u64;
        assert_eq!(found, self.last, "{}", self.data.display());
        server.terminate();
        assert!(server.wait());
    }

    /// How many restores led to what is here.
    fn restores(&self) -> usize {
        let history = fs::read_to_string(self.data.join("HISTORY")).unwrap_or_default();
        history.matches("branch ").count()
    }
}

/// Backs a stopped store up; its last position.
fn back_up(data: &Path, to: &Path) -> u64 {
    let mut command = Command::new(BINARY);
    command.args(["backup", "--output", "json", "--data"]).arg(data).arg("--to").arg(to);
    let answer: serde_json::Value =
        serde_json::from_slice(&succeed(&mut command).stdout).expect("an object");
    answer["position"].as_str().expect("a position").parse().expect("a number")
}

/// Restores a backup into a new folder.
fn restore(from: &Path, data: &Path) {
    let mut command = Command::new(BINARY);
    succeed(command.args(["restore", "--from"]).arg(from).arg("--data").arg(data));
}

fn succeed(command: &mut Command) -> Output {
    let done = command.output().expect("the binary can be run");
    assert!(done.status.success(), "{command:?}: {done:#?}");
    done
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[byte] ^= 1;
    fs::write(path, bytes).expect("it can be changed");
}

/// A text with its checksum as the last line.
fn sealed(text: &str) -> String {
    format!("{text}crc32c {:08x}\n", crc32c::crc32c(text.as_bytes()))
}
