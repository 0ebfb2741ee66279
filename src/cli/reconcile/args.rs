//! The arguments of `handover reconcile`.

use crate::cli::{
    choice,
    moment::{AsOfArg, OccurredArg},
    output::ListArgs,
};

/// The arguments of `reconcile`.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "what", required = true, args = ["exchange", "series"])]
pub struct Args {
    /// The id of an exchange, as in `ankara-2024-08-01`
    #[arg(value_name = "EXCHANGE")]
    pub(super) exchange: Option<String>,
    /// Instead of an exchange: the series of running totals of this name; without a name, lists
    /// the series
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "",
          conflicts_with = "exchange")]
    pub(super) series: Option<String>,
    /// For a series: only exchanges of this party
    #[arg(
        long,
        value_name = "PARTY",
        default_value = "",
        hide_default_value = true,
        requires = "series"
    )]
    pub(super) country: String,
    /// For a series: only what that party received
    #[arg(long, conflicts_with = "sent", requires_all = ["series", "country"])]
    pub(super) received: bool,
    /// For a series: only what that party sent
    #[arg(long, requires_all = ["series", "country"])]
    pub(super) sent: bool,
    /// For a series: only exchanges that this actor (a party code or a name) is said to have
    /// mediated
    #[arg(
        long,
        value_name = "ACTOR",
        default_value = "",
        hide_default_value = true,
        requires = "series"
    )]
    pub(super) mediator: String,
    /// For a series: count the mediator also where a claim denies that it mediated
    #[arg(long, requires = "mediator")]
    pub(super) denied_mediators: bool,
    /// For a series: what is counted
    #[arg(long, value_parser = choice::of("Unit"), requires = "series")]
    pub(super) unit: Option<i32>,
    #[command(flatten)]
    pub(super) occurred: OccurredArg,
    #[command(flatten)]
    pub(super) as_of: AsOfArg,
    #[command(flatten)]
    pub(super) list: ListArgs,
}
