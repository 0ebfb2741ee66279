//! `handover exchanges`: what exchanges there are.

use super::{List, when};
use crate::{
    cli::{
        choice,
        exit::{Exit, Failure},
        moment::{AsOfArg, OccurredArg},
        output::ListArgs,
        words::{self, spoken},
    },
    domain::proto::{ExchangeSummary, ListExchangesRequest, ListExchangesResponse},
};

/// The arguments of `exchanges`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Words that all occur in the title; case and diacritics make no difference
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Only exchanges of this party
    #[arg(long, value_name = "PARTY", default_value = "", hide_default_value = true)]
    party: String,
    /// Only this sort of operation
    #[arg(long, value_parser = choice::of("ExchangeKind"))]
    kind: Option<i32>,
    /// Only exchanges with this status, by the latest report
    #[arg(long, value_parser = choice::of("ExchangeStatus"))]
    status: Option<i32>,
    /// Only those that this actor (a party code or a name) is said to have mediated
    #[arg(long, value_name = "ACTOR", default_value = "", hide_default_value = true)]
    mediator: String,
    /// Count the mediator also where a claim denies that it mediated
    #[arg(long, requires = "mediator")]
    denied_mediators: bool,
    /// Only exchanges that are not a portion of another
    #[arg(long)]
    outermost: bool,
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
    let request = ListExchangesRequest {
        party: args.party,
        kind: args.kind.unwrap_or_default(),
        status: args.status.unwrap_or_default(),
        mediator: args.mediator,
        include_denied_mediators: args.denied_mediators,
        occurred: args.occurred.text(),
        words: args.words.join(" "),
        outermost_only: args.outermost,
        order: args.order.unwrap_or_default(),
        as_of: args.as_of.moment(),
        ..Default::default()
    };
    args.list.print(&request).await
}

impl List for ListExchangesRequest {
    fn nothing(&self) -> String {
        "no exchanges".to_owned()
    }

    fn shown(&self, response: &ListExchangesResponse) -> String {
        let header = ["when", "exchange", "title", "parties", "status", "stands out"];
        words::grid(&header, response.exchanges.iter().map(shown))
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["exchange", "part_of", "title", "occurred", "place"];
        columns.extend(["parties", "kind", "status", "portions", "flags"]);
        columns
    }

    fn row(&self, exchange: &ExchangeSummary) -> Vec<String> {
        let code = |name: &str, prefix: &str| spoken(name, prefix).replace(' ', "_");
        let flags = exchange.flags().map(|flag| code(flag.as_str_name(), "EXCHANGE_FLAG_"));
        vec![
            exchange.exchange_id.clone(),
            exchange.part_of.clone(),
            exchange.title.clone(),
            exchange.occurred.clone(),
            exchange.place.clone(),
            named(&exchange.parties, exchange.more_parties, "+"),
            code(exchange.kind().as_str_name(), "EXCHANGE_KIND_"),
            code(exchange.status().as_str_name(), "EXCHANGE_STATUS_"),
            named(&exchange.portions, exchange.more_portions, "+"),
            flags.collect::<Vec<_>>().join("+"),
        ]
    }
}

fn shown(exchange: &ExchangeSummary) -> Vec<String> {
    let status = spoken(exchange.status().as_str_name(), "EXCHANGE_STATUS_");
    // In short; `exchange` says the same in sentences.
    let flags = exchange.flags().map(|flag| spoken(flag.as_str_name(), "EXCHANGE_FLAG_"));
    vec![
        when(&exchange.occurred),
        exchange.exchange_id.clone(),
        exchange.title.clone(),
        named(&exchange.parties, exchange.more_parties, ", "),
        if status.is_empty() { "only named".to_owned() } else { status },
        flags.collect::<Vec<_>>().join("; "),
    ]
}

/// Names in a row, with how many more there are; `handover exchange` prints all.
fn named(names: &[String], and_more: u32, between: &str) -> String {
    let names: Vec<String> = names.iter().cloned().chain(words::more(and_more)).collect();
    names.join(between)
}
