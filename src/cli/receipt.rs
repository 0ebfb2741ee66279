//! How what was recorded is printed.

use std::io::{self, IsTerminal as _, Write as _};

use prost::{Message, Name};

use crate::cli::{exit::Failure, json};

/// How a receipt is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// In words
    Table,
    /// The answer as proto3 JSON
    Json,
    /// The same on one line
    Jsonl,
}

/// Prints an answer: without a form, in words on a terminal and otherwise elsewhere.
pub(super) fn print<M: Message + Name>(
    form: Option<Form>,
    elsewhere: Form,
    answer: &M,
    words: &str,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let usual = if out.is_terminal() { Form::Table } else { elsewhere };
    match form.unwrap_or(usual) {
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
