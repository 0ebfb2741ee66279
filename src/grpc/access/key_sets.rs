//! The keys of issuers that are fetched: which there are, when each set is fetched again, and for
//! how long one is used that cannot be.
//!
//! A set is fetched every five minutes, and sooner if a token names a key that is not in it, but
//! not within ten seconds: a flood of made-up ids costs the issuer six requests a minute. A key
//! that its issuer takes out of the set stops working with the next fetch. A set that cannot be
//! fetched is used for an hour. After that its tokens are refused as they are before the first
//! fetch, with UNAVAILABLE: nothing is wrong with them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    domain::{
        access::{Issuer, Keys},
        event::Micros,
    },
    engine::system_clock,
    grpc::reloads::{Failing, ReloadUsage, Reloaded},
};

/// When sets are fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The time between two fetches of a set.
    pub(super) refresh: Duration,
    /// The shortest time between the beginnings of two fetches.
    pub(super) least: Duration,
    /// The time after a fetch that failed; each further one doubles it, up to a minute.
    pub(super) retry: Duration,
    /// How long a set is used after it was fetched.
    pub(super) kept: Duration,
    /// How long a fetch may take.
    pub(super) within: Duration,
}

/// The longest time after a fetch that failed.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

impl Default for Pace {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            least: Duration::from_secs(10),
            retry: Duration::from_secs(1),
            kept: Duration::from_hours(1),
            within: Duration::from_secs(10),
        }
    }
}

/// The sets of keys that are fetched.
#[derive(Debug, Default)]
pub(super) struct KeySets {
    sets: Mutex<HashMap<Issuer, KeySet>>,
    pub(super) pace: Pace,
    /// Notified when a set may have become due.
    pub(super) wake: Notify,
}

#[derive(Debug)]
struct KeySet {
    keys: Option<Keys>,
    /// When the fetch that brought them began.
    fetched: Option<(Instant, Micros)>,
    /// When the last fetch began.
    begun: Option<Instant>,
    under_way: bool,
    next: Instant,
    failures: u64,
    in_a_row: u32,
    failing: Option<Failing>,
}

/// What a fetch has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The keys are others than before.
    pub(super) changed: bool,
    /// It is to be logged: keys that change, a new problem, or the end of one.
    pub(super) logged: bool,
}

impl KeySet {
    fn new(now: Instant) -> Self {
        Self {
            keys: None,
            fetched: None,
            begun: None,
            under_way: false,
            next: now,
            failures: 0,
            in_a_row: 0,
            failing: None,
        }
    }

    /// When something is to be done for it: its keys come to an end, or a fetch is to begin.
    fn due(&self, pace: Pace) -> Option<Instant> {
        let next = (!self.under_way).then_some(self.next);
        self.ends(pace).into_iter().chain(next).min()
    }

    /// When its keys are too old; `None`: there are none.
    fn ends(&self, pace: Pace) -> Option<Instant> {
        self.keys.as_ref().and(self.fetched).map(|(at, _)| at + pace.kept)
    }
}

impl KeySets {
    /// No sets yet.
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// Keeps the sets of these issuers, and fetches those that are new.
    pub(super) fn keep<'a>(&self, issuers: impl Iterator<Item = &'a Issuer>, now: Instant) {
        let mut sets = self.sets();
        let fetched = issuers.filter(|issuer| issuer.keys.is_fetched());
        *sets = fetched
            .map(|it| (it.clone(), sets.remove(it).unwrap_or_else(|| KeySet::new(now))))
            .collect();
        self.wake.notify_one();
    }

    /// The keys of an issuer, if they are there.
    pub(super) fn keys(&self, issuer: &Issuer) -> Option<Keys> {
        self.sets().get(issuer)?.keys.clone()
    }

    /// The issuers whose keys are to be fetched now; their fetches begin.
    pub(super) fn begin(&self, now: Instant) -> Vec<Issuer> {
        let mut sets = self.sets();
        let due = sets.iter_mut().filter(|(_, set)| !set.under_way && set.next <= now);
        let begun = due.map(|(issuer, set)| {
            (set.under_way, set.begun) = (true, Some(now));
            issuer.clone()
        });
        begun.collect()
    }

    /// Takes up what a fetch has brought, which began at this time.
    pub(super) fn take(
        &self,
        issuer: &Issuer,
        begun: Instant,
        fetched: Result<Keys, String>,
        now: Instant,
    ) -> Taken {
        let mut sets = self.sets();
        // The policy may have changed meanwhile.
        let Some(set) = sets.get_mut(issuer) else {
            return Taken { changed: false, logged: false };
        };
        set.under_way = false;
        let failed_before = set.failing.take();
        match fetched {
            Ok(keys) => {
                let changed = set.keys.as_ref() != Some(&keys);
                set.keys = Some(keys);
                set.fetched = Some((begun, system_clock()()));
                (set.in_a_row, set.next) = (0, now + self.pace.refresh);
                Taken { changed, logged: changed || failed_before.is_some() }
            }
            Err(problem) => {
                let pause = self.pace.retry.saturating_mul(1 << set.in_a_row.min(6));
                set.next = now + pause.min(LONGEST_RETRY);
                set.in_a_row += 1;
                set.failures += 1;
                let logged = failed_before.as_ref().is_none_or(|it| it.problem != problem);
                let since = failed_before.map_or_else(|| system_clock()(), |before| before.since);
                set.failing = Some(Failing { since, problem });
                Taken { changed: false, logged }
            }
        }
    }

    /// Forgets keys that are too old; the issuers of those.
    pub(super) fn forget_old(&self, now: Instant) -> Vec<String> {
        let mut sets = self.sets();
        let old =
            sets.iter_mut().filter(|(_, set)| set.ends(self.pace).is_some_and(|it| it <= now));
        let forgotten = old.map(|(issuer, set)| {
            set.keys = None;
            issuer.name.clone()
        });
        forgotten.collect()
    }

    /// When something is to be done next; `None`: never, until it is woken.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sets().values().filter_map(|set| set.due(self.pace)).min()
    }

    /// Fetches all sets now: an operator requested it.
    pub(super) fn renew(&self, now: Instant) {
        self.sets().values_mut().for_each(|set| set.next = now);
        self.wake.notify_one();
    }

    /// Whether the set of an issuer is so new that it has every key of a token that comes now. If
    /// not, it is fetched as soon as may be.
    pub(super) fn is_new(&self, issuer: &str, now: Instant) -> bool {
        let mut sets = self.sets();
        let own = sets.iter_mut().find(|(it, _)| it.name == issuer);
        // The keys of a file are all there are.
        let Some((_, set)) = own else { return true };
        if set.fetched.is_some_and(|(at, _)| now < at + self.pace.least) {
            return true;
        }
        let soonest = set.begun.map_or(now, |begun| now.max(begun + self.pace.least));
        if !set.under_way && soonest < set.next {
            set.next = soonest;
            self.wake.notify_one();
        }
        false
    }

    /// How the fetching of each set has gone, by issuer.
    pub(super) fn usage(&self) -> Vec<ReloadUsage> {
        let sets = self.sets();
        let mut usage: Vec<_> = sets
            .iter()
            .map(|(issuer, set)| ReloadUsage {
                what: Reloaded::Keys,
                issuer: issuer.name.clone(),
                failures: set.failures,
                failing: set.failing.clone(),
                fetched: set.fetched.map(|(_, at)| at),
            })
            .collect();
        usage.sort_unstable_by(|one, other| one.issuer.cmp(&other.issuer));
        usage
    }

    fn sets(&self) -> MutexGuard<'_, HashMap<Issuer, KeySet>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{KeyAddress, KeySource};

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_mins(1);

    fn issuer(name: &str) -> Issuer {
        let keys = KeySource::Address(KeyAddress::parse("https://id.example/keys").unwrap());
        Issuer { name: name.to_owned(), audience: "handover".to_owned(), keys, ca: None }
    }

    /// A set with one key, which this number tells from others.
    fn keys(number: u8) -> Keys {
        let point = format!("{number:A<43}");
        let key = format!(r#"{{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "{point}"}}"#);
        Keys::parse(&format!(r#"{{"keys": [{key}]}}"#)).unwrap()
    }

    fn down() -> Result<Keys, String> {
        Err("it is down".to_owned())
    }

    /// The sets of one issuer, whose keys were fetched at once.
    fn fetched(begun: Instant) -> (KeySets, Issuer) {
        let (sets, issuer) = (KeySets::default(), issuer("i"));
        sets.keep([&issuer].into_iter(), begun);
        assert_eq!(sets.begin(begun), std::slice::from_ref(&issuer));
        assert!(sets.begin(begun).is_empty(), "it is under way");
        sets.take(&issuer, begun, Ok(keys(1)), begun);
        (sets, issuer)
    }

    #[test]
    fn a_set_is_fetched_again_before_it_gets_old_and_a_change_is_noticed() {
        let begun = Instant::now();
        let (sets, issuer) = fetched(begun);
        assert_eq!(sets.due(), Some(begun + 5 * MINUTE));
        assert!(sets.begin(begun + 5 * MINUTE - SECOND).is_empty());
        let then = begun + 5 * MINUTE;
        assert_eq!(sets.begin(then).len(), 1);
        let same = sets.take(&issuer, then, Ok(keys(1)), then);
        assert_eq!(same, Taken { changed: false, logged: false });
        let other = sets.take(&issuer, then, Ok(keys(2)), then);
        assert_eq!(other, Taken { changed: true, logged: true });
        assert_eq!(sets.keys(&issuer), Some(keys(2)));
    }

    #[test]
    fn unknown_keys_have_a_set_fetched_six_times_a_minute_at_most() {
        let begun = Instant::now();
        let (sets, issuer) = fetched(begun);
        let mut fetches = 0;
        for tenth in 0..600 {
            let now = begun + tenth * SECOND / 10;
            for _ in 0..100 {
                let is_new = sets.is_new("i", now);
                assert_eq!(is_new, now < begun + 10 * SECOND * (fetches + 1), "{tenth}");
            }
            for issuer in sets.begin(now) {
                fetches += 1;
                sets.take(&issuer, now, Ok(keys(1)), now);
            }
        }
        assert_eq!(fetches, 5, "in a minute, after the first");
        // One that is down is not fetched more often for it.
        let (then, mut fetches) = (begun + 10 * MINUTE, 0);
        for second in 0..600 {
            let now = then + second * SECOND;
            assert!(!sets.is_new("i", now));
            for issuer in sets.begin(now) {
                fetches += 1;
                sets.take(&issuer, now, down(), now);
            }
        }
        assert!((40..=70).contains(&fetches), "{fetches}");
        assert!(sets.keys(&issuer).is_some());
    }

    #[test]
    fn a_fetch_that_fails_is_repeated_ever_later_and_the_keys_stay_for_an_hour() {
        let begun = Instant::now();
        let (sets, issuer) = fetched(begun);
        let mut now = begun + 5 * MINUTE;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(sets.begin(now).len(), 1);
            let taken = sets.take(&issuer, now, down(), now);
            assert_eq!(taken, Taken { changed: false, logged: pause == 1 });
            assert_eq!(sets.due(), Some(now + pause * SECOND));
            now += pause * SECOND;
        }
        let usage = sets.usage().remove(0);
        assert_eq!((usage.failures, usage.failing.unwrap().problem.as_str()), (8, "it is down"));
        assert!(sets.forget_old(begun + 60 * MINUTE - SECOND).is_empty());
        assert_eq!(sets.keys(&issuer), Some(keys(1)));
        assert_eq!(sets.forget_old(begun + 60 * MINUTE), ["i"]);
        assert_eq!(sets.keys(&issuer), None);
        assert!(sets.forget_old(begun + 61 * MINUTE).is_empty(), "once");
        sets.begin(begun + 61 * MINUTE);
        let again = sets.take(&issuer, begun + 61 * MINUTE, Ok(keys(1)), begun + 61 * MINUTE);
        assert_eq!(again, Taken { changed: true, logged: true });
        assert_eq!(sets.usage()[0].failing, None);
    }

    #[test]
    fn another_policy_keeps_the_keys_of_the_issuers_that_it_still_has() {
        let begun = Instant::now();
        let (sets, first) = fetched(begun);
        let second = issuer("second");
        sets.keep([&first, &second].into_iter(), begun);
        assert_eq!(sets.keys(&first), Some(keys(1)));
        assert_eq!(sets.begin(begun), std::slice::from_ref(&second));
        let elsewhere = Issuer { ca: Some("ca.pem".to_owned()), ..first.clone() };
        sets.keep([&elsewhere].into_iter(), begun);
        assert_eq!(sets.keys(&elsewhere), None, "they would come from elsewhere");
        let late = sets.take(&second, begun, Ok(keys(2)), begun);
        assert_eq!(late, Taken { changed: false, logged: false });
        assert_eq!(sets.keys(&second), None);
    }
}
