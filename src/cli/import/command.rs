//! The command around an import: which file, what is shown meanwhile, how it ends.

use std::{
    collections::BTreeSet,
    io::{self, Seek as _, Write as _},
    path::PathBuf,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Options, Reading, Report, Summary, check, check_again, import, import_again, import_checked,
};
use crate::cli::{
    exit::{Exit, Failure},
    input,
    lines::RowError,
    server_args::ServerArgs,
    settled::settled,
};

/// The arguments of `import`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// JSON Lines or a table to import, recognised by how it begins; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check the whole file first, and add nothing if anything in it is wrong.
    ///
    /// An error that only the server can find, because it depends on the record, ends the import at
    /// that line. Input that cannot be read twice (standard input, a pipe) is kept in a temporary
    /// file.
    #[arg(long)]
    atomic: bool,
    /// Record anew what was imported before and is retracted or replaced since.
    ///
    /// What the file itself retracts or corrects stays so. Importing again with this flag adds
    /// nothing twice. Input that cannot be read twice is kept in a temporary file.
    #[arg(long)]
    again: bool,
    /// Only check and report; needs no server, except with --again, which depends on the record
    #[arg(long, conflicts_with = "atomic")]
    dry_run: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    server: ServerArgs,
}

/// Imports a file.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let name = input::name(&args.file);
    let mut report = Terminal::new(&name);
    let done = imported(&args, &mut report).await;
    let summary = done.map_err(|failure| failure.during(&name))?;
    if !args.dry_run {
        settled(&args.server.connect().await?).await;
    }
    report.finish();
    let words = match summary.refused {
        _ if args.dry_run && args.again => summary.checked_again(),
        _ if args.dry_run => summary.checked(),
        1.. if args.atomic => format!("{summary}; with --atomic, nothing is added then"),
        _ => summary.to_string(),
    };
    writeln!(io::stdout(), "{name}: {words}")?;
    // A dry run has reported what --again would record anew, and that is no failure.
    Ok(if args.dry_run { Summary { undone: 0, ..summary }.exit() } else { summary.exit() })
}

async fn imported(args: &Args, report: &mut Terminal) -> Result<Summary, Failure> {
    let reading = args.reading.clone();
    if args.again && args.dry_run {
        let input = input::open(&args.file)?;
        return check_again(&args.server.connect().await?, input, reading, report).await;
    }
    if args.again {
        let mut input = input::open_to_read_twice(&args.file)?;
        if args.atomic {
            let checked = check(&mut input, &reading, report)?;
            if checked.refused > 0 {
                return Ok(checked);
            }
            input.rewind()?;
        }
        let options = Options { reading, stop_at_refusal: args.atomic, dry_run: false };
        return import_again(&args.server.connect().await?, input, options, report).await;
    }
    if args.atomic {
        let input = input::open_to_read_twice(&args.file)?;
        return import_checked(&args.server.connect().await?, input, reading, report).await;
    }
    let input = input::open(&args.file)?;
    if args.dry_run {
        return check(input, &reading, report);
    }
    let options = Options { reading, ..Options::default() };
    import(&args.server.connect().await?, input, options, report).await
}

/// Reports on standard error; the bar shows only on a terminal.
#[derive(Debug)]
pub struct Terminal {
    name: String,
    bar: ProgressBar,
    /// What was noted: an input that is read twice notes it twice.
    noted: BTreeSet<String>,
}

impl Terminal {
    /// Reports about the input with this name.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { name: name.to_owned(), bar, noted: BTreeSet::new() }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Report for Terminal {
    fn refused(&mut self, row: &RowError) {
        self.bar.suspend(|| {
            // If even standard error is closed, the exit code still says it.
            let _ = writeln!(io::stderr(), "{}:{row}", self.name);
        });
    }

    fn undone(&mut self, row: &RowError) {
        self.refused(row);
    }

    fn noted(&mut self, note: &str) {
        if self.noted.insert(note.to_owned()) {
            self.bar.suspend(|| {
                let _ = writeln!(io::stderr(), "{}: note: {note}", self.name);
            });
        }
    }

    fn advanced(&mut self, summary: &Summary) {
        self.bar.set_message(summary.to_string());
    }
}
