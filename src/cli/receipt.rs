//! How what a command has done is printed. It has no tables, so their forms are refused by the
//! command line, before anything is done.

use std::io::{self, IsTerminal as _, Write as _};

use prost::{Message, Name};

use crate::cli::{exit::Failure, json};

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// In words
    Table,
    /// The whole answer as JSON; what a service answered as proto3 JSON
    Json,
    /// The same on one line
    Jsonl,
}

impl Form {
    /// The form that is requested, else words on a terminal and `elsewhere` where there is none.
    pub(super) fn chosen(form: Option<Self>, elsewhere: Self) -> Self {
        form.unwrap_or(if io::stdout().is_terminal() { Self::Table } else { elsewhere })
    }
}

/// Prints an answer: without a form, in words on a terminal and otherwise elsewhere.
pub(super) fn print<M: Message + Name>(
    form: Option<Form>,
    elsewhere: Form,
    answer: &M,
    words: &str,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match Form::chosen(form, elsewhere) {
        Form::Table => writeln!(out, "{words}")?,
        Form::Json => writeln!(out, "{:#}", json::of_message(answer)?)?,
        Form::Jsonl => writeln!(out, "{}", json::of_message(answer)?)?,
    }
    Ok(())
}

/// Where an event stands, in words.
pub(super) fn words(position: u64, stream: &str, revision: u64, duplicate: bool) -> String {
    let duplicate = if duplicate { " (was there already)" } else { "" };
    format!("position {position}, {stream} revision {revision}{duplicate}")
}
