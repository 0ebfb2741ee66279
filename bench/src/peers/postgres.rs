//! PostgreSQL as the system has it: it cannot be installed into a folder of the bench's own.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use handover::cli::exit::{Exit, Failure};
use rustix::process::geteuid;

use super::child::Program;

/// Where Debian puts it, version by version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of PostgreSQL, and the user that may run them.
#[derive(Clone, Debug)]
pub(super) struct Postgres {
    bin: PathBuf,
    /// Absent: the user of this process.
    pub(super) user: Option<(u32, u32)>,
}

impl Postgres {
    /// Looks for the newest one.
    pub(super) fn find() -> Result<Self, Failure> {
        let bin = bins().into_iter().find(|bin| bin.join("initdb").exists());
        let bin = bin.ok_or_else(|| {
            let problem = "PostgreSQL is not there; install Debian's packages postgresql and \
                           postgresql-client, or leave message-db out of --peers";
            Failure::new(Exit::Failed, problem)
        })?;
        Ok(Self { bin, user: user()? })
    }

    pub(super) fn program(&self, name: &str) -> Program {
        Program::new(self.bin.join(name)).user(self.user)
    }

    /// A script that finds its programs.
    pub(super) fn script(&self, script: &Path) -> Program {
        let mut path = self.bin.clone().into_os_string();
        if let Some(folders) = env::var_os("PATH") {
            path.push(":");
            path.push(folders);
        }
        Program::new("bash").with([script]).user(self.user).environment("PATH", path)
    }

    /// Its version, as in `15`.
    pub(super) fn version(&self) -> String {
        let folder = self.bin.parent().and_then(Path::file_name);
        folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Folders that may have PostgreSQL: of Debian the newest first, then those of the search path.
fn bins() -> Vec<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let mut bins: Vec<PathBuf> = versions.into_iter().map(|(_, path)| path.join("bin")).collect();
    bins.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    bins
}

/// PostgreSQL refuses to run as root; then it runs as the user that Debian makes for it.
fn user() -> Result<Option<(u32, u32)>, Failure> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let numbers = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    let missing = || {
        let problem = "PostgreSQL does not run as root, and there is no user postgres; leave \
                       message-db out of --peers, or run the bench as another user";
        Failure::new(Exit::Failed, problem)
    };
    numbers.ok_or_else(missing).map(Some)
}
