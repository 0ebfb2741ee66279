//! `handover statements`: who said what.

use super::{List, when};
use crate::{
    cli::{
        choice, claimed,
        exit::{Exit, Failure},
        moment::{AsOfArg, OccurredArg},
        output::ListArgs,
        words::{self, actor, indented, spoken},
    },
    domain::proto::{ListStatementsRequest, ListStatementsResponse, StatementEntry, StatementMode},
};

/// The arguments of `statements`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Words that all occur in the text; case and diacritics make no difference
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Only by this speaker
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    speaker: String,
    /// Only by speakers of this party, or for it
    #[arg(long, value_name = "PARTY", default_value = "", hide_default_value = true)]
    party: String,
    /// Only about this topic
    #[arg(long, value_name = "TOPIC", default_value = "", hide_default_value = true)]
    topic: String,
    /// Only about this exchange and those within it
    #[arg(long, value_name = "EXCHANGE", default_value = "", hide_default_value = true)]
    exchange: String,
    /// Only statements that were made in this way
    #[arg(long, value_parser = choice::of("StatementMode"))]
    mode: Option<i32>,
    /// Only what was taken from this source
    #[arg(long, value_name = "SOURCE", default_value = "", hide_default_value = true)]
    source: String,
    /// Also statements that are retracted, each marked as such
    #[arg(long)]
    past: bool,
    /// The order; by default the newest first
    #[arg(long, value_parser = choice::of("ListOrder"))]
    order: Option<i32>,
    #[command(flatten)]
    occurred: OccurredArg,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    list: ListArgs,
}

/// Prints the list.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let request = ListStatementsRequest {
        words: args.words.join(" "),
        speaker: args.speaker,
        party: args.party,
        topic: args.topic,
        exchange_id: args.exchange,
        mode: args.mode.unwrap_or_default(),
        occurred: args.occurred.text(),
        source_id: args.source,
        order: args.order.unwrap_or_default(),
        include_retracted: args.past,
        as_of: args.as_of.moment(),
        ..Default::default()
    };
    args.list.print(&request).await
}

impl List for ListStatementsRequest {
    fn nothing(&self) -> String {
        "no statements".to_owned()
    }

    /// A paragraph for each: what was said is there to be read.
    fn shown(&self, response: &ListStatementsResponse) -> String {
        let paragraphs: Vec<String> = response.statements.iter().map(paragraph).collect();
        paragraphs.join("\n") + "\n"
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["claim", "occurred", "speaker", "party", "on_behalf_of"];
        columns.extend(["mode", "text", "topics", "occasion", "place", "exchange"]);
        columns.extend(["source", "retracted_by"]);
        columns
    }

    fn row(&self, entry: &StatementEntry) -> Vec<String> {
        let statement = entry.statement.clone().unwrap_or_default();
        let record = entry.record.unwrap_or_default();
        let speaker = statement.speaker.clone().unwrap_or_default();
        vec![
            record.position.to_string(),
            statement.occurred.clone(),
            speaker.name,
            speaker.party,
            crate::cli::actor::write(statement.on_behalf_of.as_ref()),
            spoken(statement.mode().as_str_name(), "STATEMENT_MODE_").replace(' ', "_"),
            statement.text,
            statement.topics.join("+"),
            statement.occasion,
            statement.place,
            statement.exchange_id,
            statement.attribution.map(|said| said.source_id).unwrap_or_default(),
            words::number((record.retracted_by > 0).then_some(record.retracted_by)),
        ]
    }
}

fn paragraph(entry: &StatementEntry) -> String {
    let statement = entry.statement.clone().unwrap_or_default();
    let mode = spoken(statement.mode().as_str_name(), "STATEMENT_MODE_");
    let mut head = format!("{}, {}", actor(statement.speaker.as_ref()), when(&statement.occurred));
    for fact in [&actor(statement.on_behalf_of.as_ref()), &statement.occasion, &statement.place] {
        if !fact.is_empty() {
            head = format!("{head}, {fact}");
        }
    }
    head = format!("{head} ({mode}){}", claimed::noted(entry.record.as_ref()));
    let mut lines = indented(&head, 0, 4);
    if statement.mode() == StatementMode::Declined {
        lines.push("    declined to comment".to_owned());
    } else {
        lines.extend(indented(&statement.text, 4, 0));
    }
    let mut about = Vec::new();
    if !statement.topics.is_empty() {
        about.push(format!("on {}", statement.topics.join(", ")));
    }
    if !statement.exchange_id.is_empty() {
        about.push(format!("exchange {}", statement.exchange_id));
    }
    let source = statement.attribution.map(|said| said.source_id).unwrap_or_default();
    about.push(format!("source {source}"));
    lines.extend(indented(&format!("[{}]", about.join("; ")), 4, 1));
    lines.join("\n") + "\n"
}
