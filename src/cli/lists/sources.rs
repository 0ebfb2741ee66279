//! `handover sources`: where claims come from.

use super::List;
use crate::{
    cli::{
        choice,
        claimed::yes,
        exit::{Exit, Failure},
        moment::AsOfArg,
        output::{self, ListArgs},
        words::{self, spoken},
    },
    domain::proto::{GetSourceRequest, ListSourcesRequest, ListSourcesResponse, SourceEntry},
};

/// The arguments of `sources`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Words that all occur in title and publisher; case and diacritics make no difference
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Only the source with this id
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["words", "kind", "limit"])]
    id: Option<String>,
    /// Only this sort of document
    #[arg(long, value_parser = choice::of("SourceKind"))]
    kind: Option<i32>,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    list: ListArgs,
}

/// Prints the list.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let as_of = args.as_of.moment();
    let Some(source_id) = args.id else {
        let (words, kind) = (args.words.join(" "), args.kind.unwrap_or_default());
        let request = ListSourcesRequest { words, kind, as_of, ..Default::default() };
        return args.list.print(&request).await;
    };
    let (output, client) = args.list.connect().await?;
    let one = client.source(GetSourceRequest { source_id, as_of, min_position: 0 }).await?;
    let (sources, position) = (one.source.into_iter().collect(), one.position);
    let list = ListSourcesResponse { sources, position, ..Default::default() };
    output::print(&ListSourcesRequest::default(), &list, output)
}

impl List for ListSourcesRequest {
    fn nothing(&self) -> String {
        "no sources".to_owned()
    }

    /// A block for each: addresses are longer than columns, and are there to be opened.
    fn shown(&self, response: &ListSourcesResponse) -> String {
        response.sources.iter().flat_map(block).map(|line| line + "\n").collect()
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["source", "kind", "publisher", "title", "url"];
        columns.extend(["archive_url", "sha256", "language", "translated"]);
        columns.extend(["published_at", "registered_by", "claims"]);
        columns
    }

    fn row(&self, entry: &SourceEntry) -> Vec<String> {
        let source = entry.source.clone().unwrap_or_default();
        let kind = spoken(source.kind().as_str_name(), "SOURCE_KIND_").replace(' ', "_");
        vec![
            entry.source_id.clone(),
            kind,
            source.publisher,
            source.title,
            source.url,
            source.archive_url,
            source.sha256,
            source.language,
            yes(source.translated),
            source.published_at,
            words::number(entry.record.map(|record| record.position)),
            entry.claims.to_string(),
        ]
    }
}

fn block(entry: &SourceEntry) -> Vec<String> {
    let cited = format!("cited by {}", words::plural(entry.claims, "claim"));
    let id = words::plain(&entry.source_id);
    let Some(source) = &entry.source else {
        return vec![format!("{id}: not registered; {cited}")];
    };
    let kind = spoken(source.kind().as_str_name(), "SOURCE_KIND_");
    let facts = [source.publisher.as_str(), &source.title, &source.published_at, &kind, &cited];
    let facts: Vec<&str> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    let mut lines = words::indented(&format!("{id}: {}", facts.join("; ")), 0, 4);
    let addresses = [&source.url, &source.archive_url].into_iter().filter(|url| !url.is_empty());
    lines.extend(addresses.map(|url| format!("    {}", words::plain(url))));
    lines
}
