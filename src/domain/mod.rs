//! Meaning: events, legs, dates, parties, filters and decisions. Pure: no I/O, no clock.

pub mod amount;
pub mod append;
pub mod attribution;
pub mod claim;
pub mod date;
pub mod estimate;
pub mod event;
pub mod examine;
pub mod figure;
pub mod filter;
pub mod known;
pub mod leg;
pub mod limits;
pub mod name;
pub mod nesting;
pub mod of_which;
pub mod party;
pub mod proto;
pub mod recorded;
pub mod side;
pub mod unattributed;
pub mod violation;
pub mod whole;
pub mod window;
