//! `handover backup`: copies the record of a server, or of a stopped data directory, to a folder
//! or an object store.

mod fetching;
mod remote;
mod shown;

use std::{io, num::NonZeroUsize, path::PathBuf, sync::Arc};

use self::remote::RemoteSource;
pub(super) use self::shown::{Bar, Shown, unwritten};
use crate::{
    cli::{
        exit::{Exit, Failure},
        place,
        private::keep_private,
        receipt::Form,
        server_args::ServerArgs,
    },
    grpc::client::ClientError,
    log::{
        LogError,
        backup::{
            BackupError, Summary, run::run as back_up, source::Source, stopped::StoppedStore,
        },
        files::{Files, RealFiles},
    },
};

/// The arguments of `backup`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder for backups of one store; it is made if there is none. What an earlier backup has
    /// copied there is not copied again. With the feature object-store also an address:
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Read this data directory instead of a server's record. No server may work on it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep only so many backups, the newest, and remove what the others alone need
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
    /// How to print what was done; by default words on a terminal and jsonl elsewhere
    #[arg(long)]
    output: Option<Form>,
    #[command(flatten)]
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
    keep_private();
    let Args { to, data, keep, output, server } = args;
    let target = place::open(&to)?;
    let mut bar = Bar::new("backup");
    let source: Box<dyn Source> = if let Some(dir) = data {
        let files: Arc<dyn Files> = Arc::new(RealFiles);
        Box::new(StoppedStore::open(&files, &dir).map_err(stopped)?)
    } else {
        Box::new(RemoteSource::new(server.connect().await?, bar.clone()))
    };
    let shown = to.display().to_string();
    let summary = blocking(move || -> Result<Summary, BackupError> {
        let done = back_up(source.as_ref(), &*target, keep, &mut |done, all| bar.show(done, all));
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
}

/// Why a server gives no more of its record.
fn of_server(error: &ClientError) -> Failure {
    let mut failure = Failure::from(error.clone());
    if failure.exit == Exit::Unavailable {
        failure.message += "; run the same backup again then: what was copied whole is kept";
    }
    failure
}

/// Why a data directory cannot be read.
fn stopped(error: BackupError) -> Failure {
    if let BackupError::Log(LogError::Locked { path, holder }) = &error {
        let problem = format!(
            "{} is in use by process {holder}, a server or another command; make a backup of a \
             running server with --server, or run this again when the process has ended",
            path.display()
        );
        return Failure::new(Exit::Unavailable, problem);
    }
    if let BackupError::Log(log) = &error
        && let Some((path, source)) = log.refused()
        && source.kind() == io::ErrorKind::ReadOnlyFilesystem
    {
        let problem = format!(
            "{}: {source}; a backup first makes durable what a crash may have left in the \
             journal, so copy the data directory to a disk that can be written (`cp -a`), and \
             name the copy by --data",
            path.display()
        );
        return Failure::new(Exit::Failed, problem);
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
            BackupError::Log(LogError::Locked { .. }) => Exit::Unavailable,
            BackupError::Log(log) if log.damage().is_some() => Exit::Damaged,
            BackupError::Piece { .. } | BackupError::Altered { .. } => Exit::Damaged,
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
            | BackupError::NoRoom { .. }
            | BackupError::TooManyRestores { .. }
            | BackupError::NewerFormat { .. }
            | BackupError::OtherHistory { .. }
            | BackupError::Log(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::client::ClientErrorKind;

    #[test]
    fn a_server_that_does_not_answer_is_named_with_what_to_do() {
        for kind in [ClientErrorKind::Unavailable, ClientErrorKind::Deadline] {
            let error = ClientError::local(kind, "the server at http://a:1 is away".to_owned());
            let failure = Failure::from(BackupError::Remote(Arc::new(error)));
            assert_eq!(failure.exit, Exit::Unavailable);
            assert!(failure.message.contains("http://a:1"), "{failure}");
            assert!(failure.message.contains("run the same backup again"), "{failure}");
        }
    }
}
