//! `handover explain`: the claims behind a figure, with the command that gives the same answer for
//! ever.

mod cited;
mod shares;

use serde_json::Value;

use crate::{
    cli::{
        choice, claimed,
        exit::{Exit, Failure},
        figure::cell,
        moment::{AsOfArg, OccurredArg},
        output::{self, ListArgs, Query},
        pages, words,
    },
    domain::proto::{Direction, ExplainCountRequest, ExplainCountResponse, Unit},
};

/// The arguments of `explain`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    figure: FigureArgs,
    /// Only what this exchange adds
    #[arg(long, value_name = "EXCHANGE", default_value = "", hide_default_value = true)]
    exchange: String,
    /// Also claims that are retracted and readings that were corrected, each marked as such
    #[arg(long)]
    past: bool,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    occurred: OccurredArg,
    #[command(flatten)]
    list: ListArgs,
}

/// Which figure is meant.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FigureArgs {
    /// The party code, as in `DE` or `x-unc`
    #[arg(value_name = "COUNTRY")]
    pub(super) country: String,
    /// What it received; this is the default
    #[arg(long, conflicts_with = "sent")]
    received: bool,
    /// What it sent
    #[arg(long)]
    sent: bool,
    /// What is counted
    #[arg(long, value_parser = choice::of("Unit"), default_value = "person")]
    unit: i32,
}

impl FigureArgs {
    pub(super) fn direction(&self) -> Direction {
        if self.sent { Direction::Sent } else { Direction::Received }
    }

    pub(super) fn unit(&self) -> Unit {
        Unit::try_from(self.unit).unwrap_or_default()
    }
}

/// The figure in words, as in `DE received`.
pub(super) fn named(country: &str, direction: Direction, unit: Unit) -> String {
    let verb = if direction == Direction::Sent { "sent" } else { "received" };
    let remains = if unit == Unit::Remains { " (remains)" } else { "" };
    format!("{} {verb}{remains}", words::plain(country))
}

/// Prints what a figure is made of.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let request = request(&args);
    args.list.print(&request).await
}

fn request(args: &Args) -> ExplainCountRequest {
    ExplainCountRequest {
        country: args.figure.country.clone(),
        direction: args.figure.direction().into(),
        unit: args.figure.unit,
        exchange_id: args.exchange.clone(),
        as_of: args.as_of.moment(),
        occurred: args.occurred.text(),
        include_past: args.past,
        ..Default::default()
    }
}

impl Query for ExplainCountRequest {
    fn table(&self, response: &ExplainCountResponse) -> String {
        let name = named(&self.country, self.direction(), self.unit());
        let mut text = match &response.figure {
            Some(figure) => format!("{name}: {}\n", cell(Some(figure))),
            None => format!("{name}: no transfer mentions it\n"),
        };
        for exchange in &response.exchanges {
            text.push('\n');
            for line in shares::exchange(exchange) {
                text += &line;
                text.push('\n');
            }
        }
        if !response.exchanges.is_empty() {
            text.push('\n');
        }
        text += &words::undated(response.undated_exchanges, "exchange");
        text += pages::more(response);
        text += &words::as_of(response.position);
        text + &format!("to cite: {}\n", cited::command(self, response.position))
    }

    fn entries(&self, response: &ExplainCountResponse) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&response.exchanges)
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["outermost_exchange", "exchange", "leg_use"];
        columns.extend(claimed::LEG_COLUMNS);
        columns.extend(claimed::COLUMNS);
        columns
    }

    /// One row for each claim.
    fn rows(&self, response: &ExplainCountResponse) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for exchange in &response.exchanges {
            for explained in &exchange.legs {
                let leg = explained.leg.clone().unwrap_or_default();
                let own = leg.leg.as_ref().map_or("", |leg| leg.exchange_id.as_str()).to_owned();
                let used = words::spoken(explained.r#use().as_str_name(), "LEG_USE_");
                let used = used.replace(' ', "_");
                for claim in &leg.claims {
                    let mut row = vec![exchange.exchange_id.clone(), own.clone(), used.clone()];
                    row.extend(claimed::leg_row(leg.leg.as_ref()));
                    row.extend(claimed::row(claim));
                    rows.push(row);
                }
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests;
