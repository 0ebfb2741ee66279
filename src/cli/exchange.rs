//! `handover exchange`: the whole story of one exchange, on a screen.

mod said;
mod story;
mod watch;

use crate::{
    cli::{
        ServerArgs, claimed, ended_by_user,
        exit::{Exit, Failure},
        moment::AsOfArg,
        output::{self, Answer, Grid, Output, OutputArgs},
        pages::{self, Limit},
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
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the story.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.output.chosen();
    if args.watch && output == Output::Csv {
        return Err(Failure::usage("csv cannot hold the changes that --watch prints; use jsonl"));
    }
    let client = args.server.connect().await?;
    if args.watch {
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
        let asked = GetExchangeRequest { exchange_id, include_past, ..Default::default() };
        let text = async |answer| watch::update(&client, &asked, answer, output).await;
        return ended_by_user(resuming::print(watch, !args.watched.no_reconnect, text)).await;
    }
    let request = GetExchangeRequest {
        exchange_id: args.exchange,
        include_past: args.past,
        as_of: args.as_of.moment(),
        ..GetExchangeRequest::default()
    };
    let whole = pages::all(Limit::default(), async |page| {
        let page_token = page.token;
        client.exchange(GetExchangeRequest { page_token, ..request.clone() }).await
    });
    output::print(&Story(whole.await?), output)
}

/// One exchange.
struct Story(GetExchangeResponse);

impl Answer for Story {
    type Response = GetExchangeResponse;

    fn response(&self) -> &Self::Response {
        &self.0
    }

    fn position(&self) -> u64 {
        self.0.position
    }

    fn table(&self) -> String {
        let mut sections = vec![story::head(&self.0), story::figures(&self.0)];
        sections.extend([story::legs(&self.0), said::totals(&self.0), said::roles(&self.0)]);
        sections.extend([story::status(&self.0), said::statements(&self.0)]);
        sections.push(said::superlatives(&self.0));
        sections.retain(|section| !section.is_empty());
        let told: Vec<String> = sections.iter().map(|lines| lines.join("\n") + "\n").collect();
        told.join("\n") + &words::as_of(self.0.position)
    }

    /// One row for each claim about a number handed over, agreed on or declined.
    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&["exchange", "record", "reason"]);
        grid.header.extend(claimed::LEG_COLUMNS);
        grid.header.extend(["leg_low", "leg_high", "leg_preferred"]);
        grid.header.extend(claimed::COLUMNS);
        let mut add = |record: &str, reason: String, leg: &LegEstimate| {
            let estimate = leg.estimate.clone().unwrap_or_default();
            for claim in &leg.claims {
                let exchange = leg.leg.as_ref().map_or("", |leg| leg.exchange_id.as_str());
                let mut row = vec![exchange.to_owned(), record.to_owned(), reason.clone()];
                row.extend(claimed::leg_row(leg.leg.as_ref()));
                row.extend([estimate.low, estimate.high, estimate.preferred].map(words::number));
                row.extend(claimed::row(claim));
                grid.rows.push(row);
            }
        };
        self.0.legs.iter().for_each(|leg| add("completed", String::new(), leg));
        self.0.agreed.iter().for_each(|leg| add("agreed", String::new(), leg));
        for declined in &self.0.declined {
            let reason = words::spoken(declined.reason().as_str_name(), "REASON_");
            declined.leg.iter().for_each(|leg| add("declined", reason.replace(' ', "_"), leg));
        }
        grid
    }
}

#[cfg(test)]
mod tests;
