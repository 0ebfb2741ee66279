//! The calls of each caller, within its rate: those of an identity together, however it logs in,
//! and those without credentials by the peer that they come from.
//!
//! There are as many identities as the files have. Peers are without number, so at most 16,384 are
//! kept apart: further ones share one meter until others have been idle. To find those, all meters
//! are looked at, so that happens at most once a second.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    domain::{
        access::{CallRate, Principal},
        rate::Meter,
        work,
    },
    grpc::peers::peer_of,
};

/// Callers that are kept apart. Each takes some 100 bytes.
const CALLERS: usize = 16_384;

/// The shortest time between two looks at all meters, some 100 us each.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The calls that have come.
#[derive(Debug)]
pub(super) struct Rates {
    begun: Instant,
    meters: Mutex<Meters>,
}

#[derive(Debug, Default)]
struct Meters {
    of: HashMap<Key, Meter>,
    /// When all were looked at last.
    looked: Option<Duration>,
}

/// Whose calls count together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Identity(Arc<str>),
    Peer(IpAddr),
    /// All peers for which there is no meter.
    Others,
}

impl Default for Rates {
    fn default() -> Self {
        Self { begun: Instant::now(), meters: Mutex::default() }
    }
}

impl Rates {
    /// Counts a call if it is within the rate; the error is after which time one will be.
    pub(super) fn take(
        &self,
        principal: Option<&Principal>,
        peer: Option<SocketAddr>,
        rate: CallRate,
    ) -> Result<(), Duration> {
        self.take_at(key(principal, peer), rate, self.begun.elapsed())
    }

    fn take_at(&self, key: Key, rate: CallRate, now: Duration) -> Result<(), Duration> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !meters.of.contains_key(&key);
        if is_new && meters.of.len() >= CALLERS {
            meters.forget_idle(now);
        }
        let shared = is_new && meters.of.len() >= CALLERS && matches!(key, Key::Peer(_));
        let key = if shared { Key::Others } else { key };
        meters.of.entry(key).or_default().take(rate.rate(), now)
    }
}

impl Meters {
    fn forget_idle(&mut self, now: Duration) {
        if self.looked.is_some_and(|looked| now.saturating_sub(looked) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        work::visit(self.of.len());
        self.of.retain(|_, meter| !meter.is_idle(now));
    }
}

fn key(principal: Option<&Principal>, peer: Option<SocketAddr>) -> Key {
    match (principal, peer) {
        (Some(principal), _) => Key::Identity(Arc::clone(&principal.name)),
        (None, Some(peer)) => Key::Peer(peer_of(peer.ip())),
        (None, None) => Key::Others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Two calls at once, and one in each second.
    fn rate() -> CallRate {
        toml::from_str("calls-per-second = 1\nburst = 2").unwrap()
    }

    fn identity(name: &str) -> Key {
        let principal = Principal { name: name.into(), grants: Vec::new(), rate: None };
        key(Some(&principal), Some("10.0.0.1:1".parse().unwrap()))
    }

    fn peer(address: &str) -> Key {
        key(None, Some(SocketAddr::new(address.parse().unwrap(), 1)))
    }

    #[test]
    fn each_caller_has_its_own_rate_and_learns_when_it_may_call_again() {
        let (rates, rate) = (Rates::default(), rate());
        let second = Duration::from_secs(1);
        let callers = [identity("desk"), identity("press"), peer("10.0.0.1"), peer("10.0.0.2")];
        for caller in &callers {
            let take = |now| rates.take_at(caller.clone(), rate, now);
            assert_eq!([take(second), take(second)], [Ok(()), Ok(())], "{caller:?}");
            assert_eq!(take(second), Err(second), "{caller:?}");
            assert_eq!(take(second + second / 4), Err(second * 3 / 4), "a refusal costs nothing");
            assert_eq!(take(2 * second), Ok(()), "{caller:?}");
        }
        let elsewhere = rates.take_at(peer("2001:db8::1"), rate, second);
        assert_eq!(elsewhere, Ok(()));
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::2"), "a client has both");
    }

    #[test]
    fn peers_without_number_take_no_memory_without_bound_and_no_identity_waits_for_them() {
        let (rates, rate) = (Rates::default(), rate());
        let flood = |now| {
            for number in 0..20_000_u32 {
                let address = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
                let _ = rates.take_at(Key::Peer(address), rate, now);
            }
            rates.meters.lock().unwrap().of.len()
        };
        let second = Duration::from_secs(1);
        let before = work::visited();
        assert_eq!(flood(second), CALLERS + 1);
        let looked = work::visited() - before;
        assert!(looked <= CALLERS as u64, "{looked} meters were looked at by calls of one moment");
        assert!(rates.take_at(peer("10.200.0.1"), rate, second).is_err(), "it shares a meter");
        assert_eq!(rates.take_at(identity("desk"), rate, second), Ok(()));
        assert!(rates.take_at(peer("10.0.0.1"), rate, second).is_ok(), "it has its own");
        let later = 10 * second;
        assert_eq!(rates.take_at(peer("10.200.0.1"), rate, later), Ok(()));
        assert_eq!(rates.meters.lock().unwrap().of.len(), 1, "idle callers are forgotten");
    }
}
