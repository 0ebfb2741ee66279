//! The audit log: a line for each refused call and for each administrative one, at the target
//! `handover::audit`.
//!
//! Any client can cause refusals, so their lines are bounded in number (`log_bound`).
//! Administrative calls that are repeated have a line a minute (`repeats`). A line says how many
//! before it were left out.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::repeats::Repeats;
use crate::grpc::log_bound::LogBound;

/// A call, as the log names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// The principal's name; empty: none is known.
    pub(super) identity: &'a str,
    pub(super) peer: Option<SocketAddr>,
}

impl Call<'_> {
    fn peer(&self) -> String {
        self.peer.map(|address| address.to_string()).unwrap_or_default()
    }
}

/// Writes the audit log.
#[derive(Debug, Default)]
pub(super) struct Audit {
    refusals: Mutex<LogBound>,
    repeats: Mutex<Repeats>,
}

impl Audit {
    /// A call that is refused.
    pub(super) fn refused(&self, call: Call<'_>, reason: &str) {
        let now = Instant::now();
        let bound = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).line(now);
        let Some(left_out) = bound else { return };
        let Call { method, identity, .. } = call;
        let peer = call.peer();
        tracing::warn!(
            target: "handover::audit",
            method, identity, peer, reason, left_out,
            "a call is refused"
        );
    }

    /// An administrative call that is permitted.
    pub(super) fn administers(&self, call: Call<'_>) {
        let now = Instant::now();
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let Call { method, identity, peer } = call;
        let address = peer.map(|peer| peer.ip());
        let Some(left_out) = repeats.line(identity, method, address, now) else { return };
        drop(repeats);
        let peer = call.peer();
        tracing::info!(
            target: "handover::audit",
            method, identity, peer, left_out,
            "an administrative call"
        );
    }
}
