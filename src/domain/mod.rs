//! Meaning: events, legs, dates, parties, filters and decisions. Pure: no I/O, no clock.

pub mod amount;
pub mod date;
pub mod estimate;
pub mod event;
pub mod figure;
pub mod filter;
pub mod leg;
pub mod limits;
pub mod name;
pub mod nesting;
pub mod of_which;
pub mod party;
pub mod proto;
pub mod side;
pub mod violation;
pub mod whole;
