//! What a backup and a restore print: a line for people, an object for programs, a bar meanwhile.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    cli::{
        exit::{Exit, Failure},
        receipt::Form,
    },
    domain::{event::Micros, limits, recorded::timestamp},
    log::backup::{Summary, Total, restore::Restored},
};

/// A warning is given when no more restores than these are left.
const FEW: usize = 16;

/// The progress on standard error; it shows only on a terminal.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Bar(ProgressBar);

impl Bar {
    pub(in crate::cli) fn new(name: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let template = "{msg} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Self(bar)
    }

    pub(in crate::cli) fn show(&mut self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    /// Writes a line above it.
    pub(in crate::cli) fn note(&self, text: &str) {
        self.0.suspend(|| {
            // If standard error is closed, the work goes on all the same.
            let _ = writeln!(io::stderr(), "note: {text}");
        });
    }

    pub(in crate::cli) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// What is printed.
#[derive(Debug)]
pub(in crate::cli) struct Shown {
    line: String,
    object: Value,
    /// What has to be done soon, for standard error.
    warning: Option<String>,
}

impl Shown {
    pub(super) fn of_backup(target: &str, summary: &Summary) -> Self {
        let Summary { name, position, recorded_at, copied, kept, removed, restores } = summary;
        let at = recorded_at.map(|at| format!(", recorded {}", moment(at))).unwrap_or_default();
        let mut line = format!(
            "{name} in {target}: up to position {position}{at}; copied {}, had {}",
            total(*copied),
            total(*kept),
        );
        if removed.backups + removed.pieces > 0 {
            let (backups, pieces) = (removed.backups, removed.pieces);
            let more = "older backups and";
            let _ = write!(line, "; removed {backups} {more} {pieces} pieces that no backup needs");
        }
        let object = json!({
            "backup": name,
            "position": position.to_string(),
            "recordedAt": recorded_at.map(moment),
            "copiedPieces": copied.pieces,
            "copiedBytes": copied.bytes.to_string(),
            "keptPieces": kept.pieces,
            "keptBytes": kept.bytes.to_string(),
            "removedBackups": removed.backups,
            "removedPieces": removed.pieces,
        });
        Self { line, object, warning: warning(*restores) }
    }

    pub(in crate::cli) fn of_restore(dir: &str, restored: &Restored) -> Self {
        let Restored { backup, position, backup_position, store, history, kept } = restored;
        let branch = history.newest().map(|branch| branch.id.to_string()).unwrap_or_default();
        let mut line = format!(
            "{backup} is restored in {dir} up to position {position}; history {branch} begins \
             after it"
        );
        if position < backup_position {
            let _ = write!(line, "; the backup goes on to {backup_position}");
        }
        if *kept > 0 {
            let _ = write!(line, "; {kept} files of an interrupted restore were right and stayed");
        }
        let object = json!({
            "backup": backup,
            "position": position.to_string(),
            "backupPosition": backup_position.to_string(),
            "store": store,
            "history": branch,
            "keptFiles": kept,
        });
        Self { line, object, warning: warning(history.branches().len()) }
    }

    pub(in crate::cli) fn print(&self, form: Option<Form>) -> Result<Exit, Failure> {
        let text = match Form::chosen(form, Form::Jsonl) {
            Form::Table => self.line.clone(),
            Form::Json => format!("{:#}", self.object),
            Form::Jsonl => self.object.to_string(),
        };
        if let Some(warning) = &self.warning {
            // If standard error is closed, what was done is printed all the same.
            let _ = writeln!(io::stderr(), "warning: {warning}");
        }
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        written.map_err(|error| unwritten(Exit::Failed, &self.line, &error))?;
        Ok(Exit::Done)
    }
}

/// The failure of a command that has done its work and could not say so on standard output. A pipe
/// that was closed is no quiet end here: what was done would stand nowhere.
pub(in crate::cli) fn unwritten(exit: Exit, done: &str, error: &io::Error) -> Failure {
    let done = done.trim_end();
    Failure::new(exit, format!("{done}; this could not be written to standard output: {error}"))
}

/// What is to be said of a record that was restored so often; absent: nothing yet.
fn warning(restores: usize) -> Option<String> {
    let left = limits::RESTORES_PER_STORE.saturating_sub(restores);
    let ahead = match left {
        0 => "no backup of it can be restored any more".to_owned(),
        1..=FEW => format!("{left} more are possible, one of another"),
        _ => return None,
    };
    Some(format!(
        "this record was restored {restores} times, and {ahead}: `handover export` it from its \
         server and `handover import` it into a new store"
    ))
}

fn total(total: Total) -> String {
    let plural = if total.pieces == 1 { "" } else { "s" };
    format!("{} in {} piece{plural}", bytes(total.bytes), total.pieces)
}

/// Bytes in the unit that gives them few digits.
fn bytes(number: u64) -> String {
    indicatif::HumanBytes(number).to_string()
}

/// A time as people write it.
fn moment(micros: Micros) -> String {
    timestamp(micros).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_restored_often_is_warned_of_before_and_at_the_limit() {
        assert_eq!((warning(0), warning(239)), (None, None));
        assert!(warning(240).is_some_and(|it| it.contains("and 16 more are possible")));
        assert!(warning(255).is_some_and(|it| it.contains("255 times, and 1 more")));
        assert!(warning(256).is_some_and(|it| it.contains("no backup of it can be restored")));
    }
}
