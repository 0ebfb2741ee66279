//! Meaning: events, legs, dates, parties, filters and decisions. Pure: no I/O, no clock.

pub mod append;
pub mod claim;
pub mod date;
pub mod event;
pub mod examine;
pub mod filter;
pub mod known;
pub mod limits;
pub mod name;
pub mod party;
pub mod proto;
pub mod violation;
pub mod window;
