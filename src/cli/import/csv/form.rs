//! The three forms, told apart by their columns.

use super::{Event, claims, fields::Row, roles, totals};
use crate::cli::lines::RowError;

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
        let missing = nearest.columns().iter().filter(|name| !given.contains(name));
        let missing: Vec<_> = missing.copied().collect();
        let unknown: Vec<_> =
            given.iter().filter(|name| !nearest.columns().contains(name)).copied().collect();
        let forms: Vec<_> = Self::ALL.iter().map(|form| form.columns().join(",")).collect();
        Err(format!(
            "these are not the columns of a form that is read: missing {missing:?}, unknown or \
             twice {unknown:?}; the forms are {}",
            forms.join(" | ")
        ))
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
