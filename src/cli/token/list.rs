//! `handover token list`: which tokens there are.

use std::io::{self, Write as _};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::file::FileArgs;
use crate::{
    cli::exit::{Exit, Failure},
    domain::access::{Categories, Role, Token, TokenState},
    grpc::access::TokenFile,
};

/// Arguments of `list`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Print one token a line as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: FileArgs,
}

/// A token as it is printed.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) name: String,
    state: &'static str,
    pub(super) roles: String,
    pub(super) categories: String,
    created: String,
    pub(super) expires: String,
}

/// Prints the tokens.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let tokens = TokenFile::read(&args.file.tokens)?;
    let now = OffsetDateTime::now_utc();
    let shown: Vec<Shown> = tokens.0.iter().map(|token| shown(token, now)).collect();
    let text = if args.json { lines(&shown)? } else { table(&shown) };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// What is printed of a token.
pub(super) fn shown(token: &Token, now: OffsetDateTime) -> Shown {
    let state = match token.state(now) {
        TokenState::Valid => "valid",
        TokenState::Expired(_) => "expired",
        TokenState::Revoked(_) => "revoked",
    };
    let roles: Vec<&str> = token.roles.iter().copied().map(Role::name).collect();
    let categories = match &token.categories {
        Categories::All => "all categories".to_owned(),
        some @ Categories::Only(_) => some.to_string(),
    };
    Shown {
        name: token.name.clone(),
        state,
        roles: roles.join(", "),
        categories,
        created: time(token.created),
        expires: token.expires.map_or_else(|| "never".to_owned(), time),
    }
}

fn time(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

fn lines(shown: &[Shown]) -> Result<String, Failure> {
    let mut text = String::new();
    for token in shown {
        let line = serde_json::to_string(token);
        text += &line.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        text.push('\n');
    }
    Ok(text)
}

fn table(shown: &[Shown]) -> String {
    let head = ["TOKEN", "STATE", "ROLES", "CATEGORIES", "EXPIRES"];
    let row = |it: &Shown| {
        [&it.name, it.state, &it.roles, &it.categories, &it.expires].map(str::to_owned)
    };
    let mut table = tabled::builder::Builder::default();
    table.push_record(head);
    shown.iter().map(row).for_each(|row| table.push_record(row));
    let mut table = table.build();
    table.with(tabled::settings::Style::blank());
    let lines = table.to_string();
    lines.lines().flat_map(|line| [line.trim(), "\n"]).collect()
}
