//! Categories of streams that a grant is limited to.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::domain::{
    filter::Filter,
    name::{Category, StreamName},
};

/// All categories, or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Categories {
    /// Every category, those that are not there yet included.
    All,
    /// These; at least one.
    Only(BTreeSet<String>),
}

impl Categories {
    /// These categories, or what is wrong with them.
    pub fn only<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let mut categories = BTreeSet::new();
        for name in names {
            let name = name.as_ref();
            Category::parse(name).map_err(|error| format!("{name:?} {error}"))?;
            categories.insert(name.to_owned());
        }
        if categories.is_empty() {
            return Err("no category is named; name one, or leave the list out for all".into());
        }
        Ok(Self::Only(categories))
    }

    /// Whether this category is among them.
    pub fn has(&self, category: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(category),
        }
    }

    /// Whether all of another set is among them.
    pub fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(own), Self::Only(others)) => others.is_subset(own),
        }
    }

    /// Whether every event that a filter can match is in one of them, whatever the log holds: each
    /// alternative has to name streams or categories, and all of them are among these.
    pub fn hold(&self, filter: &Filter) -> bool {
        let Self::Only(some) = self else { return true };
        let within = |names: &mut dyn Iterator<Item = &str>| {
            let mut names = names.peekable();
            names.peek().is_some() && names.all(|name| some.contains(name))
        };
        let items = filter.items();
        let held = items.iter().all(|item| {
            within(&mut item.streams.iter().map(StreamName::category))
                || within(&mut item.categories.iter().map(Category::as_str))
        });
        held && !items.is_empty()
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Only(mut own), Self::Only(others)) => {
                own.extend(others.iter().cloned());
                Self::Only(own)
            }
        }
    }
}

impl fmt::Display for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all categories"),
            Self::Only(some) => {
                let names: Vec<&str> = some.iter().map(String::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl Serialize for Categories {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => into.serialize_none(),
            Self::Only(some) => some.serialize(into),
        }
    }
}

impl<'de> Deserialize<'de> for Categories {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::only(Vec::<String>::deserialize(from)?).map_err(D::Error::custom)
    }
}
