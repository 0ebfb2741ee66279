//! Which events a command is about, as flags.

use crate::domain::proto::{Filter, FilterItem};

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
    /// Only with this tag, as in `to:DE`; repeat to ask for all of several
    #[arg(long, value_name = "KEY:VALUE")]
    tag: Vec<String>,
}

impl Selection {
    /// Whether anything is chosen.
    pub(super) fn is_some(&self) -> bool {
        let flags = [&self.stream, &self.category, &self.types, &self.tag];
        flags.into_iter().any(|given| !given.is_empty())
    }

    /// The filter; `None`: every event.
    pub(super) fn into_filter(self) -> Option<Filter> {
        let full = |name: String| {
            if name.contains('.') { name } else { format!("{PACKAGE}.{name}") }
        };
        let item = FilterItem {
            streams: self.stream,
            categories: self.category,
            types: self.types.into_iter().map(full).collect(),
            tags: self.tag,
        };
        (item != FilterItem::default()).then(|| Filter { items: vec![item] })
    }
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
}
