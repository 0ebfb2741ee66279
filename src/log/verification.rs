//! Checks all that a store keeps, and changes nothing: checksums, digests, order, and the index
//! against the events.
//!
//! A [`Verification`] is of a stopped store, whose files it reads as they lie there, or of an open
//! one at a fixed head. Threads take one volume or one run of the index at a time. What is wrong
//! becomes a [`Finding`], and the check goes on behind it, also where the operating system does not
//! let something be read.

mod events;
mod facts;
mod finding;
mod found;
mod jobs;
mod journal;
mod live;
mod named;
mod progress;
mod stopped;
mod subject;
#[cfg(test)]
mod tests;
pub(in crate::log) mod values;
mod volume;
mod walk;

pub use self::{
    events::Wanted,
    facts::Checked,
    finding::{Counts, Finding, Findings, Part, Severity},
    progress::Progress,
    subject::Verification,
};
