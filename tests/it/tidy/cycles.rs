//! No file imports a file that imports it, directly or through others.
//!
//! **An import** is a path in production code, in a `use` or in place, from one file of a crate to
//! another. It leads to the file that declares the name: a re-export leads on to the file that it
//! names. Paths of tests, comments and visibilities are none.
//!
//! **A front is no importer.** A file that only re-exports a name of a child file, and does not use
//! the name itself, does not import the child. So the children may use what the front declares.
//!
//! **An `impl` block needs no name.** A child may add methods to a type of its parent, and other
//! files call them. Only a parent that names the child as well makes a cycle.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{SourceFile, below, check};

type Name = Vec<String>;

/// A path that is brought in by `use`.
struct Use {
    path: Name,
    /// What it is called here.
    name: String,
    /// It is passed on to others.
    is_public: bool,
}

/// The production code of one file.
struct Module {
    file: PathBuf,
    uses: Vec<Use>,
    children: Vec<String>,
    /// Without comments, `use` and `mod`.
    code: String,
}

/// The files of a crate, by the paths of their modules.
struct Crate(BTreeMap<Name, Module>);

fn segments(path: &str) -> Name {
    path.split("::").map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// The module that a file is; the file that begins the crate is the one without a name.
fn module_of(file: &Path, root: &Path) -> Name {
    let below = file.strip_prefix(root).expect("it is below the root").with_extension("");
    let names: Name = below.iter().map(|it| it.to_string_lossy().into_owned()).collect();
    if names == ["lib"] || names == ["main"] { Name::new() } else { names }
}

/// The code that is not for tests alone, without comments and visibilities.
pub(super) fn production(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let mut item = lines.by_ref().skip_while(|line| line.trim().starts_with("#["));
            let first = item.next().unwrap_or_default();
            let indent = first.len() - first.trim_start().len();
            let ends = |line: &str| {
                let own = line.len() - line.trim_start().len();
                own == indent && line.trim_start().starts_with('}')
            };
            if !first.ends_with([';', '}']) {
                lines.by_ref().find(|line| ends(line));
            }
            continue;
        }
        let comment = line.find("//").filter(|at| !line[..*at].ends_with(':'));
        let line = &line[..comment.unwrap_or(line.len())];
        let (before, rest) = line.split_once("pub(in ").unwrap_or((line, ""));
        code.push_str(before);
        if let Some((_, rest)) = rest.split_once(')') {
            code.push_str("pub");
            code.push_str(rest);
        }
        code.push('\n');
    }
    code
}

/// The paths of a tree of `use`, with what each is called.
fn paths(tree: &str, before: &Name, found: &mut Vec<(Name, String)>) {
    let (mut depth, mut begin) = (0, 0);
    let mut parts = Vec::new();
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[begin..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        if let Some((head, rest)) = part.split_once('{') {
            let before = [before.clone(), segments(head)].concat();
            paths(rest.strip_suffix('}').expect("braces are closed"), &before, found);
            continue;
        }
        let (path, name) = part.split_once(" as ").unwrap_or((part, ""));
        let mut path = [before.clone(), segments(path)].concat();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self" || last == "*") {
            path.pop();
        }
        let last = path.last().cloned().unwrap_or_default();
        found.push((path, if name.is_empty() { last } else { name.trim().to_owned() }));
    }
}

fn module(file: &Path, text: &str) -> Module {
    let (mut uses, mut children, mut code) = (Vec::new(), Vec::new(), String::new());
    let all = production(text);
    let mut statement = String::new();
    for line in all.lines() {
        let plain = line.trim_start();
        let plain = plain.strip_prefix("pub(super) ").unwrap_or(plain);
        let plain = plain.strip_prefix("pub(crate) ").unwrap_or(plain);
        let plain = plain.strip_prefix("pub ").unwrap_or(plain);
        let begins = statement.is_empty() && (plain.starts_with("use ") || plain == "use");
        if let Some(name) = plain.strip_prefix("mod ").and_then(|it| it.strip_suffix(';')) {
            children.push(name.to_owned());
        } else if begins || !statement.is_empty() {
            statement.push_str(line);
            if line.trim_end().ends_with(';') {
                let is_public = statement.trim_start().starts_with("pub");
                let tree = statement.split_once("use ").map_or("", |(_, tree)| tree);
                let mut found = Vec::new();
                paths(tree.trim_end().trim_end_matches(';'), &Name::new(), &mut found);
                uses.extend(found.into_iter().map(|(path, name)| Use { path, name, is_public }));
                statement.clear();
            }
        } else {
            code.push_str(line);
            code.push('\n');
        }
    }
    Module { file: file.to_owned(), uses, children, code }
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether a word occurs in code.
fn occurs(word: &str, code: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        !before.ends_with(is_of_name) && !after.starts_with(is_of_name)
    })
}

/// The paths in code that begin with one of these names.
fn in_place(code: &str, first: &str) -> Vec<Name> {
    let begins = format!("{first}::");
    let found = code.match_indices(&begins).filter(|(at, _)| {
        let before = &code[..*at];
        !before.ends_with(is_of_name) && !before.ends_with("::")
    });
    let path = |(at, _): (usize, &str)| {
        let end = code[at..].find(|letter| !is_of_name(letter) && letter != ':');
        segments(&code[at..end.map_or(code.len(), |end| at + end)])
    };
    found.map(path).collect()
}

impl Crate {
    fn of(root: &Path, sources: &[(PathBuf, String)]) -> Self {
        let modules =
            sources.iter().map(|(file, text)| (module_of(file, root), module(file, text)));
        Self(modules.collect())
    }

    /// A path from the crate on; `None`: it leads to another crate.
    fn absolute(&self, from: &Name, path: &Name) -> Option<Name> {
        let first = path.first()?;
        let mut base = from.clone();
        let rest = match first.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => &path[1..],
            "super" => {
                let ups = path.iter().take_while(|it| *it == "super").count();
                base.truncate(from.len().checked_sub(ups)?);
                &path[ups..]
            }
            child => {
                let is_child = self.0.get(from)?.children.iter().any(|it| it == child);
                return is_child.then(|| [from.clone(), path.clone()].concat());
            }
        };
        Some([base, rest.to_vec()].concat())
    }

    /// The module that declares what a path names.
    fn declares(&self, path: &Name) -> Option<Name> {
        let mut path = path.clone();
        // A name is passed on a few times at most.
        for _ in 0..8 {
            let end = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end]))?;
            let (module, rest) = path.split_at(end);
            let Some((name, below)) = rest.split_first() else { return Some(path) };
            let uses = &self.0[module].uses;
            let passed_on = uses.iter().find(|it| it.name == *name);
            let next = passed_on.and_then(|it| self.absolute(&module.to_vec(), &it.path));
            match next {
                Some(next) if next != path => path = [next, below.to_vec()].concat(),
                Some(_) | None => return Some(module.to_vec()),
            }
        }
        None
    }

    /// The modules that a module imports, each with a name by which it does.
    fn imports(&self, from: &Name) -> BTreeMap<Name, String> {
        let module = &self.0[from];
        let mut found = BTreeMap::new();
        let mut note = |path: &Name| {
            let target = self.absolute(from, path).and_then(|path| self.declares(&path));
            if let Some(target) = target.filter(|target| target != from) {
                found.entry(target).or_insert_with(|| path.join("::"));
            }
        };
        for it in &module.uses {
            if !it.is_public || occurs(&it.name, &module.code) {
                note(&it.path);
            }
        }
        let words = ["crate", "super", "self"].into_iter();
        for first in words.chain(module.children.iter().map(String::as_str)) {
            in_place(&module.code, first).iter().for_each(&mut note);
        }
        found
    }

    /// What imports what, of files that can be reached from themselves; files that reach each other
    /// stand together.
    fn cycles(&self) -> Vec<BTreeMap<PathBuf, Vec<String>>> {
        let imports: BTreeMap<&Name, _> = self.0.keys().map(|it| (it, self.imports(it))).collect();
        let reached = |from: &Name| {
            let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                next.extend(
                    imports[&module].keys().filter(|it| reached.insert((*it).clone())).cloned(),
                );
            }
            reached
        };
        let reached: BTreeMap<&Name, _> = self.0.keys().map(|it| (it, reached(it))).collect();
        let mut cycles: BTreeMap<BTreeSet<&Name>, BTreeMap<PathBuf, Vec<String>>> = BTreeMap::new();
        for (module, all) in reached.iter().filter(|(module, all)| all.contains(**module)) {
            let others = all.iter().filter(|other| reached[other].contains(*module));
            let together: BTreeSet<&Name> = others.collect();
            let ways = imports[module].iter().filter(|(target, _)| together.contains(target));
            let ways = ways.map(|(target, by)| format!("{} ({by})", self.file(target).display()));
            let ways = ways.collect();
            cycles.entry(together).or_default().insert(self.file(module).to_owned(), ways);
        }
        cycles.into_values().collect()
    }

    fn file(&self, module: &Name) -> &Path {
        &self.0[module].file
    }
}

fn product(folder: &str) -> Crate {
    let sources = below(folder).into_iter();
    // The program of the product is another crate, in one file.
    let program = |source: &SourceFile| source.path == Path::new("src/main.rs");
    let sources = sources.filter(|source| !source.test && !program(source));
    let sources: Vec<_> = sources.map(|source| (source.path, source.text)).collect();
    Crate::of(Path::new(folder), &sources)
}

#[test]
fn no_file_imports_a_file_that_imports_it() {
    let mut broken = Vec::new();
    for folder in ["src", "bench/src"] {
        for cycle in product(folder).cycles() {
            let lines = cycle.iter().flat_map(|(file, ways)| {
                ways.iter().map(move |way| format!("{} -> {way}", file.display()))
            });
            broken.push(lines.collect::<Vec<_>>().join("\n  "));
        }
    }
    check("files import each other", broken);
}

/// Files of a small crate, and how many cycles they have.
fn cycles_of(files: &[(&str, &str)]) -> usize {
    let file = |(file, text): &(&str, &str)| (Path::new("src").join(file), (*text).to_owned());
    let files: Vec<_> = files.iter().map(file).collect();
    Crate::of(Path::new("src"), &files).cycles().len()
}

#[test]
fn a_cycle_is_found_however_a_file_is_named() {
    let lib = ("lib.rs", "mod a;\nmod b;\nmod c;");
    let b = ("b.rs", "use crate::c;\nfn f() { c::g(); }");
    let c = ("c.rs", "use super::{a::{self, f}, b as other};");
    for a in ["use crate::b::{self};", "fn f() { super::b::g() }", "use crate::{\n    b::X,\n};"] {
        assert_eq!(cycles_of(&[lib, ("a.rs", a), b, c]), 1, "{a}");
    }
    for a in ["", "// use crate::b;", "#[cfg(test)]\nmod tests {\n    use crate::b;\n}"] {
        assert_eq!(cycles_of(&[lib, ("a.rs", a), ("b.rs", ""), c]), 0, "{a}");
    }
}

#[test]
fn a_front_imports_what_it_uses_and_not_what_it_passes_on() {
    let child = ("a/b.rs", "use super::Own;\npub struct B(Own);");
    let files = |a| [("lib.rs", "mod a;"), ("a.rs", a), child];
    assert_eq!(cycles_of(&files("mod b;\npub use b::B;\npub struct Own;")), 0);
    assert_eq!(cycles_of(&files("mod b;\npub use b::B;\npub struct Own;\nfn f() -> B {}")), 1);
    assert_eq!(cycles_of(&files("mod b;\npub struct Own;\nfn f() { b::g() }")), 1);
    // What comes through the front is the child's.
    let user = ("c.rs", "use crate::a::B;");
    let child = ("a/b.rs", "use crate::c::X;");
    let lib = ("lib.rs", "mod a;\nmod c;");
    assert_eq!(cycles_of(&[lib, ("a.rs", "mod b;\npub use b::B;"), child, user]), 1);
}
