//! Fetches the keys of issuers in the background, for as long as the server listens.

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use super::{fetch, in_use::Access, key_sets::Taken};
use crate::domain::access::{Issuer, Keys};

impl Access {
    /// Fetches keys when they are due for as long as it is awaited. One issuer that hangs holds up
    /// no other one.
    pub(in crate::grpc) async fn follow_keys(&self) {
        let (sets, mut under_way) = (self.key_sets(), FuturesUnordered::new());
        loop {
            for issuer in sets.begin(Instant::now()) {
                under_way.push(self.fetched(issuer));
            }
            tokio::select! {
                Some((issuer, begun, fetched)) = under_way.next() => {
                    self.take(&issuer, begun, fetched);
                }
                () = until(sets.due()) => self.forget_old(),
                () = sets.wake.notified() => {}
            }
        }
    }

    async fn fetched(&self, issuer: Issuer) -> (Issuer, Instant, Result<Keys, String>) {
        let (begun, ca) = (Instant::now(), self.authorities_of(&issuer));
        let within = self.key_sets().pace.within;
        let fetched = fetch::keys(&issuer, ca.as_deref(), within).await;
        (issuer, begun, fetched)
    }

    fn take(&self, issuer: &Issuer, begun: Instant, fetched: Result<Keys, String>) {
        let (name, sets) = (&issuer.name, self.key_sets());
        let found = fetched.as_ref().map(Keys::count).map_err(Clone::clone);
        let Taken { changed, logged } = sets.take(issuer, begun, fetched, Instant::now());
        if changed {
            self.renew_keys();
        }
        if !logged {
            return;
        }
        match found {
            Ok(keys) => tracing::info!(issuer = name, keys, "access: the issuer's keys are in use"),
            Err(problem) => {
                tracing::warn!(
                    issuer = name,
                    problem,
                    "access: the issuer's keys cannot be fetched; those from before are used for \
                     an hour after they were"
                );
            }
        }
    }

    fn forget_old(&self) {
        let forgotten = self.key_sets().forget_old(Instant::now());
        if !forgotten.is_empty() {
            self.renew_keys();
        }
        for issuer in forgotten {
            tracing::error!(
                issuer,
                "access: the issuer's keys are too old; its tokens are refused until they are \
                 fetched again"
            );
        }
    }
}

/// Waits until then; `None`: for ever.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
