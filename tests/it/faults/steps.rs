//! The record of steps that the shim keeps, read back.

use std::{path::Path, sync::Arc};

/// One step that changed something or made it durable, or that failed on purpose.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The call, as the shim names it, or `struck`: the next step is one that goes wrong.
    pub(super) call: String,
    /// The file, if the call was about an open one.
    pub(super) inode: u64,
    /// Where a write went.
    pub(super) offset: usize,
    /// How much was written, or the new length.
    pub(super) length: usize,
    /// It failed on purpose and did nothing.
    pub(super) failed: bool,
    /// Relative to the watched folder, as the file was opened.
    pub(super) path: String,
    /// The new name of what was renamed.
    pub(super) second: String,
    /// What was written.
    pub(super) bytes: Arc<[u8]>,
    /// Length of the record up to here.
    pub(super) end: u64,
}

impl Step {
    /// Whether it makes durable what it is about.
    pub(super) fn is_sync(&self) -> bool {
        matches!(self.call.as_str(), "fsync" | "fdatasync")
    }

    /// The call and the kind of file; steps that agree in it are repetitions of one another.
    pub(super) fn kind(&self) -> (String, String) {
        (self.call.clone(), pattern(&self.path))
    }
}

/// Reads a record; what was cut off at its end by a kill is no step.
pub(super) fn read(path: &Path) -> Vec<Step> {
    let record = std::fs::read(path).expect("the record of steps");
    let mut steps = Vec::new();
    let mut at = 0;
    while let Some(line) = record[at..].iter().position(|byte| *byte == b'\n') {
        let text = std::str::from_utf8(&record[at..at + line]).expect("a line of the record");
        at += line + 1;
        let mut step = parse(text);
        if !step.failed && matches!(step.call.as_str(), "write" | "pwrite") {
            let zeros = text.split('\t').next().is_some_and(|head| head.ends_with(" zeros"));
            let stored = if zeros { 0 } else { step.length };
            let Some(bytes) = record.get(at..at + stored) else { break };
            step.bytes = if zeros { vec![0; step.length].into() } else { bytes.into() };
            at += stored;
        }
        step.end = at as u64;
        steps.push(step);
    }
    steps
}

fn parse(line: &str) -> Step {
    let mut parts = line.split('\t');
    let mut part = || parts.next().unwrap_or_else(|| panic!("not a step: {line}"));
    let (head, path, second) = (part(), part().to_owned(), part().to_owned());
    let mut words = head.split(' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("not a step: {line}"));
    let call = word().to_owned();
    let mut number = || word().parse::<u64>().unwrap_or_else(|_| panic!("not a step: {line}"));
    let (inode, offset, length) = (number(), number(), number());
    let small = |number| usize::try_from(number).expect("files are small");
    Step {
        call,
        inode,
        offset: small(offset),
        length: small(length),
        failed: word() == "failed",
        path,
        second,
        bytes: Arc::default(),
        end: 0,
    }
}

/// The path with `*` for every number and id in it.
fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    let mut rest = path;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        if word >= 8 {
            pattern.push('*');
        } else {
            pattern.push_str(&rest[..word]);
        }
        rest = &rest[word..];
        let between = rest.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(rest.len());
        pattern.push_str(&rest[..between]);
        rest = &rest[between..];
    }
    pattern
}

#[test]
fn a_pattern_stands_for_all_files_of_a_kind() {
    let volume = "data/volumes/00000000000000000006/snap.00000000002F816D.generating";
    assert_eq!(pattern(volume), "data/volumes/*/snap.*.generating");
    assert_eq!(pattern("data/journal/00000001.journal"), "data/journal/*.journal");
    assert_eq!(pattern("data/MANIFEST.new"), "data/MANIFEST.new");
}
