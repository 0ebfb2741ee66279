//! Runs one test with one fault planted, in a process of its own that ends in time.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::list::Catcher;
use crate::support::Held;

/// How long one test may take with a fault planted.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the end of a test is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// The executables with the tests.
#[derive(Debug)]
pub(super) struct Binaries {
    /// The unit tests of the library.
    unit: PathBuf,
    /// This one.
    whole: PathBuf,
}

/// What became of a test.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It passed: it does not notice the fault.
    Passed,
    /// It failed, and printed this.
    Failed(String),
    /// It had not ended in time.
    Late,
}

impl Binaries {
    /// Finds both; the unit tests beside this executable, where `cargo test` leaves them.
    pub(super) fn find() -> Self {
        let whole = std::env::current_exe().expect("this executable");
        let folder = whole.parent().expect("its folder");
        let mut built: Vec<(SystemTime, PathBuf)> = std::fs::read_dir(folder)
            .expect("the folder can be listed")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_none())
            .filter(|path| name(path).starts_with("handover-"))
            .map(|path| (modified(&path), path))
            .collect();
        built.sort();
        let unit = built.into_iter().rev().map(|(_, path)| path).find(|path| has_unit_tests(path));
        let unit = unit.expect("the unit tests are built: cargo test --lib --no-run");
        let source = newest_source(Path::new("src"));
        assert!(modified(&unit) >= source, "{} is older than src", unit.display());
        Self { unit, whole }
    }

    /// Runs a test with a fault planted.
    pub(super) fn run(&self, catcher: &Catcher, fault: &str) -> Outcome {
        let program = if catcher.unit { &self.unit } else { &self.whole };
        let mut command = Command::new(program);
        command.args(["--exact", catcher.test, "--include-ignored"]);
        command.env("PLANTED_FAULT", fault).env_remove("HANDOVER_CASE").env("RUST_BACKTRACE", "0");
        // Properties fail on purpose here: no example is sought that is smaller, and none is kept.
        command
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Held::start(&mut command);
        let output = [
            collect(child.0.stdout.take().expect("a piped output")),
            collect(child.0.stderr.take().expect("a piped error output")),
        ];
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.0.try_wait().expect("it can be waited for") {
                None if Instant::now() < deadline => thread::park_timeout(LOOK),
                status => break status,
            }
        };
        // Ends what is late, so that its outputs end.
        drop(child);
        let output = output.map(|it| it.join().expect("an output was read")).concat();
        match status {
            None => Outcome::Late,
            Some(status) if status.success() => {
                assert!(output.contains("1 passed"), "there is no test {}: {output}", catcher.test);
                Outcome::Passed
            }
            Some(_) => Outcome::Failed(output),
        }
    }
}

fn collect(mut output: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).expect("an output can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().and_then(|it| it.modified()).expect("a file has a time")
}

/// The program itself has the same name and lists no tests.
fn has_unit_tests(path: &Path) -> bool {
    let listed = Command::new(path).arg("--list").stdin(Stdio::null()).output();
    listed.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains("log::file_journal::"))
}

fn newest_source(dir: &Path) -> SystemTime {
    let entries = std::fs::read_dir(dir).expect("sources can be listed");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let newest =
        paths.map(|path| if path.is_dir() { newest_source(&path) } else { modified(&path) });
    newest.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
