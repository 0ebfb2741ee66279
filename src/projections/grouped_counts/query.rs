//! What a query for grouped counts names: the dimensions, and what is left out.

use std::collections::BTreeSet;

use crate::domain::{
    date::Edtf,
    leg::{CategoryCode, UnitCode},
};

/// What figures can be grouped by; the unit always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Who gave them up.
    From,
    /// Who received them.
    To,
    /// Both sides.
    Route,
    /// The outermost exchange.
    Exchange,
    /// Who is said to have mediated.
    Mediator,
    /// The year in which the outermost exchange began.
    Year,
    /// The month in which all dates of the outermost exchange lie, else the period they span.
    Month,
    /// The quarter, in the same way.
    Quarter,
    /// What sort of operation the outermost exchange is.
    Kind,
    /// Which persons.
    Category,
}

/// Which groups are requested. Where several filters are given, all of them must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupedQuery {
    /// What to group by.
    pub dimensions: Vec<Dimension>,
    /// Only legs attributed to one of these alone as giving up; none: all.
    pub senders: BTreeSet<String>,
    /// Only legs attributed to one of these alone as receiving; none: all.
    pub receivers: BTreeSet<String>,
    /// Only this exchange and those within it.
    pub exchange: Option<String>,
    /// Only exchanges with this mediator: a party code, or the name of a mediator without one.
    pub mediator: Option<String>,
    /// Mediators count also where a claim denies that they mediated.
    pub include_denied: bool,
    /// Only outermost exchanges of this kind, a number of `proto::ExchangeKind`.
    pub kind: Option<i32>,
    /// Only legs of this category.
    pub category: Option<CategoryCode>,
    /// Only this unit.
    pub unit: Option<UnitCode>,
    /// Only outermost exchanges that occurred then.
    pub occurred: Option<Edtf>,
}
