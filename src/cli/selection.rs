//! Which events a command is about, as flags.

use crate::domain::{
    name::{Category, InvalidName, StreamName, Tag, TypeName},
    proto::{Filter, FilterItem},
};

/// What short type names belong to.
const PACKAGE: &str = "handover.v1";

/// Flags that choose events. An event must fit all the kinds of flags that are given: one of the
/// streams, one of the categories, one of the types, and all of the tags.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Only this stream, as in `exchange/ankara-2024-08-01`; repeat for several
    #[arg(long, value_name = "STREAM")]
    stream: Vec<String>,
    /// Only streams of this category, as in `exchange`; repeat for several
    #[arg(long, value_name = "CATEGORY")]
    category: Vec<String>,
    /// Only this type, as in `TransferCompleted` or `other.v1.Thing`; repeat for several
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only with this tag, as in `to:DE`; repeat to require all of several
    #[arg(long, value_name = "KEY:VALUE")]
    tag: Vec<String>,
    /// Only what fits all of these terms, as in `category=exchange tag=to:DE`: one of the streams,
    /// one of the categories, one of the types, all of the tags; repeat for alternatives
    #[arg(long, value_name = "TERMS", value_parser = item,
          conflicts_with_all = ["stream", "category", "types", "tag"])]
    filter: Vec<FilterItem>,
}

impl Selection {
    /// Whether anything is chosen.
    pub(super) fn is_some(&self) -> bool {
        let flags = [&self.stream, &self.category, &self.types, &self.tag];
        flags.into_iter().any(|given| !given.is_empty()) || !self.filter.is_empty()
    }

    /// The filter; `None`: every event.
    pub(super) fn into_filter(self) -> Option<Filter> {
        if !self.filter.is_empty() {
            return Some(Filter { items: self.filter });
        }
        let item = FilterItem {
            streams: self.stream,
            categories: self.category,
            types: self.types.into_iter().map(full).collect(),
            tags: self.tag,
        };
        (item != FilterItem::default()).then(|| Filter { items: vec![item] })
    }
}

/// A type's full name, given that or the short name of a type of the record.
fn full(name: String) -> String {
    if name.contains('.') { name } else { format!("{PACKAGE}.{name}") }
}

/// One alternative of a filter. No name holds white space, so that is what stands between terms.
fn item(text: &str) -> Result<FilterItem, String> {
    let mut item = FilterItem::default();
    for term in text.split_whitespace() {
        let (kind, value) = term.split_once('=').ok_or_else(|| unknown(term))?;
        let (list, value, checked): (_, _, Result<(), InvalidName>) = match kind {
            "stream" => (&mut item.streams, value.to_owned(), StreamName::parse(value).map(drop)),
            "category" => {
                (&mut item.categories, value.to_owned(), Category::parse(value).map(drop))
            }
            "type" => {
                let name = full(value.to_owned());
                let checked = TypeName::parse(&name).map(drop);
                (&mut item.types, name, checked)
            }
            "tag" => (&mut item.tags, value.to_owned(), Tag::parse(value).map(drop)),
            _ => return Err(unknown(term)),
        };
        checked.map_err(|problem| format!("the term {term} {problem}"))?;
        list.push(value);
    }
    if item == FilterItem::default() {
        return Err("it names nothing; leave it out to have every event".to_owned());
    }
    Ok(item)
}

fn unknown(term: &str) -> String {
    format!("the term {term} is none of stream=..., category=..., type=... and tag=...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_mean_every_event_and_types_may_be_short() {
        assert_eq!(Selection::default().into_filter(), None);
        let types = vec!["TransferCompleted".to_owned(), "other.v1.Thing".to_owned()];
        let filter = Selection { types, ..Default::default() }.into_filter().unwrap();
        assert_eq!(filter.items[0].types, ["handover.v1.TransferCompleted", "other.v1.Thing"]);
    }

    #[test]
    fn terms_of_one_filter_go_to_their_lists() {
        let terms = "category=exchange type=TransferCompleted  tag=to:DE tag=from:RU stream=a/b=c";
        let parsed = item(terms).unwrap();
        assert_eq!(parsed.categories, ["exchange"]);
        assert_eq!(parsed.types, ["handover.v1.TransferCompleted"]);
        assert_eq!(parsed.tags, ["to:DE", "from:RU"]);
        assert_eq!(parsed.streams, ["a/b=c"]);
    }

    #[test]
    fn a_wrong_term_is_named() {
        for (terms, expected) in [
            ("tag=to:DE tag=DE", "the term tag=DE is not of the form key:value"),
            ("stream=exchange", "the term stream=exchange is not of the form category/name"),
            ("to:DE", "the term to:DE is none of stream="),
            ("tags=to:DE", "the term tags=to:DE is none of"),
            ("type=1", "the term type=1 is not the full name"),
            ("category=Exchange", "the term category=Exchange has a category"),
            (" ", "it names nothing"),
        ] {
            let error = item(terms).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
