//! The connections of each peer, within a number of its own, so that one peer cannot hold all.
//!
//! A peer is an address of IPv4, or a network of 64 bits of IPv6: one client has all addresses of
//! such a network. A connection beyond its peer's number is closed at once. If it waited as those
//! beyond the number of all do, it would hold up those of other peers, which the system queues
//! behind it.
//!
//! By default this machine has no number of its own: a proxy on it brings the connections of all
//! clients from one address, and its other processes are no strangers. A number that is set holds
//! for every peer.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{domain::rate::Rate, grpc::log_bound::LogBound};

/// The share of all connections that one peer may have by default: a quarter.
const SHARE: usize = 4;
/// What a peer may have in any case by default: as many as a busy client with a pool opens.
const LEAST: usize = 64;
/// The time between two lines about refused connections.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub(super) all: usize,
    of_peer: usize,
    of_this_machine: usize,
    /// How long one may be without a call; `None`: for ever.
    pub(super) idle: Option<Duration>,
}

impl ConnectionLimits {
    /// So many in all, and of one peer as set, or by default.
    pub fn new(all: usize, of_peer: Option<usize>) -> Self {
        let of_this_machine = of_peer.unwrap_or(all);
        let of_peer = of_peer.unwrap_or((all / SHARE).max(LEAST));
        Self { all, of_peer, of_this_machine, idle: None }
    }

    /// The same, for connections that are ended after so long without a call.
    #[must_use]
    pub fn with_idle(self, idle: Option<Duration>) -> Self {
        Self { idle, ..self }
    }

    fn of(&self, peer: IpAddr) -> usize {
        if peer.is_loopback() { self.of_this_machine } else { self.of_peer }
    }
}

/// The connections of each peer that has some.
#[derive(Debug)]
pub(super) struct Peers {
    open: Mutex<HashMap<IpAddr, usize>>,
    refusals: Mutex<LogBound>,
}

impl Default for Peers {
    fn default() -> Self {
        let refusals = LogBound::new(Rate::each(BETWEEN_LINES, 1), Instant::now());
        Self { open: Mutex::default(), refusals: Mutex::new(refusals) }
    }
}

impl Peers {
    /// Counts a connection from this address, if its peer may have another one.
    pub(super) fn enter(&self, address: IpAddr, limits: ConnectionLimits) -> bool {
        let peer = peer_of(address);
        let limit = limits.of(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count < limit {
            *count += 1;
            return true;
        }
        drop(open);
        self.log_refusal(peer, limit);
        false
    }

    /// A connection that was counted has ended.
    pub(super) fn leave(&self, address: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(peer_of(address)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn log_refusal(&self, peer: IpAddr, limit: usize) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left_out) = refusals.line(Instant::now()) else { return };
        tracing::warn!(
            %peer, limit, left_out,
            "a connection is refused: its peer has as many as it may have (connections-per-peer)"
        );
    }
}

/// The peer that an address belongs to.
pub(super) fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [first, second, third, fourth, ..] = address.segments();
            Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0).into()
        }
        address @ (IpAddr::V4(_) | IpAddr::V6(_)) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of a hundred connections from these addresses, in turn, are taken.
    fn taken(peers: &Peers, limits: ConnectionLimits, from: &[&str]) -> usize {
        let turns = from.iter().cycle().take(100);
        turns.filter(|text| peers.enter(address(text), limits)).count()
    }

    #[test]
    fn a_peer_has_its_number_and_leaves_the_others_theirs() {
        let (peers, limits) = (Peers::default(), ConnectionLimits::new(1_000, Some(5)));
        assert_eq!(taken(&peers, limits, &["10.0.0.1"]), 5);
        assert_eq!(taken(&peers, limits, &["::ffff:10.0.0.1"]), 0, "it is the same");
        assert_eq!(taken(&peers, limits, &["10.0.0.2"]), 5);
        assert_eq!(taken(&peers, limits, &["127.0.0.1"]), 5);
        assert_eq!(taken(&peers, limits, &["2001:db8::1", "2001:db8::2:1"]), 5, "one network");
        assert_eq!(taken(&peers, limits, &["2001:db8:0:1::1"]), 5, "another network");
        peers.leave(address("10.0.0.1"));
        assert_eq!(taken(&peers, limits, &["10.0.0.1"]), 1, "the place of one that ended");
    }

    #[test]
    fn nothing_is_kept_of_peers_without_connections() {
        let (peers, limits) = (Peers::default(), ConnectionLimits::new(1_000, Some(5)));
        for _ in 0..taken(&peers, limits, &["10.0.0.1"]) {
            peers.leave(address("10.0.0.1"));
        }
        assert!(peers.open.lock().unwrap().is_empty());
    }

    #[test]
    fn by_default_a_peer_has_a_quarter_and_this_machine_as_many_as_there_are() {
        for (all, of_peer) in [(100, 64), (1_000, 250), (1_048_320, 262_080)] {
            let limits = ConnectionLimits::new(all, None);
            assert_eq!(limits.of(address("10.0.0.1")), of_peer);
            assert_eq!(limits.of(address("127.0.0.2")), all);
            assert_eq!(limits.of(peer_of(address("::1"))), all);
        }
    }
}
