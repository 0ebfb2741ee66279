//! Whether a row says what the events say that it is made of: it is read as `import` would read it.

use prost_reflect::{DynamicMessage, ReflectMessage as _};

use crate::{
    cli::{cell, import::csv::events_of, json::describe},
    domain::known::Known,
};

/// What changes a figure, or who claims what, if it is left out.
const NEEDED: [&str; 11] = [
    "leg",
    "count",
    "occurred",
    "reason",
    "role",
    "denied",
    "series",
    "as_of",
    "actor",
    "attribution.source_id",
    "attribution.claimed_by",
];
/// What is not, although it is part of something that is.
const NOT_NEEDED: [&str; 2] = ["actor.kind", "attribution.claimed_by.kind"];

/// A row that says nothing else than the events that it is made of.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) fields: Vec<String>,
    /// The events as `import` reads them, without the registration of the source.
    pub(super) read: Vec<Known>,
    /// What the row does not say of each event, by the fields.
    pub(super) missing: Vec<Vec<String>>,
}

impl Row {
    /// Reads the fields. A row that says something else than the events, or leaves out what is
    /// needed, is an error that says why.
    pub(super) fn of(
        columns: &[&str],
        fields: Vec<String>,
        events: &[&Known],
    ) -> Result<Self, String> {
        let cells: Vec<String> = fields.iter().cloned().map(cell::escaped).collect();
        let mut read = events_of(columns, &cells).map_err(|error| error.problem)?;
        read.retain(|event| !matches!(event, Known::SourceRegistered(_)));
        if read.len() != events.len() {
            return Err("would be read as other events".to_owned());
        }
        let compared = events.iter().zip(&read).map(|(event, read)| compared(event, read));
        let missing = compared.collect::<Result<_, _>>()?;
        Ok(Self { fields, read, missing })
    }
}

/// The fields of an event that another one, which was read, does not have.
pub(super) fn compared(event: &Known, read: &Known) -> Result<Vec<String>, String> {
    let mut difference = Difference::default();
    match (message(event), message(read)) {
        (Some(event), Some(read)) if event.descriptor() == read.descriptor() => {
            difference.between(&event, &read, "");
        }
        _ => return Err(format!("would be read as a {}", read.short_name())),
    }
    let Difference { changed, missing } = difference;
    if let Some(path) = changed.first() {
        return Err(format!("has {path}, which the columns change"));
    }
    if ["count.low", "count.high"].iter().any(|path| missing.iter().any(|it| it == path)) {
        return Err("gives a range, which the columns cannot hold".to_owned());
    }
    let within = |path: &str, part: &&str| {
        path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let needed = |path: &&String| {
        let part_of = |parts: &[&str]| parts.iter().any(|part| within(path, part));
        part_of(&NEEDED) && !part_of(&NOT_NEEDED)
    };
    match missing.iter().find(needed) {
        Some(path) => Err(format!("has {path}, which the columns cannot hold")),
        None => Ok(missing),
    }
}

fn message(event: &Known) -> Option<DynamicMessage> {
    DynamicMessage::decode(describe(event.type_name())?, event.pack().value).ok()
}

#[derive(Debug, Default)]
struct Difference {
    /// Fields that have another value.
    changed: Vec<String>,
    /// Fields that have none any more.
    missing: Vec<String>,
}

impl Difference {
    fn between(&mut self, event: &DynamicMessage, read: &DynamicMessage, above: &str) {
        for field in event.descriptor().fields() {
            let path = format!("{above}{}", field.name());
            let (was, is) = (event.get_field(&field), read.get_field(&field));
            match (event.has_field(&field), read.has_field(&field)) {
                (true, false) => self.missing.push(path),
                (false, true) => self.changed.push(path),
                _ if was == is => {}
                _ => match (was.as_message(), is.as_message()) {
                    (Some(was), Some(is)) => self.between(was, is, &format!("{path}.")),
                    // White space around a field is no part of it.
                    _ if was.as_str().map(str::trim) == is.as_str() && is.as_str().is_some() => {
                        self.missing.push(format!("{path} (white space around it)"));
                    }
                    _ => self.changed.push(path),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{known::examples, proto::TransferCompleted};

    #[test]
    fn a_row_may_say_less_and_nothing_else() {
        let whole = examples::completed();
        let less = |change: fn(&mut TransferCompleted)| {
            let mut read = whole.clone();
            change(&mut read);
            compared(&whole.clone().into(), &read.into())
        };
        assert_eq!(less(|_| {}), Ok(vec![]));
        let missing = less(|read| {
            read.via.clear();
            read.of_which = None;
            let said = read.attribution.as_mut().unwrap();
            said.locator.clear();
            said.claimed_by.as_mut().unwrap().kind = 0;
        });
        let paths = ["attribution.locator", "attribution.claimed_by.kind", "of_which", "via"];
        assert_eq!(missing, Ok(paths.map(str::to_owned).into()));
        for (error, expected) in [
            (less(|read| read.occurred = "2025".into()), "has occurred, which the columns change"),
            (less(|read| read.via.push("FR".into())), "has via, which the columns change"),
            (
                less(|read| read.count.as_mut().unwrap().value = None),
                "has count.value, which the columns cannot hold",
            ),
            (
                less(|read| read.leg.as_mut().unwrap().portion.clear()),
                "has leg.portion, which the columns cannot hold",
            ),
            (
                less(|read| read.attribution.as_mut().unwrap().claimed_by = None),
                "has attribution.claimed_by, which the columns cannot hold",
            ),
            (
                compared(&whole.clone().into(), &examples::agreed().into()),
                "would be read as a TransferAgreed",
            ),
        ] {
            assert_eq!(error, Err(expected.to_owned()));
        }
        let mut spaced = whole.clone();
        spaced.occurred_text = " yesterday\u{a0}".to_owned();
        let trimmed = TransferCompleted { occurred_text: "yesterday".into(), ..whole.clone() };
        let missing = compared(&spaced.into(), &trimmed.into());
        assert_eq!(missing, Ok(vec!["occurred_text (white space around it)".to_owned()]));
        let mut bare = whole.clone();
        bare.occurred.clear();
        let error = compared(&bare.into(), &whole.into());
        assert_eq!(error, Err("has occurred, which the columns change".to_owned()));
    }
}
