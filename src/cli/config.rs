//! `handover config`: which settings `serve` would have, where each comes from, and whether it
//! would start with them.
//!
//! Both commands take the command line of `serve`, so the one of a unit file can be checked as it
//! stands.

use std::io::{self, Write as _};

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::{
    cli::{
        exit::{self, Exit, Failure},
        output::{self, Output, OutputArgs},
        serve, words,
    },
    config::{Layer, ServeArgs, Setting},
};

/// What `config` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print each setting of `serve`, and which flag, variable or line of the file gives it
    #[command(after_help = exit::HELP)]
    Show(ShowArgs),
    /// Say whether `serve` would start with these settings; it listens to nothing and makes nothing
    #[command(after_help = exit::HELP)]
    Check(ServeArgs),
}

/// The arguments of `show`.
#[derive(Clone, Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Does it.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    let text = match command {
        Command::Show(args) => show(&args)?,
        Command::Check(args) => {
            serve::check(&args).await?;
            "the settings are right\n".to_owned()
        }
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

fn show(args: &ShowArgs) -> Result<String, Failure> {
    let settings = args.serve.shown();
    let settings = settings.map_err(|error| Failure::usage(exit::with_causes(&error)))?;
    Ok(match args.output.chosen() {
        Output::Table => words::grid(&["key", "value", "from"], settings.iter().map(row)),
        Output::Json => {
            let settings: Vec<Value> = settings.iter().map(entry).collect();
            format!("{:#}\n", json!({ "settings": settings }))
        }
        Output::Jsonl => settings.iter().map(|setting| entry(setting).to_string() + "\n").collect(),
        Output::Csv => {
            output::table(&["key", "value", "from", "place"], settings.iter().map(cells))?
        }
    })
}

/// A value as a flag has it: lists with commas.
fn plain(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            let values: Vec<String> = values.iter().map(|value| plain(Some(value))).collect();
            values.join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// The layer that gives a value, and the place in it.
fn place(layer: &Layer) -> (&'static str, String) {
    match layer {
        Layer::Default => ("default", String::new()),
        Layer::Variable(name) => ("variable", name.clone()),
        Layer::Flag(flag) => ("flag", flag.clone()),
        Layer::File { path, line } => {
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            ("file", format!("{}{line}", path.display()))
        }
    }
}

fn row(setting: &Setting) -> Vec<String> {
    let (layer, place) = place(&setting.layer);
    let value = plain(setting.value.as_ref());
    let value = if value.is_empty() { words::NOTHING.to_owned() } else { words::plain(&value) };
    vec![setting.key.clone(), value, format!("{layer} {place}").trim_end().to_owned()]
}

fn cells(setting: &Setting) -> Vec<String> {
    let (layer, place) = place(&setting.layer);
    vec![setting.key.clone(), plain(setting.value.as_ref()), layer.to_owned(), place]
}

/// A setting as JSON; one without a value has no `value`.
fn entry(setting: &Setting) -> Value {
    let mut entry = Map::new();
    let mut put = |name: &str, value: Value| {
        entry.insert(name.to_owned(), value);
    };
    put("key", setting.key.clone().into());
    if let Some(value) = setting.value.clone() {
        put("value", value);
    }
    put("from", place(&setting.layer).0.into());
    match &setting.layer {
        Layer::Default => {}
        Layer::Variable(name) => put("variable", name.clone().into()),
        Layer::Flag(flag) => put("flag", flag.clone().into()),
        Layer::File { path, line } => {
            put("file", path.to_string_lossy().into());
            if let Some(line) = *line {
                put("line", line.into());
            }
        }
    }
    entry.into()
}
