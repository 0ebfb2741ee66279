//! Writes the manual pages of `handover` into a folder, one for each command, from its command
//! line: `cargo run -p handover-man -- FOLDER`.
//!
//! The pages have no date, so the same sources give the same bytes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use handover::cli::{Cli, exit};

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("the folder for the pages is missing"))?;
    write_all(&folder)
}

/// Writes the page of each command.
fn write_all(folder: &Path) -> io::Result<()> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    write(&program, folder)
}

fn write(command: &Command, folder: &Path) -> io::Result<()> {
    // Usage has the words with spaces, as they are typed; the name of a page has hyphens.
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    fs::write(folder.join(format!("{name}.1")), page(command, &name)?)?;
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.into_iter().try_for_each(|below| write(below, folder))
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone().name(name.to_owned()).after_help(None::<&str>));
    let mut sections = Vec::new();
    man.render_name_section(&mut sections)?;
    man.render_synopsis_section(&mut sections)?;
    man.render_description_section(&mut sections)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut sections)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut sections)?;
    }
    exit_codes().to_writer(&mut sections)?;
    let sections = String::from_utf8(sections).map_err(io::Error::other)?;
    Ok((title(name) + &without_idle_breaks(&sections)).into_bytes())
}

/// The first line. The date is empty: `clap_mangen` leaves an empty one out, and what follows
/// would take its place.
fn title(name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {} 1 \"\" \"handover {version}\" \"handover manual\"\n", name.to_uppercase())
}

/// The page without breaks of a line beside an empty line, which readers complain about.
fn without_idle_breaks(page: &str) -> String {
    let lines: Vec<&str> = page.lines().collect();
    let near = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| lines.get(at));
        [before, lines.get(at + 1)].into_iter().flatten().any(|line| line.is_empty())
    };
    let kept = lines.iter().enumerate().filter(|(at, line)| **line != ".br" || !near(*at));
    kept.flat_map(|(_, line)| [*line, "\n"]).collect()
}

/// The exit codes of the help, each with its meaning.
fn exit_codes() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    for line in exit::HELP.lines().skip(1) {
        let Some((code, meaning)) = line.trim_start().split_once(' ') else { continue };
        section.control("TP", []).text([bold(code)]).text([roman(meaning.trim_start())]);
    }
    section
}

#[cfg(test)]
mod tests {
    use std::process::{Command as Process, Stdio};

    use super::*;

    /// Every page, by name.
    fn pages() -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path()).unwrap();
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut pages: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        pages.sort();
        (folder, pages)
    }

    /// What a program complains about in the pages; `None`: the program is not on this machine.
    fn complaints(program: &str, arguments: &[&str], pages: &[PathBuf]) -> Option<String> {
        let mut command = Process::new(program);
        command.args(arguments).args(pages).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        let ran = command.output().ok()?;
        let said = [ran.stdout, ran.stderr].concat();
        Some(String::from_utf8_lossy(&said).into_owned())
    }

    #[test]
    fn each_command_has_a_page_with_its_flags_and_exit_codes() {
        let (folder, pages) = pages();
        assert!(pages.len() > 20, "{pages:?}");
        for (name, expected) in [
            ("handover", "handover\\-serve(1)"),
            ("handover-serve", "HANDOVER_HEARTBEAT_SECONDS"),
            ("handover-config-show", "handover config show\\fR"),
            ("handover-claims-correct", "\\-\\-payload"),
        ] {
            let page = fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
            assert!(page.contains(expected), "{page}");
            assert!(page.contains("EXIT STATUS"), "{page}");
        }
    }

    #[test]
    fn the_same_command_line_gives_the_same_bytes() {
        let read = |pages: Vec<PathBuf>| -> Vec<Vec<u8>> {
            pages.into_iter().map(|page| fs::read(page).unwrap()).collect()
        };
        let ((_one, first), (_two, second)) = (pages(), pages());
        assert_eq!(read(first), read(second));
    }

    #[test]
    fn the_pages_are_well_formed() {
        let (_folder, pages) = pages();
        let arguments = ["-Tlint", "-Wwarning"];
        match complaints("mandoc", &arguments, &pages) {
            // A date would differ from build to build.
            Some(said) => {
                let other = said.lines().filter(|line| !line.contains("missing date"));
                assert_eq!(other.collect::<Vec<_>>(), Vec::<&str>::new());
            }
            None => println!("skipped: mandoc is not here"),
        }
        let arguments = ["-man", "-ww", "-z", "-Tutf8"];
        match complaints("groff", &arguments, &pages) {
            Some(said) => assert_eq!(said, ""),
            None => println!("skipped: groff is not here"),
        }
    }
}
