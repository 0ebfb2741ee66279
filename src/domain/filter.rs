//! Which events are meant: alternatives of streams, categories, types and tags.

use std::sync::Arc;

use crate::domain::{
    limits,
    name::{Category, StreamName, Tag, TypeName},
    violation::Violations,
};

/// Alternatives; no items means every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Shared: a filter goes with every question that is put to the index.
    items: Arc<[FilterItem]>,
}

/// Matches where all of its non-empty lists do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterItem {
    /// Any of these.
    pub streams: Vec<StreamName>,
    /// Any of these.
    pub categories: Vec<Category>,
    /// Any of these.
    pub types: Vec<TypeName>,
    /// All of these.
    pub tags: Vec<Tag>,
}

/// What a filter looks at in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The event's stream, which holds its category.
    pub stream: StreamName,
    /// The payload's type.
    pub type_name: TypeName,
    /// The event's tags.
    pub tags: Vec<Tag>,
}

impl Filter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Alternatives; an item that says nothing, or more terms than the limit, is refused.
    pub fn new(items: Vec<FilterItem>) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        for (index, item) in items.iter().enumerate() {
            if item.terms() == 0 {
                violations.add(
                    format!("items[{index}]"),
                    "names nothing; name a stream, category, type or tag, or leave out all items",
                );
            }
        }
        let terms = items.iter().map(FilterItem::terms).sum::<usize>();
        if terms > limits::FILTER_TERMS {
            violations.exceeds("items", "terms", terms, limits::FILTER_TERMS);
        }
        violations.into_result(Self { items: items.into() })
    }

    /// Alternatives that the server names itself, which the limit on clients does not bind.
    pub fn of_server(items: Vec<FilterItem>) -> Self {
        Self { items: items.into() }
    }

    /// The alternatives.
    pub fn items(&self) -> &[FilterItem] {
        &self.items
    }

    /// Whether every event matches.
    pub fn is_all(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an event with these labels matches.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.is_all() || self.items.iter().any(|item| item.matches(labels))
    }

    /// The stream, if the filter names exactly one stream and nothing else.
    pub fn single_stream(&self) -> Option<&StreamName> {
        match &*self.items {
            [item] if item.terms() == 1 => item.streams.first(),
            _ => None,
        }
    }
}

impl FilterItem {
    fn terms(&self) -> usize {
        self.streams.len() + self.categories.len() + self.types.len() + self.tags.len()
    }

    fn matches(&self, labels: &Labels) -> bool {
        let category = labels.stream.category();
        (self.streams.is_empty() || self.streams.contains(&labels.stream))
            && (self.categories.is_empty()
                || self.categories.iter().any(|wanted| wanted.as_str() == category))
            && (self.types.is_empty() || self.types.contains(&labels.type_name))
            && self.tags.iter().all(|tag| labels.tags.contains(tag))
    }
}
