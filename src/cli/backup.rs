//! `handover backup`: copies the record of a server, or of a stopped data directory, to a folder.

mod fetching;
mod remote;
mod shown;

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use self::remote::RemoteSource;
pub(super) use self::shown::{Bar, Shown};
use crate::{
    cli::{
        exit::{Exit, Failure},
        receipt::Form,
        server_args::ServerArgs,
    },
    grpc::client::ClientError,
    log::{
        LogError,
        backup::{
            BackupError, Summary, run::run as back_up, source::Source, stopped::StoppedStore,
            target::DirectoryTarget,
        },
        files::{Files, RealFiles},
    },
};

/// The arguments of `backup`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder for backups of one store; it is made if there is none. What an earlier backup has
    /// copied there is not copied again
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Read this data directory instead of a server's record. No server may work on it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep only so many backups, the newest, and remove what the others alone need
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
    #[command(flatten)]
    /// How to print what was done; by default words on a terminal and jsonl elsewhere
    #[arg(long)]
    output: Option<Form>,
    server: ServerArgs,
}

/// The niceness of a backup; 0 is usual, 19 the most.
const NICENESS: i32 = 10;

/// Leaves the processor to a server on the same machine. To be called before there are threads,
/// which take it over.
pub fn give_way() {
    // Where that is not allowed, the work is done all the same.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Makes a backup.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let Args { to, data, keep, output, server } = args;
    let mut bar = Bar::new("backup");
    let source: Box<dyn Source> = if let Some(dir) = data {
        let files: Arc<dyn Files> = Arc::new(RealFiles);
        let opened = StoppedStore::open(&files, &dir);
        (answer.output(), Box::new(opened.map_err(stopped)?))
    } else {
        Box::new(RemoteSource::new(server.connect().await?, bar.clone()))
    };
    let shown = to.display().to_string();
    let summary = blocking(move || -> Result<Summary, BackupError> {
        let target = DirectoryTarget::new(&to);
        let mut bar = Bar::new("backup");
        let done = back_up(source.as_ref(), &target, keep, &mut |done, all| bar.show(done, all));
        bar.finish();
        done
    })
    .await?;
    Shown::of_backup(&shown, &summary).print(output)
}

/// Runs what blocks, to its end.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    Ok(done?)
/// Why a server gives no more of its record.
fn of_server(error: &ClientError) -> Failure {
    let mut failure = Failure::from(error.clone());
    if failure.exit == Exit::Unavailable {
        failure.message += "; run the same backup again then: what was copied whole is kept";
    }
    failure
}

}

/// Why a data directory cannot be read.
fn stopped(error: BackupError) -> Failure {
    if let BackupError::Log(LogError::Locked { path, holder }) = &error {
        return Failure::usage(format!(
            "{} is in use by process {holder}; make a backup of a running server with --server",
            path.display()
        ));
    }
    if let BackupError::Log(LogError::NotAStore { path, what }) = &error {
        return Failure::usage(format!(
            "{} is no data directory: {what}; name the one that `serve --data` has",
            path.display()
        ));
    }
    error.into()
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = match &error {
            BackupError::Remote(remote) => {
                if let Some(client) = remote.downcast_ref::<ClientError>() {
                    return of_server(client);
                }
                Exit::Failed
            }
            BackupError::Log(log) if log.damage().is_some() => Exit::Damaged,
            BackupError::Piece { .. } => Exit::Damaged,
            BackupError::Unfit { .. }
            | BackupError::Occupied { .. }
            | BackupError::Beyond { .. } => Exit::Usage,
            BackupError::NoBackup { .. } => Exit::NotFound,
            BackupError::AnotherStore { .. } => Exit::AnotherStore,
            BackupError::Busy { .. } | BackupError::Released { .. } | BackupError::Stopping => {
                Exit::Unavailable
            }
            BackupError::Target { .. }
            | BackupError::Full { .. }
            | BackupError::NewerFormat { .. }
            | BackupError::OtherHistory { .. }
            | BackupError::Log(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}
