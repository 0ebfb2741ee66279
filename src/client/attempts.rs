//! Attempts at a call that has no end of its own: which failure is final, and when the next attempt
//! may begin.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{CallError, ClientError, ClientErrorKind, Retry, retry};

/// The attempts at one call.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Attempts in a row that brought nothing.
    failed: u32,
    paused_until: Option<Instant>,
}

/// A failure after which the call is tried again.
#[derive(Debug)]
pub(super) struct Interruption {
    pub(super) error: ClientError,
    /// How often in a row by now.
    pub(super) failed: u32,
    /// When it is tried again, from now.
    pub(super) pause: Duration,
}

impl Attempts {
    /// Waits until the next attempt may begin. If the future is dropped, the pause goes on.
    pub(super) async fn pause(&mut self) {
        if let Some(until) = self.paused_until {
            sleep_until(until).await;
            self.paused_until = None;
        }
    }

    /// The call has brought something.
    pub(super) fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// The call has ended; an error if no repetition mends that. A call of this kind changes
    /// nothing, so no outcome is ever open.
    pub(super) fn failed(
        &mut self,
        retry: Retry,
        error: ClientError,
    ) -> Result<Interruption, CallError> {
        self.failed = self.failed.saturating_add(1);
        let failed = self.failed;
        let Some(server_pause) = retry::again(&error, false) else {
            return Err(CallError { attempts: failed, ..CallError::from(error) });
        };
        let pause = retry.drawn_pause(failed, server_pause);
        self.paused_until = Some(Instant::now() + pause);
        Ok(Interruption { error, failed, pause })
    }
}

/// The call came to an end that the server does not make by itself.
pub(super) fn lost(what: &str) -> ClientError {
    ClientError::local(ClientErrorKind::Unavailable, what.to_owned())
}
