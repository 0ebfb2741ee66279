//! TLS, with certificates that are made for each test: what is spoken, what is refused on either
//! side, and the exchange of certificates while streams go on.

mod certificates;
mod exposure;
mod refusals;
mod reload;
mod server;
mod spoken;
mod trust;
