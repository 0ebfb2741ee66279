//! Where the time comes from. It is injected, so that tests can set it.

use std::{sync::Arc, time::UNIX_EPOCH};

use crate::domain::event::Micros;

/// Tells the time in microseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is injected from")]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since_epoch = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |time| Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX))
    })
}
