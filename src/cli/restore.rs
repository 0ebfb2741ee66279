//! `handover restore`: makes a data directory of a backup.

use std::{path::PathBuf, sync::Arc};

use crate::{
    cli::{
        backup::{Bar, Shown, blocking},
        exit::{Exit, Failure},
        moment::{self, NamedMoment},
        place,
        private::keep_private,
        receipt::Form,
    },
    domain::recorded::micros,
    log::{
        backup::restore::{At, Request, restore},
        files::{Files, RealFiles},
    },
};

/// The arguments of `restore`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder, or address of an object store, that `handover backup --to` has filled
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Data directory to make. It must not exist, be empty, or be where the same restore was
    /// interrupted
    #[arg(long, value_name = "NEW")]
    data: PathBuf,
    /// Restore only up to this position (42, or position:2024 where the number reads as a year or
    /// a day), time (2024-08-02T12:00:00Z) or date (2024-08-02, which means its end in UTC). An
    /// append is never cut: the record ends with the last whole one up to there
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = moment::read)]
    at: Option<NamedMoment>,
    /// Name of the backup [default: the newest]
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// How to print what was done; by default words on a terminal and jsonl elsewhere
    #[arg(long)]
    output: Option<Form>,
}

/// Restores a backup.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    keep_private();
    let Args { from, data, at, backup, output } = args;
    let at = at.map(|at| match at {
        NamedMoment::Position(position) => At::Position(position),
        NamedMoment::Time(time) | NamedMoment::Lasting(time) => At::Time(micros(&time)),
    });
    let request = Request { backup, at, journal_file_bytes: None };
    let shown = data.display().to_string();
    let restored = blocking(move || {
        let files: Arc<dyn Files> = Arc::new(RealFiles);
        let target = place::open(&from)?;
        let mut bar = Bar::new("restore");
        let done = restore(&files, &*target, &data, &request, &mut |done, all| bar.show(done, all));
        bar.finish();
        done
    })
    .await?;
    Shown::of_restore(&shown, &restored).print(output)
}
