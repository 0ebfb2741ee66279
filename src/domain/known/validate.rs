//! Whether the fields of a known event are in order, all of them at once.
//!
//! The tables of rules have every field of every message, so that a field added to the protos does
//! not compile until a rule for it has been thought of.

mod about;
mod exchange;
mod parts;
mod statement;
#[cfg(test)]
mod tests;
mod transfer;
