//! What must stay as it is: the protos that clients were built against, and every byte that is
//! stored. The goldens are in `tests/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it golden` adds what is new. It never changes or removes
//! what is there: that would be a break, and has to be done by hand on purpose.

mod events;
mod groups;
mod limits;
mod page;
mod protos;
mod settings;
mod stored;

use std::{fs, path::PathBuf};

fn path(name: &str) -> PathBuf {
    PathBuf::from("tests/golden").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).expect("the golden can be read")
}

fn may_add() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Compares lines with a golden, where their order says nothing. Lines that are new are added if
/// `UPDATE_GOLDEN` requests it; `broken` says what a missing line means.
fn compare(name: &str, found: &[String], broken: &str) {
    let golden = read(name);
    let (comments, lines): (Vec<&str>, Vec<&str>) =
        golden.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('#'));
    let gone = lines.iter().filter(|line| !found.iter().any(|other| other == *line));
    let gone: Vec<String> = gone.map(|line| format!("- {line}")).collect();
    let added = found.iter().filter(|line| !lines.contains(&line.as_str()));
    let added: Vec<String> = added.map(|line| format!("+ {line}")).collect();
    let both = [gone.as_slice(), added.as_slice()].concat().join("\n");
    assert!(gone.is_empty(), "{broken}\n{both}");
    if !added.is_empty() && may_add() {
        let lines = comments.into_iter().chain(found.iter().map(String::as_str));
        let text = lines.collect::<Vec<_>>().join("\n") + "\n";
        fs::write(path(name), text).expect("the golden can be written");
        return;
    }
    assert!(added.is_empty(), "not in the golden yet; add it with UPDATE_GOLDEN=1:\n{both}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text} is not hex");
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digits).collect()
}
