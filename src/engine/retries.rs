//! Trying again what has failed: how long it rests, and which failures are worth a line in the log.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The rest after the first failure. It doubles with each further one, so that what comes back is
/// found within twice the time that it was away.
const FIRST_REST: Duration = Duration::from_millis(100);
/// The longest rest: what lasts costs next to nothing, and what comes back is found soon.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Failures in a row of one thing.
#[derive(Debug, Default)]
pub(super) struct Retries {
    failed: u32,
    /// Of the last failure.
    cause: Option<String>,
}

impl Retries {
    /// It has failed once more. Whether the cause is another than before, and should be logged.
    pub(super) fn failed(&mut self, cause: String) -> bool {
        self.failed = self.failed.saturating_add(1);
        let is_new = self.cause.as_ref() != Some(&cause);
        self.cause = Some(cause);
        is_new
    }

    /// It has succeeded. Whether it had failed before.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::take(self).failed > 0
    }

    /// Waits before the next try; false: the engine stops.
    pub(super) async fn rest(&self, stopping: &CancellationToken) -> bool {
        stopping.run_until_cancelled(tokio::time::sleep(self.length())).await.is_some()
    }

    fn length(&self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failed.saturating_sub(1)).unwrap_or(u32::MAX);
        FIRST_REST.saturating_mul(doubled).min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut retries = Retries::default();
        let mut rests = Vec::new();
        for _ in 0..12 {
            retries.failed("the disk".to_owned());
            rests.push(retries.length().as_millis());
        }
        assert_eq!(rests[..10], [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
        retries.failed = u32::MAX;
        assert_eq!(retries.length(), LONGEST_REST);
        assert!(retries.succeeded());
        assert!(!retries.succeeded(), "nothing had failed");
        retries.failed("the disk".to_owned());
        assert_eq!(retries.length(), FIRST_REST);
    }

    #[test]
    fn a_cause_is_news_once() {
        let mut retries = Retries::default();
        let mut news = |cause: &str| retries.failed(cause.to_owned());
        assert_eq!(["a", "a", "b", "b", "a"].map(&mut news), [true, false, true, false, true]);
    }

    #[tokio::test]
    async fn a_rest_ends_when_the_engine_stops() {
        let (mut retries, stopping) = (Retries::default(), CancellationToken::new());
        assert!(retries.rest(&stopping).await);
        retries.failed = 20;
        stopping.cancel();
        assert!(!retries.rest(&stopping).await);
    }
}
