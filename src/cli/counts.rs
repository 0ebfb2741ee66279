//! `handover counts`: how many each country received and sent, now, then, or as it changes.

mod plain;
mod table;

use std::io::{self, IsTerminal as _, Write};

use futures_util::TryStreamExt as _;

pub use self::table::table;
use crate::{
    cli::{
        ServerArgs, ended_by_user,
        exit::{Exit, Failure},
        json, moment,
    },
    domain::proto,
    grpc::client::Client,
};

/// What `counts` can be asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only these party codes, as in `DE RU x-unc`
    #[arg(value_name = "COUNTRY")]
    countries: Vec<String>,
    /// Only this unit
    #[arg(long)]
    unit: Option<Unit>,
    /// As the record stood at this position, time (2024-08-02T12:00:00Z) or date (2024-08-02,
    /// which means the end of that day, UTC)
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = moment::as_of)]
    as_of: Option<proto::AsOf>,
    /// Only exchanges that occurred then, as in `2024`, `2024-08` or `2022-03/2024-08-01`
    #[arg(long, value_name = "EDTF")]
    occurred: Option<String>,
    /// Show the figures, and then every change of them
    #[arg(long, conflicts_with_all = ["as_of", "occurred"])]
    watch: bool,
    /// How to print; without it a table on a terminal and jsonl elsewhere
    #[arg(long)]
    output: Option<Output>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What is counted.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Unit {
    /// Living persons
    Person,
    /// Mortal remains
    Remains,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Aligned, for people
    Table,
    /// The whole answer as proto3 JSON
    Json,
    /// One country and unit a line, each with the position that it is true for
    Jsonl,
    /// Comma-separated values, the position in the last column; what is unknown is empty
    Csv,
}

/// Prints the figures.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let terminal = io::stdout().is_terminal();
    let output = args.output.unwrap_or(if terminal { Output::Table } else { Output::Jsonl });
    if args.watch && output == Output::Csv {
        return Err(Failure::usage("--watch prints changes, which csv has no form for; use jsonl"));
    }
    let client = args.server.connect().await?;
    let unit = match args.unit {
        None => proto::Unit::Unspecified,
        Some(Unit::Person) => proto::Unit::Person,
        Some(Unit::Remains) => proto::Unit::Remains,
    };
    if args.watch {
        let request = proto::WatchCountryCountsRequest {
            countries: args.countries,
            unit: unit.into(),
            min_position: 0,
        };
        return ended_by_user(watch(&client, request, output)).await;
    }
    let request = proto::GetCountryCountsRequest {
        countries: args.countries,
        unit: unit.into(),
        as_of: args.as_of,
        occurred: args.occurred.unwrap_or_default(),
        min_position: 0,
    };
    let response = client.country_counts(request).await?;
    print(&mut io::stdout().lock(), &response, output)?;
    Ok(Exit::Done)
}

fn print(
    out: &mut dyn Write,
    response: &proto::GetCountryCountsResponse,
    output: Output,
) -> Result<(), Failure> {
    match output {
        Output::Table => out.write_all(table(response).as_bytes())?,
        Output::Json => writeln!(out, "{:#}", json::of_message(response)?)?,
        Output::Jsonl => {
            for count in &response.counts {
                let mut row = json::of_message(count)?;
                if let Some(members) = row.as_object_mut() {
                    // As proto3 JSON writes it.
                    members.insert("position".to_owned(), response.position.to_string().into());
                }
                writeln!(out, "{row}")?;
            }
        }
        Output::Csv => out.write_all(plain::csv(response).as_bytes())?,
    }
    out.flush()?;
    Ok(())
}

async fn watch(
    client: &Client,
    request: proto::WatchCountryCountsRequest,
    output: Output,
) -> Result<Exit, Failure> {
    let mut updates = client.watch_country_counts(request);
    while let Some(response) = updates.try_next().await? {
        let text = match output {
            Output::Table | Output::Csv => plain::update(response),
            Output::Json => format!("{:#}\n", json::of_message(&response)?),
            Output::Jsonl => format!("{}\n", json::of_message(&response)?),
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Err(Failure::new(Exit::Unavailable, "the server ended the watch"))
}
