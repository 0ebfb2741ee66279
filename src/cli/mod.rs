//! The command line: each command is a file that reads its arguments, calls, and prints.

pub mod exit;
pub mod json;
mod members;
pub mod payload;
