//! Metrics for Prometheus, on an address of their own.
//!
//! The layers below count in plain numbers. [`text`] gives them names and writes them in the text
//! format; [`endpoint`] answers scrapes. What is not known is left out, and is never 0.

mod endpoint;
mod text;

pub(crate) use self::endpoint::serve;
