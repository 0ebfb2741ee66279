//! What the suite `network` is to reach.

use crate::report::{
    Figure,
    Wanted::{AtLeast, AtMost},
    figure,
};

/// What a network costs at most, on two cores that the client shares.
pub(super) const FIGURES: &[Figure] = &[
    figure(ACCESS_APPENDS, "64 callers by TLS and token / without", AtLeast(0.95), "x"),
    figure(ACCESS_READS, "full read by TLS and token / without", AtLeast(0.97), "x"),
    figure(SCRAPED_APPENDS, "64 callers with scraped metrics / without", AtLeast(0.99), "x"),
    figure(IDLE_TLS_MEMORY, "memory of idle subscribers by TLS", AtMost(250.0), "MB"),
    figure(IDLE_TLS_APPENDS, "appends beside them / without them", AtLeast(0.9), "x"),
];

pub(super) const ACCESS_APPENDS: &str = "access-appends";
pub(super) const ACCESS_READS: &str = "access-reads";
pub(super) const SCRAPED_APPENDS: &str = "scraped-appends";
pub(super) const IDLE_TLS_MEMORY: &str = "idle-tls-memory";
pub(super) const IDLE_TLS_APPENDS: &str = "idle-tls-appends";
