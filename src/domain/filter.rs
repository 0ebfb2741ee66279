//! Which events are meant: alternatives of streams, categories, types and tags.

use std::sync::Arc;

use crate::domain::{
    limits,
    name::{Category, InvalidName, StreamName, Tag, TypeName},
    proto,
    violation::Violations,
};

/// Alternatives; no items means every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Shared: a filter goes with every question that is put to the index.
    items: Arc<[FilterItem]>,
    /// What is looked for where an identity text is not folded; absent: the items.
    folded: Option<Arc<[FilterItem]>>,
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
        let folded = folded(&items);
        violations.into_result(Self { items: items.into(), folded })
    }

    /// A filter as a request says it, which stands at `path`; what is wrong is noted.
    pub fn parse(filter: proto::Filter, path: &str, wrong: &mut Violations) -> Self {
        let proto::Filter { items } = filter;
        let items = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| FilterItem::parse(&item, &format!("{path}.items[{index}]"), wrong))
            .collect();
        Self::new(items).unwrap_or_else(|found| {
            // Terms that were refused above leave items empty; that need not be said twice.
            if wrong.0.is_empty() {
                wrong.absorb(path, found);
            }
            Self::all()
        })
    }

    /// Alternatives that the server names itself, which the limit on clients does not bind.
    pub fn of_server(items: Vec<FilterItem>) -> Self {
        Self { items: items.into(), folded: None }
    }

    /// The alternatives as they were given.
    pub fn items(&self) -> &[FilterItem] {
        &self.items
    }

    /// The alternatives that are looked for. A stream or a tag that is spelled otherwise than the
    /// record's own are is looked for under both spellings: events that an older build let in
    /// stand under theirs.
    pub fn sought(&self) -> &[FilterItem] {
        self.folded.as_ref().unwrap_or(&self.items)
    }

    /// The same, but only events of one stream. `None`: no event can match.
    pub fn only_stream(&self, stream: &StreamName) -> Option<Self> {
        let wanted = FilterItem { streams: vec![stream.clone()], ..FilterItem::default() };
        self.only(wanted, |item| item.streams.is_empty() || item.streams.contains(stream))
    }

    /// The same, but only events of one category. `None`: no event can match.
    pub fn only_category(&self, category: &Category) -> Option<Self> {
        let wanted = FilterItem { categories: vec![category.clone()], ..FilterItem::default() };
        self.only(wanted, |item| item.categories.is_empty() || item.categories.contains(category))
    }

    fn only(&self, wanted: FilterItem, fits: impl Fn(&FilterItem) -> bool) -> Option<Self> {
        if self.is_all() {
            return Some(Self::of_server(vec![wanted]));
        }
        let narrowed = |item: &FilterItem| {
            let FilterItem { streams, categories, .. } = wanted.clone();
            FilterItem {
                streams: if streams.is_empty() { item.streams.clone() } else { streams },
                categories: if categories.is_empty() {
                    item.categories.clone()
                } else {
                    categories
                },
                types: item.types.clone(),
                tags: item.tags.clone(),
            }
        };
        let items: Vec<_> = self.sought().iter().filter(|item| fits(item)).map(narrowed).collect();
        (!items.is_empty()).then(|| Self::of_server(items))
    }

    /// Whether every event matches.
    pub fn is_all(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an event with these labels matches.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.is_all() || self.sought().iter().any(|item| item.matches(labels))
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
    fn parse(item: &proto::FilterItem, path: &str, wrong: &mut Violations) -> Self {
        let proto::FilterItem { streams, categories, types, tags } = item;
        let mut all =
            |field: &str, texts: &[String], take: &mut dyn FnMut(&str) -> Option<InvalidName>| {
                for (index, text) in texts.iter().enumerate() {
                    if let Some(error) = take(text) {
                        error.note(&format!("{path}.{field}[{index}]"), wrong);
                    }
                }
            };
        let mut item = Self::default();
        all("streams", streams, &mut |text| keep(StreamName::parse(text), &mut item.streams));
        all("categories", categories, &mut |text| {
            keep(Category::parse(text), &mut item.categories)
        });
        all("types", types, &mut |text| keep(TypeName::parse(text), &mut item.types));
        all("tags", tags, &mut |text| keep(Tag::parse(text), &mut item.tags));
        item
    }

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

/// The items with the folded spellings beside those given; absent: they are folded.
fn folded(items: &[FilterItem]) -> Option<Arc<[FilterItem]>> {
    let mut all: Vec<FilterItem> = Vec::with_capacity(items.len());
    for item in items {
        let mut item = item.clone();
        for index in 0..item.streams.len() {
            let folded = item.streams.get(index).map(StreamName::folded);
            item.streams.extend(folded.filter(|folded| !item.streams.contains(folded)));
        }
        let tags: Vec<Tag> = item.tags.iter().map(Tag::folded).collect();
        let otherwise = (tags != item.tags).then(|| FilterItem { tags, ..item.clone() });
        all.push(item);
        all.extend(otherwise);
    }
    (all != items).then(|| all.into())
}

fn keep<T>(parsed: Result<T, InvalidName>, kept: &mut Vec<T>) -> Option<InvalidName> {
    parsed.map(|value| kept.push(value)).err()
}

impl From<&Filter> for proto::Filter {
    fn from(filter: &Filter) -> Self {
        fn texts<T: ToString>(names: &[T]) -> Vec<String> {
            names.iter().map(T::to_string).collect()
        }
        let items = filter.items().iter().map(|item| proto::FilterItem {
            streams: texts(&item.streams),
            categories: texts(&item.categories),
            types: texts(&item.types),
            tags: texts(&item.tags),
        });
        Self { items: items.collect() }
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(items: &[(&[&str], &[&str])]) -> Filter {
        let item = |(streams, tags): &(&[&str], &[&str])| FilterItem {
            streams: streams.iter().map(|name| StreamName::parse(name).unwrap()).collect(),
            tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
            ..FilterItem::default()
        };
        Filter::new(items.iter().map(item).collect()).unwrap()
    }

    #[test]
    fn what_is_spelled_as_the_record_spells_is_looked_for_as_it_is() {
        let plain = filter(&[(&["exchange/a", "desk/e\u{301}"], &[]), (&[], &["desk:e\u{301}"])]);
        assert_eq!(plain.sought(), plain.items());
    }

    #[test]
    fn what_is_spelled_otherwise_is_looked_for_under_both_spellings() {
        let typed = filter(&[(&["exchange/e\u{301}"], &["exchange:e\u{301}", "desk:a"])]);
        let both: &[&str] = &["exchange/e\u{301}", "exchange/\u{e9}"];
        let sought = filter(&[
            (both, &["exchange:e\u{301}", "desk:a"]),
            (both, &["exchange:\u{e9}", "desk:a"]),
        ]);
        assert_eq!(typed.sought(), sought.items());
        assert_eq!(proto::Filter::from(&typed).items[0].streams, ["exchange/e\u{301}"]);
        let labels = |stream: &str, tags: &[&str]| Labels {
            stream: StreamName::parse(stream).unwrap(),
            type_name: TypeName::parse("demo.A").unwrap(),
            tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
        };
        assert!(typed.matches(&labels("exchange/\u{e9}", &["exchange:\u{e9}", "desk:a"])));
        assert!(!typed.matches(&labels("exchange/\u{e9}", &["exchange:\u{e9}"])));
        assert!(!typed.matches(&labels("exchange/e", &["exchange:\u{e9}", "desk:a"])));
    }
}
