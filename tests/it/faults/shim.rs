//! The shim (`tests/shim/shim.c`) and a place in which every step of a server goes through it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// A folder of its own: the server's data below a folder that is watched, and outside of it the
/// record of every step that changed something there.
#[derive(Debug)]
pub(super) struct World {
    dir: tempfile::TempDir,
    root: PathBuf,
}

impl World {
    /// A place where nothing is yet.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = fs::canonicalize(dir.path()).expect("it is there").join("disk");
        fs::create_dir(&root).expect("a folder can be made");
        Self { dir, root }
    }

    /// The folder that is watched.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The data directory of the server.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The record of the steps.
    pub(super) fn steps(&self) -> PathBuf {
        self.dir.path().join("steps")
    }

    /// How long the record is by now: what is in it has happened.
    pub(super) fn now(&self) -> u64 {
        fs::metadata(self.steps()).map_or(0, |file| file.len())
    }

    /// Puts the shim between the command and its files.
    pub(super) fn watch(&self, command: &mut Command, fault: Option<&Fault>) {
        command.env("LD_PRELOAD", library());
        command.env("SHIM_DIR", &self.root).env("SHIM_LOG", self.steps());
        if let Some(fault) = fault {
            command.env("SHIM_FAULT", fault.to_string());
        }
    }
}

/// What goes wrong, once or from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// As the shim knows it.
    pub(super) action: &'static str,
    /// The calls that it strikes, divided by `|`.
    pub(super) calls: String,
    /// A pattern for the path, relative to the watched folder.
    pub(super) place: String,
    /// Which of these calls, from 1.
    pub(super) nth: usize,
    /// What the operating system says.
    pub(super) errno: Errno,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, calls, place, nth, errno } = self;
        write!(f, "{action} {calls} {place} {nth} {}", *errno as i32)
    }
}

/// The errors of the operating system that are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errno {
    /// The device failed.
    Io = 5,
    /// The device is full.
    NoSpace = 28,
    /// The file system is mounted for reading only.
    ReadOnly = 30,
}

impl Errno {
    /// Whether a message names the error, as the standard library or as sled does.
    pub(super) fn is_named_in(self, text: &str) -> bool {
        let number = self as i32;
        text.contains(&format!("(os error {number})")) || text.contains(&format!("code: {number},"))
    }
}

/// The built shim; it is made once in a run of the tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Under a name of its own first: another run may be using the one that is there.
        let made = tempfile::NamedTempFile::new_in(dir).expect("a temporary file").into_temp_path();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let built = Command::new(&compiler)
            .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
            .arg(&made)
            .args(["tests/shim/shim.c", "-ldl", "-lpthread"])
            .status()
            .unwrap_or_else(|error| panic!("a C compiler is needed, {compiler}: {error}"));
        assert!(built.success(), "tests/shim/shim.c does not compile");
        let library = dir.join("shim.so");
        made.persist(&library).expect("it can be renamed");
        library
    })
}
