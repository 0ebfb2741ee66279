//! Counts connections, from their acceptance to their end.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    domain::measure::Counter,
    grpc::{
        log_bound::LogBound,
        peers::{ConnectionLimits, Peers},
    },
    log::usage::Used,
};

/// The connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    limit: AtomicUsize,
    open: AtomicUsize,
    peers: Peers,
    accepted: Counter,
    refused: Counter,
    cut: Counter,
    lines_of_cuts: Mutex<LogBound>,
    failed_handshakes: Counter,
    lines_of_handshakes: Mutex<LogBound>,
}

/// The place of a connection among those that may be open, given back when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPlace {
    all: Arc<Connections>,
    /// Where it comes from; absent: the system does not say.
    address: Option<IpAddr>,
    /// How long it may be without a call; `None`: for ever.
    pub(super) idle: Option<Duration>,
    _permit: OwnedSemaphorePermit,
}

/// The connections at some moment.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionsUsage {
    /// How many are open, and how many may be.
    pub open: Used,
    /// How many were accepted.
    pub accepted: u64,
    /// How many were refused, because their peer had as many as it may have.
    pub refused: u64,
    /// How many the server cut, because their clients broke the bounds of HTTP/2.
    pub cut: u64,
    /// TLS handshakes that failed.
    pub failed_handshakes: u64,
}

impl Connections {
    /// Notes how many may be open.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    /// Gives a connection its place. Without one for its peer the permit is returned.
    pub(super) fn admit(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        address: Option<IpAddr>,
        limits: ConnectionLimits,
    ) -> Result<ConnectionPlace, OwnedSemaphorePermit> {
        if !address.is_none_or(|address| self.peers.enter(address, limits)) {
            self.refused.add_one();
            return Err(permit);
        }
        self.accepted.add_one();
        self.open.fetch_add(1, Relaxed);
        let (all, idle) = (Arc::clone(self), limits.idle);
        Ok(ConnectionPlace { all, address, idle, _permit: permit })
    }

    /// What was counted until now.
    pub(crate) fn usage(&self) -> ConnectionsUsage {
        ConnectionsUsage {
            open: Used::of(self.open.load(Relaxed), self.limit.load(Relaxed)),
            accepted: self.accepted.get(),
            refused: self.refused.get(),
            cut: self.cut.get(),
            failed_handshakes: self.failed_handshakes.get(),
        }
    }
}

impl ConnectionPlace {
    /// The server cuts the connection. Returns how many lines about cuts the log leaves out before
    /// the one about this; `None`: that is left out as well.
    pub(super) fn cut(&self) -> Option<u64> {
        self.all.cut.add_one();
        line(&self.all.lines_of_cuts)
    }

    /// The TLS handshake of the connection failed.
    pub(super) fn failed_handshake(&self) {
        self.all.failed_handshakes.add_one();
    }

    /// How many lines about handshakes the log leaves out before the next one; `None`: that is left
    /// out as well.
    pub(super) fn line_of_handshake(&self) -> Option<u64> {
        line(&self.all.lines_of_handshakes)
    }
}

fn line(bound: &Mutex<LogBound>) -> Option<u64> {
    bound.lock().unwrap_or_else(PoisonError::into_inner).line(Instant::now())
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.all.open.fetch_sub(1, Relaxed);
        if let Some(address) = self.address {
            self.all.peers.leave(address);
        }
    }
}

/// A place of its own, for tests.
#[cfg(test)]
impl From<OwnedSemaphorePermit> for ConnectionPlace {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        let limits = ConnectionLimits::new(1, None);
        Arc::<Connections>::default().admit(permit, None, limits).unwrap()
    }
}
