//! No build but a debug build has planted faults: compiled as a release build compiles it, the
//! macro is `false`, and neither the variable nor a name is in the program.

use std::{fs, path::Path, process::Command};

/// A program that says whether a fault is planted.
const PROGRAM: &str = "fn main() { println!(\"{}\", planted!(\"no-sync\")); }";

/// Compiles the program with these options and runs it with the fault planted; what it says, and
/// whether the names are in it.
fn compiled(options: &[&str]) -> (String, bool) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (source, program) = (dir.path().join("program.rs"), dir.path().join("program"));
    let planted = Path::new("src/planted.rs").canonicalize().expect("the source");
    let text =
        format!("#[macro_use]\n#[path = \"{}\"]\nmod planted;\n{PROGRAM}\n", planted.display());
    fs::write(&source, text).expect("it can be written");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "--check-cfg", "cfg(plantable)"]);
    rustc.args(options).arg(&source).arg("-o").arg(&program);
    let compiled = rustc.output().expect("rustc can be run");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(&program).env("PLANTED_FAULT", "no-sync").output();
    let said = String::from_utf8(ran.expect("it can be run").stdout).expect("a word");
    let bytes = fs::read(&program).expect("the program");
    let named = |name: &str| memchr::memmem::find(&bytes, name.as_bytes()).is_some();
    (said.trim().to_owned(), named("no-sync") || named("PLANTED_FAULT"))
}

#[test]
fn a_build_that_is_no_debug_build_has_no_planted_fault() {
    let both = ["--cfg", "plantable", "-C", "debug-assertions"];
    assert_eq!(compiled(&both), ("true".to_owned(), true), "a debug build can be broken");
    let without = [&["--cfg", "plantable"][..], &["-C", "debug-assertions"], &[]];
    for options in without {
        assert_eq!(compiled(options), ("false".to_owned(), false), "with {options:?}");
    }
}
