//! `handover counts`: how many each country received and sent, now, then, or as it changes.

mod groups;
pub(super) mod plain;
mod table;

use serde_json::Value;

pub use self::table::table;
use crate::{
    cli::{
        choice,
        exit::{Exit, Failure},
        interruption::until_interrupted,
        json,
        moment::{self, AsOfArg},
        output::{self, AnswerArgs, Output, Query},
        resuming::{self, WatchArgs},
    },
    domain::{
        identity::fold,
        proto::{
            GetCountryCountsRequest, GetCountryCountsResponse, WatchCountryCountsRequest,
            WatchCountryCountsResponse,
        },
    },
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
    answer: AnswerArgs,
}

/// Prints the figures.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.answer.output();
    if args.watch && output == Output::Csv {
        return Err(Failure::usage("csv cannot hold the changes that --watch prints; use jsonl"));
    }
    if args.groups.are_requested() && (args.watch || !args.countries.is_empty()) {
        return Err(Failure::usage(
            "--group-by and its filters cannot be combined with --watch or a country: they give a \
             figure for each group; choose countries by --from and --to",
        ));
    }
    let unit = args.unit.unwrap_or_default();
    let (as_of, occurred) = (args.as_of.moment(), args.occurred.unwrap_or_default());
    if args.watch {
        let (countries, after_position) = (args.countries, args.watched.after);
        let (output, client) = args.answer.connect().await?;
        let request = WatchCountryCountsRequest {
            countries,
            unit,
            occurred,
            after_position,
            ..Default::default()
        };
        let watch = resuming::client(client, args.watched.store).watch_counts(request);
        let text = async |answer| update(answer, output);
        return until_interrupted(resuming::print(watch, !args.watched.no_reconnect, text)).await;
    }
    if args.groups.are_requested() {
        let answer = args.answer.limited(args.groups.limit);
        return answer.print(&args.groups.into_request(unit, as_of, occurred)).await;
    }
    let countries = args.countries;
    let request =
        GetCountryCountsRequest { countries, unit, as_of, occurred, ..Default::default() };
    args.answer.print(&request).await
}

impl Query for GetCountryCountsRequest {
    fn table(&self, response: &GetCountryCountsResponse) -> String {
        let absent: String = self.absent(response).into_iter().map(|line| line + "\n").collect();
        table(response) + &absent
    }

    fn absent(&self, response: &GetCountryCountsResponse) -> Vec<String> {
        let narrowed = self.unit != 0 || !self.occurred.is_empty();
        let what = if narrowed { "no such transfer" } else { "no transfer" };
        let mut codes: Vec<String> =
            self.countries.iter().map(|it| fold(it).into_owned()).collect();
        codes.sort_unstable();
        codes.dedup();
        let missing = codes.into_iter().filter(|code| {
            let mut found = response.counts.iter();
            !found.any(|count| count.country == *code)
        });
        missing.map(|it| format!("{what} is recorded of {it}: unknown, not 0")).collect()
    }

    fn entries(
        &self,
        response: &GetCountryCountsResponse,
    ) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&response.counts)
    }

    fn columns(&self) -> Vec<&'static str> {
        plain::columns()
    }

    fn rows(&self, response: &GetCountryCountsResponse) -> Vec<Vec<String>> {
        response.counts.iter().map(plain::row).collect()
    }
}

/// One answer of the watch, in the form that `output` names.
fn update(answer: WatchCountryCountsResponse, output: Output) -> Result<String, Failure> {
    Ok(match output {
        Output::Table | Output::Csv => plain::update(answer),
        Output::Json => format!("{:#}\n", json::of_message(&answer)?),
        Output::Jsonl => format!("{}\n", json::of_message(&answer)?),
    })
}
