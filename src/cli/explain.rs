//! `handover explain`: the claims behind a figure, with the command that gives the same answer for
//! ever.

mod cited;
mod shares;

use serde_json::Value;

use crate::{
    cli::{
        ServerArgs, choice, claimed,
        exit::{Exit, Failure},
        figure::cell,
        moment::{AsOfArg, OccurredArg},
        output::{self, Answer, Grid, OutputArgs},
        pages::{self, Limit},
        words,
    },
    domain::proto::{Direction, ExplainCountRequest, ExplainCountResponse, Unit},
    grpc::client::Client,
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
    limit: Limit,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
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
    let output = args.output.chosen();
    let client = args.server.connect().await?;
    output::print(&ask(&client, request(&args), args.limit).await?, output)
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

async fn ask(
    client: &Client,
    request: ExplainCountRequest,
    limit: Limit,
) -> Result<Explained, Failure> {
    let whole = pages::all(limit, async |page| {
        let (page_size, page_token) = (page.size, page.token);
        client.explain_count(ExplainCountRequest { page_size, page_token, ..request.clone() }).await
    });
    Ok(Explained { response: whole.await?, request })
}

/// A figure with what it is made of.
struct Explained {
    request: ExplainCountRequest,
    response: ExplainCountResponse,
}

impl Answer for Explained {
    type Response = ExplainCountResponse;

    fn response(&self) -> &Self::Response {
        &self.response
    }

    fn position(&self) -> u64 {
        self.response.position
    }

    fn table(&self) -> String {
        let asked = &self.request;
        let name = named(&asked.country, asked.direction(), asked.unit());
        let mut text = match &self.response.figure {
            Some(figure) => format!("{name}: {}\n", cell(Some(figure))),
            None => format!("{name}: no transfer mentions it\n"),
        };
        for exchange in &self.response.exchanges {
            text.push('\n');
            for line in shares::exchange(exchange) {
                text += &line;
                text.push('\n');
            }
        }
        if !self.response.exchanges.is_empty() {
            text.push('\n');
        }
        text += &words::undated(self.response.undated_exchanges, "exchange");
        text += pages::more(&self.response);
        text += &words::as_of(self.response.position);
        text + &format!("to cite: {}\n", cited::command(asked, self.response.position))
    }

    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&self.response.exchanges)
    }

    /// One row for each claim.
    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&["outermost_exchange", "exchange", "leg_use"]);
        grid.header.extend(claimed::LEG_COLUMNS);
        grid.header.extend(claimed::COLUMNS);
        for exchange in &self.response.exchanges {
            for explained in &exchange.legs {
                let leg = explained.leg.clone().unwrap_or_default();
                let own = leg.leg.as_ref().map_or("", |leg| leg.exchange_id.as_str()).to_owned();
                let used = words::spoken(explained.r#use().as_str_name(), "LEG_USE_");
                let used = used.replace(' ', "_");
                for claim in &leg.claims {
                    let mut row = vec![exchange.exchange_id.clone(), own.clone(), used.clone()];
                    row.extend(claimed::leg_row(leg.leg.as_ref()));
                    row.extend(claimed::row(claim));
                    grid.rows.push(row);
                }
            }
        }
        grid
    }
}

#[cfg(test)]
mod tests;
