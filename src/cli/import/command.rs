//! The command around an import: which file, what is shown meanwhile, how it ends.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Options, Report, Summary, check, import};
use crate::cli::{
    ServerArgs,
    exit::{Exit, Failure},
    lines::RowError,
};

/// What `import` can be asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// JSON Lines to import; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Check everything first, then add all lines at once or none.
    ///
    /// It is recognised when it is repeated as a whole, but not across imports without this flag.
    #[arg(long)]
    atomic: bool,
    /// Only check and report; needs no server
    #[arg(long, conflicts_with = "atomic")]
    dry_run: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Imports a file.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let name = args.file.display().to_string();
    let input = open(&args.file)?;
    let mut report = Terminal::new(&name);
    let summary = if args.dry_run {
        check(input, &mut report).map_err(|error| Failure::from(error).during(&name))?
    } else {
        let client = args.server.connect().await?;
        let options = Options { atomic: args.atomic };
        let done = import(&client, input, options, &mut report).await;
        done.map_err(|failure| failure.during(&name))?
    };
    report.finish();
    let would = if args.dry_run { " (only checked, nothing was sent)" } else { "" };
    writeln!(io::stdout(), "{name}: {summary}{would}")?;
    Ok(summary.exit())
}

/// Opens an input. What it holds is told by its name: other forms get readers of their own here.
fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let problem = format!("{}: CSV is not read; give JSON Lines", path.display());
        return Err(Failure::usage(problem));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let exit = if missing { Exit::NotFound } else { Exit::Failed };
            Err(Failure::new(exit, format!("cannot open {}: {error}", path.display())))
        }
    }
}

/// Reports on standard error; the bar shows only on a terminal.
#[derive(Debug)]
pub struct Terminal {
    name: String,
    bar: ProgressBar,
}

impl Terminal {
    /// Reports about the input with this name.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { name: name.to_owned(), bar }
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

    fn advanced(&mut self, summary: &Summary) {
        self.bar.set_message(summary.to_string());
    }
}
