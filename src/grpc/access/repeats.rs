//! Administrative calls that change nothing and that clients repeat: a status that is watched every
//! two seconds, a backup of thousands of pieces. The audit log has one line of them a minute.
//!
//! The calls of an identity by one method from one address count together. Another address has a
//! line of its own at once: it may be that of a stolen token.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// The time between two lines about the same calls.
const EACH: Duration = Duration::from_mins(1);
/// Callers that are kept apart. Calls of further ones are all logged.
const CALLERS: usize = 1_024;
/// The methods whose calls are repeated.
const METHODS: [&str; 2] =
    ["handover.v1.StatusService/GetStatus", "handover.v1.BackupService/FetchPiece"];

/// The calls that were logged within the last minute.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<Caller, Line>);

/// Whose calls count together.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Caller {
    identity: String,
    method: &'static str,
    address: Option<IpAddr>,
}

/// The last line about them.
#[derive(Debug)]
struct Line {
    at: Instant,
    left_out: u64,
}

impl Repeats {
    /// How many calls were left out before the line about this one; `None`: it is left out too.
    pub(super) fn line(
        &mut self,
        identity: &str,
        method: &str,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Option<u64> {
        let Some(method) = METHODS.into_iter().find(|repeated| *repeated == method) else {
            return Some(0);
        };
        let caller = Caller { identity: identity.to_owned(), method, address };
        if let Some(line) = self.0.get_mut(&caller) {
            if now.duration_since(line.at) < EACH {
                line.left_out += 1;
                return None;
            }
            line.at = now;
            return Some(std::mem::take(&mut line.left_out));
        }
        if self.0.len() >= CALLERS {
            self.0.retain(|_, line| now.duration_since(line.at) < EACH);
        }
        if self.0.len() < CALLERS {
            self.0.insert(caller, Line { at: now, left_out: 0 });
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Permission, rule_of};

    /// A call, as it is named to the log.
    type Call<'a> = (&'a str, &'a str, &'a str);

    fn line(
        repeats: &mut Repeats,
        (identity, method, peer): Call<'_>,
        now: Instant,
    ) -> Option<u64> {
        repeats.line(identity, method, Some(peer.parse().unwrap()), now)
    }

    #[test]
    fn a_repeated_call_has_a_line_a_minute_that_says_how_many_were_left_out() {
        let (mut repeats, begun) = (Repeats::default(), Instant::now());
        let status = ("night", METHODS[0], "10.0.0.1");
        let lines: Vec<_> = (0..90)
            .filter_map(|look| line(&mut repeats, status, begun + Duration::from_secs(2 * look)))
            .collect();
        assert_eq!(lines, [0, 29, 29]);
        for other in [
            ("day", METHODS[0], "10.0.0.1"),
            ("night", METHODS[1], "10.0.0.1"),
            ("night", METHODS[0], "10.0.0.2"),
        ] {
            assert_eq!(line(&mut repeats, other, begun), Some(0), "{other:?}");
            assert_eq!(line(&mut repeats, other, begun), None, "{other:?}");
        }
    }

    #[test]
    fn a_call_that_changes_something_always_has_its_line() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let change = ("night", "handover.v1.ConsumerGroupService/DeleteGroup", "10.0.0.1");
        for _ in 0..3 {
            assert_eq!(line(&mut repeats, change, now), Some(0));
        }
        for method in METHODS {
            let rule = rule_of(method).expect("a method of the server");
            assert_eq!(rule.permission, Permission::Operate, "{method}");
        }
    }

    #[test]
    fn callers_without_number_take_no_memory_without_bound_and_are_logged() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let mut from = |number: u32, now| {
            let [_, second, third, fourth] = number.to_be_bytes();
            let peer = format!("10.{second}.{third}.{fourth}");
            (line(&mut repeats, ("night", METHODS[0], &peer), now), repeats.0.len())
        };
        for number in 0..2_000 {
            let (line, kept) = from(number, now);
            assert!(line == Some(0) && kept <= CALLERS, "{number}: {line:?}, {kept}");
        }
        let (line, kept) = from(3_000, now + EACH);
        assert_eq!((line, kept), (Some(0), 1), "those of the minute before are forgotten");
    }
}
