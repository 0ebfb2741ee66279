//! How a group deals with events that are not answered or not handled.

use std::{ops::RangeInclusive, time::Duration};

use crate::domain::{proto, violation::Violations};

const LEASE: Duration = Duration::from_secs(30);
const LEASES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(12);
const MAX_ATTEMPTS: u32 = 5;
const ATTEMPTS: RangeInclusive<u32> = 1..=1_000;
const RETRY_DELAY: Duration = Duration::from_secs(1);
const RETRY_DELAYS: RangeInclusive<Duration> = Duration::from_millis(1)..=LONGEST_REST;
/// The rest doubles with each try, up to this.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// The settings of a group, all of them in their ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a consumer may have events and give no sign of life; 1 s to 12 h.
    pub lease: Duration,
    /// How often an event is tried before it is parked; 1 to 1,000.
    pub max_attempts: u32,
    /// How long an event rests before its second try; 1 ms to 1 h.
    pub retry_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lease: LEASE, max_attempts: MAX_ATTEMPTS, retry_delay: RETRY_DELAY }
    }
}

impl Settings {
    /// Takes the settings of a request; an unset field gets its default.
    pub fn parse(requested: &proto::GroupSettings) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let lease = duration("lease", requested.lease.as_ref(), LEASE, &LEASES, &mut violations);
        let retry_delay = duration(
            "retry_delay",
            requested.retry_delay.as_ref(),
            RETRY_DELAY,
            &RETRY_DELAYS,
            &mut violations,
        );
        let max_attempts =
            if requested.max_attempts == 0 { MAX_ATTEMPTS } else { requested.max_attempts };
        if !ATTEMPTS.contains(&max_attempts) {
            let (from, to) = (ATTEMPTS.start(), ATTEMPTS.end());
            let problem = format!("is {max_attempts}; give {from} to {to}");
            violations.add("max_attempts", problem);
        }
        violations.into_result(Self { lease, max_attempts, retry_delay })
    }

    /// Takes settings as they were recorded: the ranges may have been others then.
    pub fn recorded(said: &proto::GroupSettings) -> Self {
        let span = |said: Option<prost_types::Duration>, default| {
            said.and_then(|said| Duration::try_from(said).ok()).unwrap_or(default)
        };
        Self {
            lease: span(said.lease, LEASE),
            max_attempts: said.max_attempts.max(1),
            retry_delay: span(said.retry_delay, RETRY_DELAY),
        }
    }

    /// How long an event rests that has failed so often, at least once.
    pub fn rest(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        self.retry_delay.saturating_mul(doubled.max(1)).min(LONGEST_REST)
    }
}

impl From<Settings> for proto::GroupSettings {
    fn from(settings: Settings) -> Self {
        let Settings { lease, max_attempts, retry_delay } = settings;
        // In their ranges, durations can always be said.
        let [lease, retry_delay] =
            [lease, retry_delay].map(|duration| prost_types::Duration::try_from(duration).ok());
        Self { lease, max_attempts, retry_delay }
    }
}

fn duration(
    field: &str,
    requested: Option<&prost_types::Duration>,
    default: Duration,
    range: &RangeInclusive<Duration>,
    violations: &mut Violations,
) -> Duration {
    let Some(requested) = requested else { return default };
    match Duration::try_from(*requested) {
        Ok(duration) if range.contains(&duration) => duration,
        _ => {
            let (least, most) = (range.start(), range.end());
            let problem = format!("is {requested}; give {least:?} to {most:?}");
            violations.add(field, problem);
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unset_is_as_by_default_and_what_is_out_of_range_is_refused() {
        assert_eq!(Settings::parse(&proto::GroupSettings::default()), Ok(Settings::default()));
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let good = proto::GroupSettings {
            lease: seconds(1),
            max_attempts: 1_000,
            retry_delay: seconds(3_600),
        };
        assert_eq!(proto::GroupSettings::from(Settings::parse(&good).unwrap()), good);
        assert_eq!(Ok(Settings::recorded(&good)), Settings::parse(&good));
        let bad = proto::GroupSettings {
            lease: seconds(0),
            max_attempts: 1_001,
            retry_delay: seconds(-1),
        };
        let fields: Vec<_> =
            Settings::parse(&bad).unwrap_err().0.into_iter().map(|found| found.field).collect();
        assert_eq!(fields, ["lease", "retry_delay", "max_attempts"]);
    }

    #[test]
    fn the_rest_doubles_up_to_an_hour() {
        let settings = Settings::default();
        let rests = [1, 2, 3, 12, 13, 33, 1_000].map(|attempts| settings.rest(attempts).as_secs());
        assert_eq!(rests, [1, 2, 4, 2_048, 3_600, 3_600, 3_600]);
    }
}
