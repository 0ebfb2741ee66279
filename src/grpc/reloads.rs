//! What a running server reads again and cannot take up: the files of access and of TLS, and the
//! keys of issuers. What is in use stays then, so a failure shows nowhere by itself.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{domain::event::Micros, engine::system_clock};

/// What is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reloaded {
    /// The policy.
    Policy,
    /// The file of tokens.
    Tokens,
    /// The keys of issuers.
    Keys,
    /// The certificate and key of TLS.
    Tls,
    /// The authorities of clients.
    ClientCa,
}

impl Reloaded {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Policy, Self::Tokens, Self::Keys, Self::Tls, Self::ClientCa];

    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Tokens => "tokens",
            Self::Keys => "keys",
            Self::Tls => "tls",
            Self::ClientCa => "tls-client-ca",
        }
    }
}

/// Why something cannot be taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Micros,
    /// The problem, in words.
    pub problem: String,
}

/// How the reading of one thing has gone since the start.
#[derive(Clone, Debug)]
pub struct ReloadUsage {
    /// What is read.
    pub what: Reloaded,
    /// The issuer whose keys are fetched; empty: it is read from files.
    pub issuer: String,
    /// How many times it could not be taken up.
    pub failures: u64,
    /// Absent: it is in use.
    pub failing: Option<Failing>,
    /// When the keys were fetched last; absent: never, or they are read from a file.
    pub fetched: Option<Micros>,
}

/// How the readings of files have gone, by what is read.
#[derive(Debug, Default)]
pub(super) struct Reloads(Mutex<BTreeMap<Reloaded, State>>);

#[derive(Debug, Default)]
struct State {
    failures: u64,
    failing: Option<Failing>,
}

impl Reloads {
    /// Notes a problem, and says whether to log it: the same one is logged again after a signal
    /// alone.
    pub(super) fn failed(&self, what: Reloaded, problem: String, signalled: bool) -> bool {
        let mut states = self.states();
        let state = states.entry(what).or_default();
        let before = state.failing.take();
        let is_new = before.as_ref().is_none_or(|before| before.problem != problem);
        let since = before.map_or_else(|| system_clock()(), |before| before.since);
        state.failing = Some(Failing { since, problem });
        state.failures += u64::from(is_new || signalled);
        is_new || signalled
    }

    /// Notes that this is in use, and says whether it was not.
    pub(super) fn fits(&self, what: Reloaded) -> bool {
        self.states().get_mut(&what).is_some_and(|state| state.failing.take().is_some())
    }

    /// How it has gone with each of these.
    pub(super) fn usage(&self, whats: &[Reloaded]) -> Vec<ReloadUsage> {
        let states = self.states();
        let usage = |what: &Reloaded| ReloadUsage {
            what: *what,
            issuer: String::new(),
            fetched: None,
            failures: states.get(what).map_or(0, |state| state.failures),
            failing: states.get(what).and_then(|state| state.failing.clone()),
        };
        whats.iter().map(usage).collect()
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<Reloaded, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(reloads: &Reloads, what: Reloaded) -> Option<String> {
        Some(reloads.usage(&[what]).remove(0).failing?.problem)
    }

    #[test]
    fn each_problem_is_logged_once_and_stands_until_its_file_fits() {
        let reloads = Reloads::default();
        assert!(!reloads.fits(Reloaded::Policy));
        assert!(reloads.failed(Reloaded::Policy, "one".to_owned(), false));
        let since = reloads.usage(&[Reloaded::Policy]).remove(0).failing.unwrap().since;
        assert!(!reloads.failed(Reloaded::Policy, "one".to_owned(), false));
        assert!(reloads.failed(Reloaded::Policy, "one".to_owned(), true), "a signal");
        assert!(reloads.failed(Reloaded::Policy, "two".to_owned(), false));
        let usage = reloads.usage(&[Reloaded::Policy, Reloaded::Tokens]);
        assert_eq!(usage.iter().map(|it| it.failures).collect::<Vec<_>>(), [3, 0]);
        let failing = Failing { since, problem: "two".to_owned() };
        assert_eq!(usage[0].failing, Some(failing), "it has not fitted since the first problem");
        assert!(reloads.failed(Reloaded::Tokens, "two".to_owned(), false), "another file");
        assert_eq!(problem(&reloads, Reloaded::Policy).unwrap(), "two", "both stand");
        assert!(reloads.fits(Reloaded::Policy));
        assert_eq!(problem(&reloads, Reloaded::Policy), None, "that is mended");
        assert_eq!(problem(&reloads, Reloaded::Tokens).unwrap(), "two");
        assert!(reloads.fits(Reloaded::Tokens));
        assert_eq!(problem(&reloads, Reloaded::Tokens), None);
        assert_eq!(reloads.usage(&[Reloaded::Policy])[0].failures, 3, "which are not forgotten");
    }
}
