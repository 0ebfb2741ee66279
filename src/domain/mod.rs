//! Meaning: events, legs, dates, parties, filters and decisions. Pure: no I/O, no clock.

pub mod date;
pub mod event;
pub mod filter;
pub mod limits;
pub mod name;
pub mod party;
pub mod proto;
pub mod violation;
