//! `handover transfers`: claims of how many were handed over, are to be, or were not.

use super::List;
use crate::{
    cli::{
        choice, claimed,
        exit::{Exit, Failure},
        moment::{AsOfArg, OccurredArg},
        output::ListArgs,
        words::{self, spoken},
    },
    domain::proto::{
        Attribution, Count, Leg, ListTransfersRequest, ListTransfersResponse, OfWhich,
        TransferEntry, transfer_entry::Claim,
    },
};

/// The arguments of `transfers`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only about this exchange and those within it
    #[arg(long, value_name = "EXCHANGE", default_value = "", hide_default_value = true)]
    exchange: String,
    /// Only where this party, alone or with others, gave them up
    #[arg(long, value_name = "PARTY", default_value = "", hide_default_value = true)]
    from: String,
    /// Only where this party, alone or with others, received them
    #[arg(long, value_name = "PARTY", default_value = "", hide_default_value = true)]
    to: String,
    /// Only this sort of claim; repeat for several
    #[arg(long, value_parser = choice::of("TransferClaimKind"))]
    record: Vec<i32>,
    /// Only of this category
    #[arg(long, value_parser = choice::of("Category"))]
    category: Option<i32>,
    /// Only of this unit
    #[arg(long, value_parser = choice::of("Unit"))]
    unit: Option<i32>,
    /// Only what this party asserts
    #[arg(long, value_name = "PARTY", default_value = "", hide_default_value = true)]
    claimant: String,
    /// Only what was taken from this source
    #[arg(long, value_name = "SOURCE", default_value = "", hide_default_value = true)]
    source: String,
    /// Also claims that are retracted, each marked as such
    #[arg(long)]
    past: bool,
    #[command(flatten)]
    occurred: OccurredArg,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    list: ListArgs,
}

/// Prints the list.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let request = ListTransfersRequest {
        exchange_id: args.exchange,
        from: args.from,
        to: args.to,
        kinds: args.record,
        category: args.category.unwrap_or_default(),
        unit: args.unit.unwrap_or_default(),
        claimant: args.claimant,
        source_id: args.source,
        occurred: args.occurred.text(),
        include_retracted: args.past,
        as_of: args.as_of.moment(),
        ..Default::default()
    };
    args.list.print(&request).await
}

impl List for ListTransfersRequest {
    fn nothing(&self) -> String {
        "no claims about transfers".to_owned()
    }

    fn shown(&self, response: &ListTransfersResponse) -> String {
        let header = ["claim", "of", "record", "leg", "number", "according to"];
        words::grid(&header, response.transfers.iter().map(shown))
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["claim", "exchange", "series", "record"];
        columns.extend(claimed::LEG_COLUMNS);
        columns.extend(["value", "low", "high", "approximate", "scope"]);
        columns.extend(["reason", "as_of", "claimant", "source", "retracted_by"]);
        columns
    }

    fn row(&self, entry: &TransferEntry) -> Vec<String> {
        let transfer = fields(entry);
        let record = entry.record.unwrap_or_default();
        let exchange = transfer.leg.as_ref().map_or("", |leg| leg.exchange_id.as_str());
        let mut row = vec![record.position.to_string(), exchange.to_owned(), transfer.series];
        row.push(transfer.record.to_owned());
        row.extend(match &transfer.leg {
            Some(leg) => claimed::leg_row(Some(leg)),
            // A total of a series is of no leg, and says nothing of a unit.
            None => vec![String::new(); claimed::LEG_COLUMNS.len()],
        });
        let count = transfer.count.unwrap_or_default();
        row.extend([count.value, count.low, count.high].map(words::number));
        row.extend([claimed::yes(count.approximate), count.scope]);
        row.extend([transfer.reason.replace(' ', "_"), transfer.as_of]);
        let claimant = transfer.attribution.as_ref().and_then(|said| said.claimed_by.as_ref());
        row.push(crate::cli::actor::write(claimant));
        row.push(transfer.attribution.map(|said| said.source_id).unwrap_or_default());
        row.push(words::number((record.retracted_by > 0).then_some(record.retracted_by)));
        row
    }
}

/// What every sort of claim about a transfer has, or leaves out.
#[derive(Default)]
struct Fields {
    record: &'static str,
    leg: Option<Leg>,
    count: Option<Count>,
    of_which: Option<OfWhich>,
    attribution: Option<Attribution>,
    reason: String,
    series: String,
    as_of: String,
}

fn fields(entry: &TransferEntry) -> Fields {
    match entry.claim.clone() {
        Some(Claim::Completed(claim)) => Fields {
            record: "completed",
            leg: claim.leg,
            count: claim.count,
            of_which: claim.of_which,
            attribution: claim.attribution,
            ..Fields::default()
        },
        Some(Claim::Agreed(claim)) => Fields {
            record: "agreed",
            leg: claim.leg,
            count: claim.count,
            attribution: claim.attribution,
            ..Fields::default()
        },
        Some(Claim::Declined(claim)) => Fields {
            record: "declined",
            reason: spoken(claim.reason().as_str_name(), "DECLINE_REASON_"),
            leg: claim.leg,
            count: claim.count,
            attribution: claim.attribution,
            ..Fields::default()
        },
        Some(Claim::Total(claim)) => Fields {
            record: "total",
            leg: claim.leg,
            count: claim.count,
            attribution: claim.attribution,
            series: claim.series,
            as_of: claim.as_of,
            ..Fields::default()
        },
        None => Fields { record: "of a sort that this version does not know", ..Fields::default() },
    }
}

fn shown(entry: &TransferEntry) -> Vec<String> {
    let transfer = fields(entry);
    let record = entry.record.unwrap_or_default();
    let mut number = words::count(transfer.count.as_ref());
    let parts = words::of_which(transfer.of_which.as_ref());
    if !parts.is_empty() {
        number = format!("{number} ({parts})");
    }
    let mut sort = transfer.record.to_owned();
    if !transfer.reason.is_empty() {
        sort = format!("{sort} ({})", transfer.reason);
    }
    let mut claimant_text = words::claimant(transfer.attribution.as_ref());
    let became = claimed::became(&record);
    if !became.is_empty() {
        claimant_text = format!("{claimant_text} ({})", became.join("; "));
    }
    let (of, leg) = match &transfer.leg {
        Some(leg) => (leg.exchange_id.clone(), words::leg(Some(leg))),
        None => (transfer.series, format!("up to {}", transfer.as_of)),
    };
    vec![record.position.to_string(), of, sort, leg, number, claimant_text]
}
