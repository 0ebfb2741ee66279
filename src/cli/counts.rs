//! `handover counts`: how many each country received and sent, now, then, or as it changes.

mod groups;
pub(super) mod plain;
mod table;

use serde_json::Value;

pub use self::table::table;
use crate::{
    cli::{
        ServerArgs, choice, ended_by_user,
        exit::{Exit, Failure},
        json,
        moment::{self, AsOfArg},
        output::{self, Answer, Grid, Output, OutputArgs},
        pages::{self, Limit},
        resuming::{self, WatchArgs},
    },
    domain::proto,
    grpc::client::Client,
};

/// The arguments of `counts`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only these party codes, as in `DE RU x-unc`
    #[arg(value_name = "COUNTRY")]
    countries: Vec<String>,
    #[command(flatten)]
    groups: groups::GroupArgs,
    /// Only this unit
    #[arg(long, value_parser = choice::of("Unit"))]
    unit: Option<i32>,
    #[command(flatten)]
    as_of: AsOfArg,
    /// Only exchanges that occurred then, as in `2024`, `2024-08` or `2022-03/2024-08-01`
    #[arg(long, value_name = "EDTF", value_parser = moment::occurred)]
    occurred: Option<String>,
    /// Show the figures, and then every change of them
    #[arg(long, conflicts_with = "as_of")]
    watch: bool,
    #[command(flatten)]
    watched: WatchArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the figures.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.output.chosen();
    if args.watch && output == Output::Csv {
        return Err(Failure::usage("csv cannot hold the changes that --watch prints; use jsonl"));
    }
    if args.groups.are_asked_for() && (args.watch || !args.countries.is_empty()) {
        return Err(Failure::usage(
            "--group-by and its filters cannot be combined with --watch or a country: they give a \
             figure for each group; choose countries by --from and --to",
        ));
    }
    let client = args.server.connect().await?;
    let unit = args.unit.unwrap_or_default();
    let (as_of, occurred) = (args.as_of.moment(), args.occurred.unwrap_or_default());
    if args.watch {
        let (countries, after_position) = (args.countries, args.watched.after);
        let request = proto::WatchCountryCountsRequest {
            countries,
            unit,
            occurred,
            after_position,
            ..Default::default()
        };
        let watch = resuming::client(client, args.watched.store).watch_counts(request);
        let text = async |answer| update(answer, output);
        return ended_by_user(resuming::print(watch, !args.watched.no_reconnect, text)).await;
    }
    if args.groups.are_asked_for() {
        let request = args.groups.into_request(unit, as_of, occurred);
        return output::print(&groups::ask(&client, request).await?, output);
    }
    let request = proto::GetCountryCountsRequest {
        countries: args.countries,
        unit,
        as_of,
        occurred,
        ..proto::GetCountryCountsRequest::default()
    };
    output::print(&Counts(whole(&client, request).await?), output)
}

/// The figures of all pages.
pub(super) async fn whole(
    client: &Client,
    request: proto::GetCountryCountsRequest,
) -> Result<proto::GetCountryCountsResponse, Failure> {
    let whole = pages::all(Limit::default(), async |page| {
        let (page_size, page_token) = (page.size, page.token);
        let request = proto::GetCountryCountsRequest { page_size, page_token, ..request.clone() };
        client.country_counts(request).await
    });
    whole.await
}

/// The figures of countries.
struct Counts(proto::GetCountryCountsResponse);

impl Answer for Counts {
    type Response = proto::GetCountryCountsResponse;

    fn response(&self) -> &Self::Response {
        &self.0
    }

    fn position(&self) -> u64 {
        self.0.position
    }

    fn table(&self) -> String {
        table(&self.0)
    }

    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&self.0.counts)
    }

    fn grid(&self) -> Grid {
        plain::grid(&self.0)
    }
}

/// One answer of the watch, in the form that `output` names.
fn update(answer: proto::WatchCountryCountsResponse, output: Output) -> Result<String, Failure> {
    Ok(match output {
        Output::Table | Output::Csv => plain::update(answer),
        Output::Json => format!("{:#}\n", json::of_message(&answer)?),
        Output::Jsonl => format!("{}\n", json::of_message(&answer)?),
    })
}
