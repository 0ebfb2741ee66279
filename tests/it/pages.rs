//! The pages for those who work on the code: what they name is there, and they keep their forms.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines of ARCHITECTURE.md: a newcomer reads it in ten minutes.
const ARCHITECTURE_LINES: usize = 150;
/// Folders with files that a page may name.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "docs/", "proto/", "examples/", "bench/", "clients/", "deploy/"];
/// Layers with modules that a page may name.
const LAYERS: [&str; 7] = ["domain", "log", "projections", "engine", "grpc", "client", "cli"];
/// What is made by `tests/all` and not kept.
const MADE: [&str; 2] = ["tests/.venv", "tests/.tools"];
/// The sections of a decision, in order.
const SECTIONS: [&str; 4] = ["Context", "Decision", "Rejected alternatives", "Consequences"];

struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(&path).expect("a page");
        Self { path, text }
    }

    /// What stands in backticks outside of blocks of code.
    fn code(&self) -> impl Iterator<Item = &str> {
        let blocks = self.text.split("```").step_by(2);
        blocks.flat_map(|text| text.split('`').skip(1).step_by(2))
    }

    /// The targets of links to files.
    fn links(&self) -> impl Iterator<Item = &str> {
        let targets = self.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let files = targets.filter(|target| !target.contains(':') && !target.starts_with('#'));
        files.map(|target| target.split('#').next().unwrap_or_default())
    }
}

fn markdown(dir: &Path, found: &mut Vec<Page>) {
    for entry in fs::read_dir(dir).expect("a folder can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(Page::read(path));
        }
    }
}

fn pages() -> Vec<Page> {
    let names = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"];
    let parts = [
        "clients/python/README.md",
        "clients/typescript/README.md",
        "deploy/README.md",
        "tests/it/faults/README.md",
    ];
    let mut found: Vec<Page> = names.into_iter().chain(parts).map(Page::read).collect();
    markdown(Path::new("docs"), &mut found);
    assert!(found.len() > 40, "only {} pages were found", found.len());
    found
}

/// Fails with everything that breaks a rule.
fn check(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// Whether `file` or `file::name` is there; a name is that of a function in the file.
fn file_is_there(named: &str) -> bool {
    let (file, name) = named.split_once("::").unwrap_or((named, ""));
    let path = Path::new(file);
    let has = |text: String| text.contains(&format!("fn {name}("));
    path.exists() && (name.is_empty() || fs::read_to_string(path).is_ok_and(has))
}

/// Whether a module is there; what follows the last module stands in that module's file.
fn module_is_there(named: &str) -> bool {
    let parts: Vec<&str> = named.split("::").collect();
    (1..=parts.len()).rev().any(|length| {
        let (module, rest) = parts.split_at(length);
        let path = Path::new("src").join(module.join("/"));
        let own = [path.with_extension("rs"), path.join("mod.rs")];
        let text = own.iter().find_map(|file| fs::read_to_string(file).ok());
        text.is_some_and(|text| rest.iter().all(|name| text.contains(name)))
    })
}

#[test]
fn each_file_test_module_and_link_that_a_page_names_is_there() {
    let (mut broken, mut named) = (Vec::new(), 0);
    for page in pages() {
        let path = page.path.display();
        for code in page.code().filter(|code| !code.contains(char::is_whitespace)) {
            let file = FOLDERS.iter().any(|folder| code.starts_with(folder));
            let layer = code.split("::").next().filter(|layer| LAYERS.contains(layer));
            let there = if file {
                MADE.contains(&code) || file_is_there(code)
            } else if layer.is_some() && code.contains("::") {
                module_is_there(code)
            } else {
                continue;
            };
            named += 1;
            if !there {
                broken.push(format!("{path}: {code}"));
            }
        }
        let folder = page.path.parent().expect("a page lies in a folder");
        let gone = page.links().filter(|target| !folder.join(target).exists());
        broken.extend(gone.map(|target| format!("{path}: link to {target}")));
    }
    assert!(named > 200, "only {named} names were found");
    check("a page names what is not there", &broken);
}

#[test]
fn the_architecture_is_read_in_ten_minutes() {
    let lines = Page::read("ARCHITECTURE.md").text.lines().count();
    assert!(lines <= ARCHITECTURE_LINES, "{lines} lines: move details to docs/design");
}

#[test]
fn each_decision_has_its_sections_and_a_place_in_the_index() {
    let index = Page::read("docs/decisions/README.md").text;
    let mut decisions = Vec::new();
    markdown(Path::new("docs/decisions"), &mut decisions);
    decisions.retain(|page| !page.path.ends_with("README.md"));
    decisions.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(decisions.len() > 20, "only {} decisions were found", decisions.len());
    let mut broken = Vec::new();
    for (place, page) in decisions.iter().enumerate() {
        let name = page.path.file_name().expect("a name").to_string_lossy();
        let number = format!("{:03}", place + 1);
        let heads = page.text.lines().filter_map(|line| line.strip_prefix("## "));
        if heads.collect::<Vec<_>>() != SECTIONS {
            broken.push(format!("{name} has other sections than {SECTIONS:?}"));
        }
        let title = page.text.lines().next().unwrap_or_default();
        let title = title.strip_prefix(&format!("# {number}: ")).unwrap_or_default();
        if title.is_empty() || !name.starts_with(&format!("{number}-")) {
            broken.push(format!("{name} is not number {number}"));
        }
        if !index.contains(&format!("- [{number}]({name}) {title}\n")) {
            broken.push(format!("{name} is not in the index under its title"));
        }
    }
    check("decisions", &broken);
}

#[test]
fn the_glossary_is_in_order_and_names_a_module_for_each_term() {
    let page = Page::read("docs/GLOSSARY.md");
    let rows = page.text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let rows: Vec<Vec<&str>> =
        rows.map(|line| line.trim_matches('|').split(" | ").collect()).collect();
    assert!(rows.len() >= 60, "only {} terms", rows.len());
    let odd = rows.iter().filter(|row| row.len() != 3 || !row[2].contains('`'));
    check("a row is term, meaning, module", &odd.map(|row| row.join(" | ")).collect::<Vec<_>>());
    let terms: Vec<String> = rows.iter().map(|row| row[0].trim().to_lowercase()).collect();
    let misplaced = terms.windows(2).filter(|pair| pair[0] >= pair[1]);
    check("terms out of order", &misplaced.map(|pair| pair.join(", ")).collect::<Vec<_>>());
}
