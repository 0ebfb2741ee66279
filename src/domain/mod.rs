//! Meaning: events, legs, dates, parties, filters and decisions. Pure: no I/O, no clock.

pub mod append;
pub mod event;
pub mod filter;
pub mod limits;
pub mod name;
pub mod proto;
pub mod recorded;
pub mod violation;
pub mod window;
