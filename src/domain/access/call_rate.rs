//! How many calls a caller may make, as a policy says it.

use std::fmt;

use serde::{Deserialize, de::Error as _};

use crate::domain::rate::Rate;

/// What a rate and a burst may be.
const BOUNDS: std::ops::RangeInclusive<u32> = 1..=1_000_000;

/// Calls a second, after a number of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "CallRateEntry")]
pub struct CallRate {
    calls_per_second: u32,
    burst: u32,
}

/// A rate as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CallRateEntry {
    calls_per_second: i64,
    burst: Option<i64>,
}

impl TryFrom<CallRateEntry> for CallRate {
    type Error = toml::de::Error;

    /// Without a burst, the calls of a second may come at once.
    fn try_from(entry: CallRateEntry) -> Result<Self, Self::Error> {
        let calls_per_second = bounded("calls-per-second", entry.calls_per_second)?;
        let burst = entry.burst.map_or(Ok(calls_per_second), |burst| bounded("burst", burst))?;
        Ok(Self { calls_per_second, burst })
    }
}

fn bounded(key: &str, number: i64) -> Result<u32, toml::de::Error> {
    let found = u32::try_from(number).ok().filter(|number| BOUNDS.contains(number));
    found.ok_or_else(|| {
        let (least, most) = BOUNDS.into_inner();
        let problem =
            format!("{key} is {number}; it must be a whole number from {least} to {most}");
        toml::de::Error::custom(problem)
    })
}

impl CallRate {
    /// The rate that a meter keeps to.
    pub fn rate(self) -> Rate {
        Rate::per_second(self.calls_per_second, self.burst)
    }
}

impl fmt::Display for CallRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls a second, {} at once", self.calls_per_second, self.burst)
    }
}
