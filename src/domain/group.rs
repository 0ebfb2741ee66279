//! Consumer groups: their names, their settings, and which consumer has which work.
//!
//! Nothing here reads or waits. [`Work`] takes what was read, what was answered and the time. It
//! says which consumer gets which event, and what is to be recorded.

mod audit;
mod chain;
mod checkpoint;
mod consumer;
mod delivery;
mod handing;
mod lane;
mod late;
mod leases;
mod lost;
mod settings;
#[cfg(test)]
mod tests;
mod unanswered;
mod unfinished;
mod work;

use std::{fmt, sync::Arc};

pub use self::{
    audit::{Audit, TYPE_NAMES},
    chain::{Chain, Entry},
    checkpoint::Checkpoint,
    delivery::{Answer, ConsumerId, Moment, NeverDelivered, Outgoing, Park},
    settings::Settings,
    unfinished::Unfinished,
    work::Work,
};
use crate::domain::{
    limits,
    name::{Category, InvalidName, StreamName},
};

/// Category of the streams in which the server records what concerns groups.
pub const CATEGORY: &str = "group";

/// Whether the stream is one of those that only the server writes.
pub fn is_of_groups(stream: &str) -> bool {
    stream.split_once('/').is_some_and(|(category, _)| category == CATEGORY)
}

/// A group's name: lower-case letters, digits, `_`, `-` and `.` after a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// Checks and takes a name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.len() > limits::GROUP_NAME_BYTES {
            let (bytes, limit) = (text.len(), limits::GROUP_NAME_BYTES);
            let problem = format!("has {bytes} bytes; the limit is {limit}");
            return Err(InvalidName { problem, limit: true });
        }
        // A group's name has the letters of a category.
        Category::parse(text).map_err(|_| InvalidName {
            problem: "is not lower-case letters, digits, _, - and . after a letter".into(),
            limit: false,
        })?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stream in which everything about the group is recorded.
    ///
    /// # Panics
    ///
    /// Never: the letters of a group's name are those of a stream's.
    pub fn stream(&self) -> StreamName {
        let name = format!("{CATEGORY}/{}", self.0);
        StreamName::parse(&name).expect("the letters of a group's name are those of a stream's")
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
