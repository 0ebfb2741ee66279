//! `handover exchange`: the whole story of one exchange, on a screen.

mod said;
mod story;
mod watch;

use crate::{
    cli::{
        claimed,
        exit::{Exit, Failure},
        interruption::until_interrupted,
        moment::AsOfArg,
        output::{AnswerArgs, Output, Query},
        resuming::{self, WatchArgs},
        words,
    },
    domain::proto::{GetExchangeRequest, GetExchangeResponse, LegEstimate, WatchExchangeRequest},
};

/// The arguments of `exchange`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The id of the exchange, as in `ankara-2024-08-01`
    #[arg(value_name = "EXCHANGE")]
    exchange: String,
    /// Also claims that are retracted and readings that were corrected, each marked as such
    #[arg(long)]
    past: bool,
    #[command(flatten)]
    as_of: AsOfArg,
    /// Show the story, and again whenever it changes; if the exchange is not recorded yet, wait for
    /// the first claim
    #[arg(long, conflicts_with = "as_of")]
    watch: bool,
    #[command(flatten)]
    watched: WatchArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// Prints the story.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.answer.output();
    if args.watch && output == Output::Csv {
        return Err(Failure::usage("csv cannot hold the changes that --watch prints; use jsonl"));
    }
    if args.watch {
        let (output, client) = args.answer.connect().await?;
        let (exchange_id, after_position) = (args.exchange.clone(), args.watched.after);
        let request = WatchExchangeRequest {
            exchange_id,
            include_past: args.past,
            after_position,
            ..Default::default()
        };
        let client = resuming::client(client, args.watched.store);
        let watch = client.watch_exchange(request);
        let (exchange_id, include_past) = (args.exchange, args.past);
        let request = GetExchangeRequest { exchange_id, include_past, ..Default::default() };
        let text = async |answer| watch::update(&client, &request, answer, output).await;
        return until_interrupted(resuming::print(watch, !args.watched.no_reconnect, text)).await;
    }
    let request = GetExchangeRequest {
        exchange_id: args.exchange,
        include_past: args.past,
        as_of: args.as_of.moment(),
        ..GetExchangeRequest::default()
    };
    args.answer.print(&request).await
}

impl Query for GetExchangeRequest {
    fn table(&self, response: &GetExchangeResponse) -> String {
        let mut sections = vec![story::head(response), story::figures(response)];
        sections.extend([story::legs(response), said::totals(response), said::roles(response)]);
        sections.extend([story::status(response), said::statements(response)]);
        sections.push(said::superlatives(response));
        sections.retain(|section| !section.is_empty());
        let texts: Vec<String> = sections.iter().map(|lines| lines.join("\n") + "\n").collect();
        texts.join("\n") + &words::as_of(response.position)
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["exchange", "record", "reason"];
        columns.extend(claimed::LEG_COLUMNS);
        columns.extend(["leg_low", "leg_high", "leg_preferred"]);
        columns.extend(claimed::COLUMNS);
        columns
    }

    /// One row for each claim about a number handed over, agreed on or declined.
    fn rows(&self, response: &GetExchangeResponse) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let mut add = |record: &str, reason: String, leg: &LegEstimate| {
            let estimate = leg.estimate.clone().unwrap_or_default();
            for claim in &leg.claims {
                let exchange = leg.leg.as_ref().map_or("", |leg| leg.exchange_id.as_str());
                let mut row = vec![exchange.to_owned(), record.to_owned(), reason.clone()];
                row.extend(claimed::leg_row(leg.leg.as_ref()));
                row.extend([estimate.low, estimate.high, estimate.preferred].map(words::number));
                row.extend(claimed::row(claim));
                rows.push(row);
            }
        };
        response.legs.iter().for_each(|leg| add("completed", String::new(), leg));
        response.agreed.iter().for_each(|leg| add("agreed", String::new(), leg));
        for declined in &response.declined {
            let reason = words::spoken(declined.reason().as_str_name(), "REASON_");
            declined.leg.iter().for_each(|leg| add("declined", reason.replace(' ', "_"), leg));
        }
        rows
    }
}

#[cfg(test)]
mod tests;
