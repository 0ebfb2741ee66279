//! TLS, with certificates that are made for each test: what is spoken, what is refused on either
//! side, and the exchange of certificates while streams go on.

pub(crate) mod certificates;
mod exposure;
mod refusals;
mod reload;
pub(crate) mod server;
mod spoken;
mod trust;
