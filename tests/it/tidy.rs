//! The rules of the house, kept by a test: layers, sizes, and what a file must and must not hold.

mod cycles;
mod names;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layers from the bottom up. A file may use those before its own.
const LAYERS: [&str; 6] = ["domain", "log", "projections", "engine", "grpc", "client"];
/// Above all layers: files that may use everything.
const ASSEMBLY: [&str; 9] =
    ["cli", "config", "descriptors", "telemetry", "metrics", "server", "objects", "main", "lib"];
/// A crate that only one layer may name, and that layer; assembly may name tokio.
const SPOKEN: [(&str, &str); 6] = [
    ("sled::", "log"),
    ("tokio::", "engine"),
    ("tonic::", "grpc"),
    ("tonic_", "grpc"),
    ("rustls::", "grpc"),
    ("webpki::", "grpc"),
];
/// Lines of a file without its tests; the aim is 300.
const FILE_LINES: usize = 500;
/// Lines of a function.
const FUNCTION_LINES: usize = 70;
/// Lines of the body of an RPC.
const RPC_LINES: usize = 25;
const COLUMNS: usize = 100;

struct SourceFile {
    path: PathBuf,
    text: String,
    /// It is compiled for tests only.
    test: bool,
}

impl SourceFile {
    /// The layer or assembly part that the file belongs to.
    fn room(&self) -> String {
        let below_src = self.path.strip_prefix("src").expect("sources are in src");
        let first = below_src.iter().next().expect("a file has a name");
        Path::new(first).file_stem().expect("a name").to_string_lossy().into_owned()
    }

    /// Files that this one brings in for tests only.
    fn test_modules(&self) -> Vec<PathBuf> {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let own = self.path.with_extension("");
        let root = ["mod", "lib", "main"].iter().any(|name| own.ends_with(name));
        let dir = if root { self.path.parent().expect("a folder") } else { own.as_path() };
        let after = |line: &str| {
            line.split("mod ").nth(1).and_then(|it| it.strip_suffix(';')).map(ToOwned::to_owned)
        };
        let mut found = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            if *line != "#[cfg(test)]" {
                continue;
            }
            let next = lines.get(number + 1).copied().unwrap_or_default();
            if let Some(name) = after(next) {
                found.push(dir.join(name));
            }
        }
        found
    }

    /// The lines that are not tests.
    fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.take_while(|(_, line)| *line != "#[cfg(test)]" && *line != "mod tests {")
    }
}

/// The sources of the product.
fn sources() -> Vec<SourceFile> {
    below("src")
}

/// The sources of all members: what concerns files and not layers holds for each.
fn all_sources() -> Vec<SourceFile> {
    ["src", "bench/src"].into_iter().flat_map(below).collect()
}

fn below(folder: &str) -> Vec<SourceFile> {
    fn walk(dir: &Path, found: &mut Vec<SourceFile>) {
        for entry in fs::read_dir(dir).expect("sources can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("a source can be read");
                found.push(SourceFile { path, text, test: false });
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(folder), &mut found);
    assert!(found.len() > 30, "only {} sources were found", found.len());
    let tests: Vec<PathBuf> = found.iter().flat_map(SourceFile::test_modules).collect();
    for source in &mut found {
        let bare = source.path.with_extension("");
        source.test = tests.iter().any(|test| bare.starts_with(test.with_extension("")));
    }
    found
}

/// Fails with every place that breaks a rule.
fn check(rule: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

fn place(source: &SourceFile, line: usize, text: &str) -> String {
    format!("{}:{line}: {}", source.path.display(), text.trim())
}

fn code(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line }
}

#[test]
fn a_layer_uses_only_those_below_it() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some(own) = LAYERS.iter().position(|layer| *layer == source.room()) else { continue };
        let above: Vec<&str> = LAYERS[own + 1..].iter().chain(&ASSEMBLY[..7]).copied().collect();
        for (number, line) in source.text.lines().enumerate() {
            let uses = |layer: &&str| code(line).contains(&format!("crate::{layer}"));
            if above.iter().any(uses) && !source.test {
                broken.push(place(&source, number + 1, line));
            }
        }
        // `use crate::{domain::..., engine::...}` names layers without the prefix.
        let mut inside = false;
        for (number, line) in source.text.lines().enumerate() {
            inside = (inside && line != "};") || line == "use crate::{";
            let named = |layer: &&str| line.starts_with(&format!("    {layer}::"));
            if inside && above.iter().any(named) {
                broken.push(place(&source, number + 1, line));
            }
        }
    }
    check("a layer uses one above it", broken);
}

#[test]
fn a_crate_is_spoken_of_only_in_its_layer() {
    let mut broken = Vec::new();
    for source in sources() {
        let room = source.room();
        for (name, layer) in SPOKEN {
            let assembly_may = name == "tokio::" || name == "sled::";
            let assembly = ASSEMBLY.contains(&room.as_str()) && assembly_may && name != "sled::";
            let may_tokio = name == "tokio::" && ["grpc", "client"].contains(&room.as_str());
            if room == layer || assembly || may_tokio || source.test {
                continue;
            }
            for (number, line) in source.production() {
                let line = code(line);
                let word = line.contains(name)
                    && !line.contains(&format!("_{name}"))
                    && !line.contains(&format!("\"{name}"));
                if word {
                    broken.push(place(&source, number, line));
                }
            }
        }
    }
    check("a crate is named outside its layer", broken);
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let mut broken = Vec::new();
    for source in all_sources() {
        let by_path = source.test;
        if !source.text.starts_with("//!") && !by_path {
            broken.push(place(&source, 1, "does not open with //!"));
        }
        let lines = source.production().count();
        if lines > FILE_LINES && !by_path {
            broken.push(place(&source, lines, "is longer than a file may be"));
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.chars().count() > COLUMNS {
                broken.push(place(&source, number + 1, "is wider than a line may be"));
            }
            if !line.is_ascii() {
                broken.push(place(&source, number + 1, line));
            }
        }
    }
    check("files", broken);
}

#[test]
fn a_module_lies_where_its_name_says() {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("#[path") {
                broken.push(place(&source, number + 1, line));
            }
        }
        if source.path.ends_with("mod.rs") {
            broken.push(place(&source, 1, "is called as its folder is, beside it"));
        }
    }
    check("modules", broken);
}

/// Words for persons, which stand for no component.
const PERSONS: [&str; 8] =
    ["who", "whoever", "whom", "nobody", "somebody", "everybody", "anybody", "anyone"];
/// What only persons are.
const OF_PERSONS: [&str; 2] = ["told", "asked"];
/// Layers that know no persons: elsewhere claimants and those who were handed over have a name.
const WITHOUT_PERSONS: [&str; 2] = ["log", "engine"];

/// The words of a comment, in lower case and without what stands in backticks; none of code.
fn said(line: &str) -> Vec<String> {
    let Some(comment) = line.trim_start().strip_prefix("//") else { return Vec::new() };
    let text = comment.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let text = text.to_lowercase().replace("told apart", "");
    text.split(|c: char| !c.is_alphanumeric()).map(ToOwned::to_owned).collect()
}

#[test]
fn comments_speak_of_components_and_not_of_persons() {
    let mut broken = Vec::new();
    for source in sources() {
        let persons = !WITHOUT_PERSONS.contains(&source.room().as_str());
        for (number, line) in source.text.lines().enumerate() {
            let bad = |word: &String| {
                OF_PERSONS.contains(&word.as_str())
                    || (!persons && PERSONS.contains(&word.as_str()))
            };
            if said(line).iter().any(bad) {
                broken.push(place(&source, number + 1, line));
            }
        }
    }
    check("a comment speaks of a component as of a person", broken);
}

/// Layers with texts for users: errors, help and lines of the server's log.
const SPEAKING: [&str; 5] = ["cli", "config", "client", "grpc", "server"];

/// The texts in quotes of production code: each with the line where it ends.
fn texts(source: &SourceFile) -> Vec<(usize, String)> {
    let (mut texts, mut text) = (Vec::new(), None::<String>);
    for (number, line) in source.production() {
        let mut before = ' ';
        for letter in code(line).chars() {
            match (&mut text, letter) {
                (Some(_), '"') if before != '\\' => {
                    texts.extend(text.take().map(|it| (number, it)));
                }
                (Some(text), _) => text.push(letter),
                (None, '"') if before != '\'' => text = Some(String::new()),
                (None, _) => {}
            }
            before = if before == '\\' { ' ' } else { letter };
        }
    }
    texts
}

#[test]
fn texts_speak_of_components_and_not_of_persons() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.test) {
        for (number, text) in texts(source) {
            let text = text.to_lowercase().replace("{reported}", "");
            // A text may say that no claimant said something: claimants are persons.
            let bad = |word: &&str| OF_PERSONS.contains(word) || PERSONS[4..].contains(word);
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            if SPEAKING.contains(&source.room().as_str()) && words.any(|word| bad(&word)) {
                broken.push(place(source, number, &text));
            }
        }
    }
    check("a text speaks of a component as of a person", broken);
}

#[test]
fn functions_stay_short() {
    let mut broken = Vec::new();
    for source in all_sources() {
        let rpc_file = source.text.contains("#[tonic::async_trait]");
        let mut open: Option<(usize, usize, bool)> = None;
        if source.test {
            continue;
        }
        for (number, line) in source.production() {
            let indent = line.len() - line.trim_start().len();
            let rpc = rpc_file && line.trim_start().starts_with("async fn ") && indent == 4;
            let starts = line.trim_start().starts_with("fn ") || line.contains(" fn ");
            if starts && line.trim_end().ends_with(['{', '(']) && open.is_none() {
                open = Some((number, indent, rpc));
            }
            let Some((start, at, rpc)) = open else { continue };
            if line.trim_end() == format!("{}}}", " ".repeat(at)) {
                let most = if rpc { RPC_LINES } else { FUNCTION_LINES };
                if number - start > most {
                    broken.push(place(&source, start, "is longer than a function may be"));
                }
                open = None;
            }
        }
    }
    check("functions", broken);
}

#[test]
fn nothing_unfinished_is_left() {
    let words = ["TODO", "FIXME", "XXX", "dbg!(", "todo!(", "unimplemented!(", ".unwrap()"];
    let mut broken = Vec::new();
    for source in all_sources().iter().filter(|source| !source.test) {
        for (number, line) in source.production() {
            if words.iter().any(|word| code(line).contains(word)) {
                broken.push(place(source, number, line));
            }
        }
    }
    check("unfinished", broken);
}
