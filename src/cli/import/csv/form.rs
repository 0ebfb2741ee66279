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

    /// The form with these columns, in whichever order.
    pub(super) fn of(names: &[String]) -> Result<Self, String> {
        let mut given: Vec<&str> = names.iter().map(String::as_str).collect();
        given.sort_unstable();
        let same = |form: &Self| {
            let mut wanted = form.columns().to_vec();
            wanted.sort_unstable();
            wanted == given
        };
        if let Some(form) = Self::ALL.into_iter().find(same) {
            return Ok(form);
        }
        let nearest = Self::ALL.into_iter().max_by_key(|form| form.shared(&given));
        let nearest = nearest.unwrap_or(Self::Claims);
        let forms: Vec<_> = Self::ALL.iter().map(|form| form.columns().join(",")).collect();
        Err(format!(
            "no form has these columns: {}; the forms are {}",
            nearest.differences(&given),
            forms.join(" | ")
        ))
    }

    /// What of these columns, which are sorted, is not as the form has it.
    fn differences(self, given: &[&str]) -> String {
        let list = |what: &str, mut names: Vec<&str>| {
            names.dedup();
            let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
            (!names.is_empty()).then(|| format!("{what} {}", quoted.join(", ")))
        };
        let missing = self.columns().iter().filter(|name| !given.contains(name)).copied();
        let unknown = given.iter().filter(|name| !self.columns().contains(name)).copied();
        let twice = given.windows(2).filter_map(|pair| match pair {
            [first, second] if first == second => Some(*first),
            _ => None,
        });
        let lists = [
            list("missing", missing.collect()),
            list("unknown", unknown.collect()),
            list("given twice", twice.collect()),
        ];
        lists.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// How many of these columns a form has at most.
    pub(super) fn shared_at_most(given: &[&str]) -> usize {
        Self::ALL.iter().map(|form| form.shared(given)).max().unwrap_or_default()
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

    fn shared(self, given: &[&str]) -> usize {
        self.columns().iter().filter(|name| given.contains(name)).count()
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Claims => &claims::COLUMNS,
            Self::Roles => &roles::COLUMNS,
            Self::Totals => &totals::COLUMNS,
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
