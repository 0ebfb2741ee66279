//! What is tried again, after which pause, and for how long.

use std::{error::Error, fmt, time::Duration};

use rand::Rng as _;
use tokio::time::{Instant, sleep, timeout_at};

use super::{ClientError, ClientErrorKind};

/// How patient a client is.
///
/// Between two attempts it pauses for a time that is drawn between nothing and a bound, which
/// doubles from attempt to attempt: many clients that failed together do not come back together. If
/// the server asks to wait, that comes on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    within: Duration,
    first_pause: Duration,
    longest_pause: Duration,
}

impl Default for Retry {
    /// Tries for up to 60 s, with pauses of up to 50 ms at first and never more than 5 s.
    fn default() -> Self {
        Self {
            within: Duration::from_mins(1),
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(5),
        }
    }
}

impl Retry {
    /// Gives up when so much time has passed since the first attempt began. An attempt that is
    /// under way then is broken off.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// The first pause is at most so long.
    #[must_use]
    pub fn first_pause(self, first_pause: Duration) -> Self {
        Self { first_pause, ..self }
    }

    /// No pause is longer than this, unless the server asks for it.
    #[must_use]
    pub fn longest_pause(self, longest_pause: Duration) -> Self {
        Self { longest_pause, ..self }
    }

    /// The pause after so many failed attempts in a row, from 1. `drawn` lies between 0 and 1.
    fn pause(self, failed: u32, server_pause: Duration, drawn: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        let bound = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        server_pause.saturating_add(bound.mul_f64(drawn))
    }

    /// The same, drawn.
    pub(super) fn drawn_pause(self, failed: u32, server_pause: Duration) -> Duration {
        self.pause(failed, server_pause, rand::rng().random())
    }
}

/// Why a call failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What went wrong at the last attempt.
    pub error: ClientError,
    /// How often it was tried.
    pub attempts: u32,
    /// From the beginning of the first attempt to the end of the last.
    pub elapsed: Duration,
    /// An attempt may have had its effect although no answer said so. Only the same request id
    /// can tell.
    pub outcome_unknown: bool,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        if self.attempts > 1 {
            let seconds = self.elapsed.as_secs_f64();
            write!(f, " (tried {} times in {seconds:.1} s)", self.attempts)?;
        }
        if self.outcome_unknown {
            write!(f, "; it may have been recorded: repeat it with the same request id")?;
        }
        Ok(())
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl From<ClientError> for CallError {
    /// An error that was found before anything was tried.
    fn from(error: ClientError) -> Self {
        Self { error, attempts: 0, elapsed: Duration::ZERO, outcome_unknown: false }
    }
}

/// Whether the attempt may have had its effect.
fn leaves_open(error: &ClientError) -> bool {
    let lost = match error.reason.as_str() {
        "" | "TRANSPORT" => {
            matches!(error.kind, ClientErrorKind::Unavailable | ClientErrorKind::Deadline)
        }
        reason => matches!(reason, "OUTCOME_UNKNOWN" | "DEADLINE_EXCEEDED"),
    };
    lost && !error.unsent
}

/// How long the server wants the client to wait before it tries again; `None`: to try again would
/// be of no use, or wrong.
///
/// A store that has failed is for the operator. But where an earlier attempt left the outcome open,
/// only the restarted store knows the outcome, so the client waits for it.
pub(super) fn again(error: &ClientError, open: bool) -> Option<Duration> {
    if error.retry_after.is_some() {
        return error.retry_after;
    }
    let passes = match error.reason.as_str() {
        // No waiting makes a certificate good, and an operator has to see that it is not.
        _ if error.kind == ClientErrorKind::Untrusted => false,
        "NOT_READY" => true,
        "STORE_FAILED" => open,
        _ => error.unsent || leaves_open(error),
    };
    passes.then_some(Duration::ZERO)
}

/// Calls until there is an answer, an error that stays, or no time any more.
pub(super) async fn retried<T, F>(retry: Retry, mut call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let began = Instant::now();
    let deadline = began + retry.within;
    let (mut attempts, mut open) = (0, false);
    loop {
        attempts += 1;
        let outcome = timeout_at(deadline, call()).await;
        let error = match outcome.unwrap_or_else(|_| Err(out_of_time(retry.within))) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        open |= leaves_open(&error);
        let pause =
            again(&error, open).map(|server_pause| retry.drawn_pause(attempts, server_pause));
        let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else {
            // What the server decides settles the attempts before as well: a request id that was
            // recorded is answered, whatever else would be wrong.
            let outcome_unknown = open && again(&error, open).is_some();
            let elapsed = began.elapsed();
            return Err(CallError { error, attempts, elapsed, outcome_unknown });
        };
        tracing::debug!(%error, attempts, ?pause, "a call failed and is tried again");
        sleep(pause).await;
    }
}

fn out_of_time(within: Duration) -> ClientError {
    let message = format!("there was no answer within {:.1} s", within.as_secs_f64());
    ClientError::local(ClientErrorKind::Deadline, message)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn reported(reason: &str) -> ClientError {
        let error = ClientError::local(ClientErrorKind::Unavailable, reason.to_lowercase());
        ClientError { reason: reason.to_owned(), ..error }
    }

    fn with_server_pause(reason: &str, wait: Duration) -> ClientError {
        ClientError { retry_after: Some(wait), ..reported(reason) }
    }

    /// Calls that fail with these errors, one after the other, and then succeed; the outcome, and
    /// how many calls there were.
    async fn after(retry: Retry, errors: &[ClientError]) -> (Result<(), CallError>, usize) {
        let calls = Cell::new(0);
        let outcome = retried(retry, || {
            let error = errors.get(calls.get()).cloned();
            calls.set(calls.get() + 1);
            async move { error.map_or(Ok(()), Err) }
        })
        .await;
        (outcome, calls.get())
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_drawn_from_nothing_on() {
        let second = Duration::from_secs(1);
        let retry = Retry::default().first_pause(second).longest_pause(5 * second);
        let longest = (1..6).map(|failed| retry.pause(failed, Duration::ZERO, 1.0).as_secs());
        assert_eq!(longest.collect::<Vec<_>>(), [1, 2, 4, 5, 5]);
        assert_eq!(retry.pause(9, Duration::ZERO, 0.0), Duration::ZERO);
        assert_eq!(retry.pause(2, 3 * second, 0.5), 4 * second, "what was asked for comes on top");
        assert_eq!(retry.pause(u32::MAX, Duration::ZERO, 1.0), 5 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again_and_what_stays_is_not() {
        let lost = ClientError::local(ClientErrorKind::Unavailable, "lost".to_owned());
        let passing = [
            reported("NOT_READY"),
            reported("OUTCOME_UNKNOWN"),
            with_server_pause("OVERLOADED", Duration::from_millis(500)),
            with_server_pause("STORE_FULL", Duration::from_millis(500)),
            lost,
        ];
        assert_eq!(after(Retry::default(), &passing).await, (Ok(()), 6));
        for staying in ["APPEND_CONFLICT", "INVALID_FIELD", "STORE_FAILED", "REQUEST_ID_REUSED"] {
            let (outcome, calls) = after(Retry::default(), &[reported(staying)]).await;
            let error = outcome.unwrap_err();
            assert_eq!((calls, error.attempts, error.outcome_unknown), (1, 1, false), "{staying}");
        }
        let refused = ClientError::local(ClientErrorKind::Untrusted, "expired".to_owned());
        let refused = ClientError { unsent: true, ..refused };
        let (outcome, calls) = after(Retry::default(), &[refused]).await;
        assert!(outcome.is_err() && calls == 1, "a certificate stays what it is");
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_as_long_as_the_server_requests() {
        let began = Instant::now();
        let wait = Duration::from_secs(7);
        after(Retry::default(), &[with_server_pause("OVERLOADED", wait)]).await.0.unwrap();
        assert!(began.elapsed() >= wait);
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_in_time_and_says_how_often_it_tried() {
        let within = Duration::from_secs(10);
        let errors = vec![reported("NOT_READY"); 1000];
        let (outcome, calls) = after(Retry::default().within(within), &errors).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.attempts as usize, calls);
        assert!(calls > 2 && error.elapsed <= within, "{error:?}");
        assert!(error.to_string().starts_with(&format!("not_ready (tried {calls} times in ")));

        let never = || std::future::pending::<Result<(), ClientError>>();
        let error = retried(Retry::default().within(within), never).await.unwrap_err();
        assert_eq!((error.attempts, error.elapsed), (1, within));
        assert!(error.outcome_unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_store_is_waited_for_only_while_an_outcome_is_open() {
        let errors =
            [reported("OUTCOME_UNKNOWN"), reported("STORE_FAILED"), reported("STORE_FAILED")];
        assert_eq!(after(Retry::default(), &errors).await, (Ok(()), 4));
        let errors = [reported("OUTCOME_UNKNOWN"), reported("APPEND_CONFLICT")];
        let error = after(Retry::default(), &errors).await.0.unwrap_err();
        assert!(!error.outcome_unknown, "the server has decided");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_leaves_nothing_open() {
        let refused = ClientError::local(ClientErrorKind::Unavailable, "refused".to_owned());
        let errors = vec![ClientError { unsent: true, ..refused }; 1000];
        let error = after(Retry::default(), &errors).await.0.unwrap_err();
        assert!(error.attempts > 1 && !error.outcome_unknown, "{error:?}");
    }
}
