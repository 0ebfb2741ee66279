//! `handover verify`: checks everything that a store keeps, of a stopped one by its files and of a
//! running one through its server.

mod progress;
mod shown;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt as _;

use self::{progress::Bar, shown::Subject};
use crate::{
    cli::{
        backup::unwritten,
        exit::{self, Exit, Failure},
        json, place,
        server_args::ServerArgs,
    },
    domain::proto::{VerificationProgress, VerificationReport, VerifyRequest, VerifyResponse},
    engine::{verify_backup, verify_stopped},
    log::{LogError, verification::Progress},
};

/// How often the bar moves.
const LOOK: Duration = Duration::from_millis(200);

/// The arguments of `verify`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Data directory of a store on which no server works; nothing in it is changed. Without it,
    /// the store of a running server is verified
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder, or address of an object store, that `handover backup --to` has filled: every piece
    /// of every backup in it is read
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    backup: Option<PathBuf>,
    /// Folder for copies of volumes that must be read through sled, one at a time [default: that of
    /// the system for temporary files]
    #[arg(long, value_name = "DIR", requires = "data", conflicts_with = "backup")]
    copies: Option<PathBuf>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Verifies, and prints what was found.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let report = match (&args.data, &args.backup) {
        (Some(data), _) => of_stopped(data, args.copies.as_deref()).await?,
        (None, Some(folder)) => of_backup(folder).await?,
        (None, None) => of_server(&args.server).await?,
    };
    let subject = if args.backup.is_some() { Subject::Backups } else { Subject::Record };
    let text = if args.json {
        format!("{:#}\n", json::of_message(&report)?)
    } else {
        shown::text(&report, subject)
    };
    let exit = exit_of(&report);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| {
        let exit = if exit == Exit::Done { Exit::Failed } else { exit };
        unwritten(exit, &shown::verdict(&report, subject), &error)
    })?;
    Ok(exit)
}

fn exit_of(report: &VerificationReport) -> Exit {
    match report {
        VerificationReport { damaged: 1.., .. } => Exit::Damaged,
        VerificationReport { unreadable: 1.., .. } => Exit::Failed,
        VerificationReport { wrong: 1.., .. } => Exit::Rebuildable,
        _ => Exit::Done,
    }
}

async fn of_stopped(data: &Path, copies: Option<&Path>) -> Result<VerificationReport, Failure> {
    let (copies, dir) = (tempfile_in(copies)?, data.to_owned());
    shown_while(move |progress| {
        let verified = verify_stopped(&dir, copies.path(), progress);
        // The copies are removed before the program ends.
        drop(copies);
        verified.map(Into::into).map_err(|error| refused(&error))
    })
    .await
}

async fn of_backup(folder: &Path) -> Result<VerificationReport, Failure> {
    let folder = folder.to_owned();
    shown_while(move |progress| {
        let target = place::open(&folder)?;
        let verified = verify_backup(&*target, progress);
        verified.map(Into::into).map_err(Failure::from)
    })
    .await
}

/// Runs what blocks, and shows how far it is.
async fn shown_while(
    verify: impl FnOnce(&Progress) -> Result<VerificationReport, Failure> + Send + 'static,
) -> Result<VerificationReport, Failure> {
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    let mut verifying = tokio::task::spawn_blocking(move || verify(&shared));
    let bar = Bar::new();
    loop {
        tokio::select! {
            verified = &mut verifying => {
                bar.finish();
                return verified.unwrap_or_else(|error| {
                    let message = format!("the verification panicked: {error}");
                    Err(Failure::new(Exit::Failed, message))
                });
            }
            () = tokio::time::sleep(LOOK) => {
                let (bytes, total) = progress.bytes();
                bar.show(bytes, total, progress.events());
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                progress.stop();
                // What it has begun ends within moments, and copies are removed.
                let _ = verifying.await;
                bar.finish();
                return Err(Failure::new(Exit::Failed, "interrupted; nothing was changed"));
            }
        }
    }
}

/// A folder of its own for copies, which goes when it is dropped.
fn tempfile_in(copies: Option<&Path>) -> Result<tempfile::TempDir, Failure> {
    let mut made = tempfile::Builder::new();
    let made = made.prefix("handover-verify-");
    let dir = copies.map_or_else(std::env::temp_dir, Path::to_owned);
    made.tempdir_in(&dir).map_err(|error| {
        let place = dir.display();
        Failure::new(Exit::Failed, format!("cannot make a folder for copies in {place}: {error}"))
    })
}

fn refused(error: &LogError) -> Failure {
    if let LogError::Locked { path, holder } = error {
        let problem = format!(
            "{} is in use by process {holder}, a server or another command; verify a running \
             server without --data, or run this again when the process has ended",
            path.display()
        );
        return Failure::new(Exit::Failed, problem);
    }
    if let LogError::NotAStore { path, what } = error {
        let problem = format!(
            "{} is not a data directory of handover: {what}; name the one that `serve --data` \
             has, or a folder of backups by --backup",
            path.display()
        );
        return Failure::new(Exit::Failed, problem);
    }
    let exit = if error.damage().is_some() { Exit::Damaged } else { Exit::Failed };
    Failure::new(exit, exit::with_causes(&anyhow::Error::new(error.clone())))
}

async fn of_server(server: &ServerArgs) -> Result<VerificationReport, Failure> {
    let client = server.connect().await?;
    let mut answers = client.verify(VerifyRequest {});
    let bar = Bar::new();
    let mut report = None;
    while let Some(answer) = answers.next().await {
        let VerifyResponse { progress, report: found, heartbeat: _ } = answer?;
        if let Some(VerificationProgress { bytes, total_bytes, events, findings: _ }) = progress {
            bar.show(bytes, total_bytes, events);
        }
        report = found.or(report);
    }
    bar.finish();
    let message = "the server ended the verification without a report";
    report.ok_or_else(|| Failure::new(Exit::Failed, message))
}
