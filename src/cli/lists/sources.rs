//! `handover sources`: where claims come from.

use serde_json::Value;

use super::{end, searched};
use crate::{
    cli::{
        ServerArgs, choice,
        exit::{Exit, Failure},
        moment::AsOfArg,
        output::{self, Answer, Grid, OutputArgs},
        pages::{self, Limit},
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
    limit: Limit,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the list.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.output.chosen();
    let client = args.server.connect().await?;
    let as_of = args.as_of.moment();
    if let Some(source_id) = args.id {
        let request = GetSourceRequest { source_id, as_of, min_position: 0 };
        let one = client.source(request).await?;
        let sources = one.source.into_iter().collect();
        let position = one.position;
        let list = ListSourcesResponse { sources, position, ..Default::default() };
        return output::print(&Sources(list), output);
    }
    let request = ListSourcesRequest {
        words: searched(&args.words),
        kind: args.kind.unwrap_or_default(),
        as_of,
        ..Default::default()
    };
    let whole = pages::all(args.limit, async |page| {
        let (page_size, page_token) = (page.size, page.token);
        client.sources(ListSourcesRequest { page_size, page_token, ..request.clone() }).await
    });
    output::print(&Sources(whole.await?), output)
}

/// Sources.
pub(super) struct Sources(pub(super) ListSourcesResponse);

impl Answer for Sources {
    type Response = ListSourcesResponse;

    fn response(&self) -> &Self::Response {
        &self.0
    }

    fn position(&self) -> u64 {
        self.0.position
    }

    /// A block for each: addresses are longer than columns, and are there to be opened.
    fn table(&self) -> String {
        let end = end("", pages::more(&self.0), self.0.position);
        if self.0.sources.is_empty() {
            return format!("no sources\n{end}");
        }
        let blocks = self.0.sources.iter().flat_map(block).map(|line| line + "\n");
        blocks.collect::<String>() + &end
    }

    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&self.0.sources)
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&["source", "kind", "publisher", "title", "url"]);
        grid.header.extend(["archive_url", "sha256", "language", "translated"]);
        grid.header.extend(["published_at", "registered_by", "claims"]);
        grid.rows.extend(self.0.sources.iter().map(plain_row));
        grid
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

fn plain_row(entry: &SourceEntry) -> Vec<String> {
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
        crate::cli::claimed::yes(source.translated),
        source.published_at,
        words::number(entry.record.map(|record| record.position)),
        entry.claims.to_string(),
    ]
}
