//! The three forms. Their columns distinguish them.

use super::{claims, event::Event, fields::Row, roles, totals};
use crate::{cli::lines::RowError, domain::known::Known};

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Claims about exchanges: numbers, agreements, totals.
    Claims,
    /// Who had which part in an exchange.
    Roles,
    /// Running totals of series of exchanges.
    Totals,
}

impl Form {
    const ALL: [Self; 3] = [Self::Claims, Self::Roles, Self::Totals];

    /// The form that has most of these columns.
    pub(super) fn nearest(names: &[String]) -> Self {
        let nearest = Self::ALL.into_iter().rev().max_by_key(|form| form.shared(names));
        nearest.unwrap_or(Self::Claims)
    }

    /// How many of these columns a form has at most.
    pub(super) fn shared_at_most(names: &[String]) -> usize {
        Self::ALL.iter().map(|form| form.shared(names)).max().unwrap_or_default()
    }

    /// The columns of all forms, as a message lists them.
    pub(super) fn all_columns() -> String {
        let forms = Self::ALL.iter().map(|form| form.columns().join(","));
        forms.collect::<Vec<_>>().join(" | ")
    }

    /// Whether a table without this column says nothing. The number of a claim may stand in its
    /// two ends instead.
    pub(super) fn requires(self, column: &str, has: &dyn Fn(&str) -> bool) -> bool {
        let by_its_ends = column == "count" && (has("low") || has("high"));
        !by_its_ends && (self.subject().contains(&column) || self.filled().contains(&column))
    }

    /// The columns that even a line of totals or a footnote may fill.
    fn subject(self) -> &'static [&'static str] {
        match self {
            Self::Claims => &["exchange", "count"],
            Self::Roles => &["exchange"],
            Self::Totals => &["claimed_by", "total"],
        }
    }

    /// The columns that every row of the form fills: where all are empty, it is no such row.
    pub(super) fn filled(self) -> &'static [&'static str] {
        match self {
            Self::Claims => &["record", "unit", "source"],
            Self::Roles => &["actor", "role", "source"],
            Self::Totals => &["as_of", "source"],
        }
    }

    /// The column that a field of an event was taken from: that of its name, or of the name of what
    /// holds it, but for those that are called otherwise.
    pub(super) fn column_of(self, known: &Known, field: &str) -> &'static str {
        let claimant = match (self, known) {
            (_, Known::SourceRegistered(_)) => return "source",
            (Self::Roles, Known::RoleAttributed(role)) if role.denied => "disputed_by",
            (Self::Roles, _) => "attributed_by",
            (Self::Claims | Self::Totals, _) => "claimed_by",
        };
        let column = |name: &str| self.columns().iter().copied().find(|column| *column == name);
        let called_otherwise = [
            ("attribution.source_id", "source"),
            ("attribution", claimant),
            ("series", claimant),
            ("count.scope", "scope"),
            ("count", "total"),
        ];
        let mut called_otherwise = called_otherwise.into_iter();
        let named = called_otherwise
            .find_map(|(beginning, name)| column(name).filter(|_| field.starts_with(beginning)));
        let of_its_name =
            || field.rsplit('.').find_map(|name| column(name.split('[').next().unwrap_or(name)));
        named.or_else(of_its_name).unwrap_or("exchange")
    }

    fn shared(self, given: &[String]) -> usize {
        self.columns().iter().filter(|name| given.iter().any(|it| it == *name)).count()
    }

    /// The columns that `export` writes.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Claims => &claims::COLUMNS,
            Self::Roles => &roles::COLUMNS,
            Self::Totals => &totals::COLUMNS,
        }
    }

    /// The columns that may stand beside them.
    pub(super) fn more(self) -> &'static [&'static str] {
        match self {
            Self::Claims => &claims::ENDS,
            Self::Roles | Self::Totals => &[],
        }
    }

    /// The events that a row gives.
    pub(super) fn events(self, row: &Row<'_>) -> Result<Vec<Event>, RowError> {
        match self {
            Self::Claims => claims::events(row),
            Self::Roles => roles::events(row),
            Self::Totals => totals::events(row),
        }
    }
}
