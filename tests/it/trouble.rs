//! The page `docs/TROUBLE.md`: each situation is made with the real binary, the error is the one
//! that the page names, and the server starts after what the page says was done.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    support::{BINARY, Held, Server, data_dir},
    verify::store::{SETTINGS, healthy},
};

const PAGE: &str = include_str!("../../docs/TROUBLE.md");

/// An entry of the page: the first line of its error, its exit code, and the lines to run.
#[derive(Clone, Debug)]
struct Entry {
    error: String,
    code: i32,
    lines: Vec<String>,
}

fn block(section: &str, language: &str) -> Option<String> {
    let (_, rest) = section.split_once(&format!("```{language}\n"))?;
    Some(rest.split_once("\n```")?.0.to_owned())
}

/// The entries about opening, by their headings.
fn entries() -> BTreeMap<String, Entry> {
    let (_, opening) = PAGE.split_once("\n## It does not open\n").expect("a part about opening");
    let (opening, _) = opening.split_once("\n## ").expect("another part");
    let sections = opening.split("\n### ").skip(1);
    let entry = |section: &str| {
        let (heading, text) = section.split_once('\n').expect("a heading");
        let error = block(text, "text").expect("an error");
        let code = text.split_once("Exit code ").expect("an exit code").1;
        let code = code.split('.').next().expect("a number").parse().expect("a number");
        let lines = block(text, "sh").unwrap_or_default();
        let lines = lines.lines().map(str::to_owned).collect();
        (heading.trim().to_owned(), Entry { error, code, lines })
    };
    sections.map(entry).collect()
}

/// A store, a copy of it, and what stands for names in the page.
struct Place {
    _dir: tempfile::TempDir,
    data: PathBuf,
    backup: PathBuf,
    name: String,
}

impl Place {
    async fn new(name: &str) -> Self {
        let (dir, data) = data_dir();
        healthy().await.write(&data);
        let backup = dir.path().join("backup");
        healthy().await.write(&backup);
        Self { _dir: dir, data, backup, name: name.to_owned() }
    }

    /// Whether a text of the program has the words of the page. `N` is any number.
    fn matches(&self, said: &str, error: &str) -> bool {
        let words = error.replace("DIR", &self.data.display().to_string());
        let words = words.replace("NAME", &self.name);
        let mut rest = said;
        words.split(" N").enumerate().all(|(number, part)| {
            if number > 0 {
                rest = rest.strip_prefix(' ').unwrap_or(rest);
                rest = rest.trim_start_matches(|it: char| it.is_ascii_digit());
            }
            match (number, rest.find(part)) {
                (0, Some(at)) => rest = &rest[at + part.len()..],
                (1.., Some(0)) => rest = &rest[part.len()..],
                _ => return false,
            }
            true
        })
    }

    /// Starts a server, which must refuse with the words of the page.
    fn assert_refused(&self, entry: &Entry, shown: &str) {
        let mut serve = Command::new(BINARY);
        serve.arg("serve").arg("--data").arg(&self.data).args(["--listen", "127.0.0.1:0"]);
        let (status, said) = Held::start(serve.stderr(Stdio::piped())).end();
        assert!(self.matches(&said, shown), "the page has {shown}, and it said {said}");
        assert_eq!(status.code(), Some(entry.code), "{said}");
    }

    /// Does what the page says.
    fn run(&self, entry: &Entry) {
        for line in &entry.lines {
            let line = line.replace("BACKUP", &self.backup.display().to_string());
            let line = line.replace("DIR", &self.data.display().to_string());
            let line = line.replace("NAME", &self.name);
            let line = line.replace("handover ", &format!("{BINARY} "));
            let done = Command::new("bash").args(["-euc", &line]).output().expect("bash");
            assert!(done.status.success(), "{line}: {done:#?}");
        }
    }

    fn assert_opens(&self) {
        let server = Server::start(&self.data, &SETTINGS);
        server.terminate();
        assert!(server.wait());
    }
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[byte] ^= 1;
    fs::write(path, bytes).expect("it can be changed");
}

/// The journal file with the last unsealed frames, by what is in it.
fn journal_file(data: &Path) -> String {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    let tip = manifest.rsplit_once("\"index\": ").expect("a tip").1;
    let sealed: u64 = tip.split(',').next().expect("a number").trim().parse().expect("one");
    let index = |bytes: &[u8]| {
        let heads = bytes.chunks(4096).filter(|page| page.starts_with(b"\x89HOJ\r\n\x1a\n"));
        let number = |page: &[u8]| u64::from_be_bytes(page[40..48].try_into().expect("8 bytes"));
        heads.map(number).max().unwrap_or_default()
    };
    let files = fs::read_dir(data.join("journal")).expect("a journal");
    let paths = files.map(|entry| entry.expect("a file").path());
    let journals = paths.filter(|path| path.extension().is_some_and(|end| end == "journal"));
    let newest = journals.max_by_key(|path| index(&fs::read(path).expect("a file")));
    let newest = newest.expect("a file of the journal");
    assert!(index(&fs::read(&newest).expect("a file")) > sealed, "all is sealed");
    newest.file_name().expect("a name").to_string_lossy().into_owned()
}

fn newest_volume(data: &Path) -> String {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    let last = manifest.rsplit_once("\"directory\": \"").expect("a volume").1;
    last.split('"').next().expect("its name").to_owned()
}

/// Spoils a store as an entry describes; what the page calls `NAME`.
fn spoil(heading: &str, data: &Path) -> String {
    match heading {
        "STORE is damaged" => flip(&data.join("STORE"), 12),
        "MANIFEST is damaged" => flip(&data.join("MANIFEST"), 40),
        "A folder is missing" => {
            fs::remove_dir_all(data.join("volumes")).expect("it can be removed");
        }
        "The newest volume is damaged" => {
            let volume = newest_volume(data);
            let db = data.join("volumes").join(&volume).join("db");
            let mut bytes = fs::read(&db).expect("a volume");
            let found: Vec<_> = memchr::memmem::find_iter(&bytes, "note ").collect();
            for at in found {
                bytes[at] ^= 1;
            }
            fs::write(db, bytes).expect("it can be changed");
            return volume;
        }
        "The journal is damaged" => {
            let name = journal_file(data);
            let path = data.join("journal").join(&name);
            let mut bytes = fs::read(&path).expect("a file");
            let heads: Vec<_> = memchr::memmem::find_iter(&bytes, b"\x89HOJ").collect();
            for at in heads {
                bytes[at + 100] ^= 1;
            }
            fs::write(path, bytes).expect("it can be changed");
            return name;
        }
        "The list of the journal's files is damaged" => flip(&data.join("journal/FILES"), 0),
        "The mark of the last stop is damaged" => flip(&data.join("journal/clean-stop"), 50),
        "Newer" => {
            let text = format!("handover\nformat 99\nstore {}\n", "0".repeat(32));
            let crc = crc32c(text.as_bytes());
            fs::write(data.join("STORE"), format!("{text}crc32c {crc:08x}\n")).expect("written");
        }
        "Not a store" => {
            fs::remove_dir_all(data).expect("it can be removed");
            fs::create_dir(data).expect("it can be made");
            fs::write(data.join("letters"), "of another program").expect("it can be written");
            return "letters".to_owned();
        }
        "The system refuses" => {
            fs::remove_dir_all(data).expect("it can be removed");
            fs::write(data, "a file").expect("it can be written");
        }
        other => panic!("the page describes {other}; say how that comes about"),
    }
    String::new()
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 }
        })
    });
    !crc
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_is_the_one_of_the_page_and_what_it_says_to_do_opens_the_store() {
    let entries = entries();
    assert!(entries.len() >= 11, "{:?}", entries.keys());
    for (heading, entry) in entries.iter().filter(|(heading, _)| *heading != "In use") {
        let mut place = Place::new("").await;
        place.name = spoil(heading, &place.data);
        place.assert_refused(entry, &entry.error);
        if entry.lines.is_empty() {
            continue;
        }
        place.run(entry);
        place.assert_opens();
    }
}

/// What stands below another entry has its remedy.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_lost_is_put_back_with_the_whole_directory() {
    let entries = entries();
    let place = Place::new("").await;
    spoil("A folder is missing", &place.data);
    place.run(&entries["MANIFEST is damaged"]);
    place.assert_opens();
}

#[test]
fn a_store_in_use_names_the_process_and_a_lock_that_is_left_over_locks_nothing() {
    let entry = &entries()["In use"];
    let (dir, data) = data_dir();
    let place = Place { backup: data.clone(), data, _dir: dir, name: String::new() };
    let server = Server::start(&place.data, &SETTINGS);
    place.assert_refused(entry, &entry.error);
    server.kill();
    place.assert_opens();
}
