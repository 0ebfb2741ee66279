//! Checks events, wherever they are stored: that each can be indexed, and that none is older than
//! the one before it.

use std::path::PathBuf;

use super::{
    finding::{Finding, Findings, Part},
    progress::Progress,
};
use crate::log::{
    encoded_events::Chunk,
    index::{Summing, Sums},
};

/// Says of a type's name whether events of it are of interest.
pub type Wanted<'a> = &'a (dyn Fn(&[u8]) -> bool + Sync);

/// What all threads share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) findings: &'a Findings,
    pub(super) progress: &'a Progress,
}

/// Adds up events, and reports those that are none; whether they were all right.
pub(super) fn sum(
    summing: &mut Summing,
    chunk: &Chunk,
    shared: Shared<'_>,
    is_wanted: &mut bool,
    place: &dyn Fn() -> PathBuf,
) -> bool {
    let summed =
        summing.events(chunk, &mut |name| *is_wanted = *is_wanted || (shared.wanted)(name));
    if let Some(position) = summing.went_back().filter(|_| !planted!("verify-passes-order")) {
        let what = "it was recorded before the event in front of it";
        shared.findings.add(Finding::record(Part::Event, &place(), what).at(position));
    }
    let Err(unindexable) = summed else { return true };
    let finding = Finding::record(Part::Event, &place(), &unindexable.what);
    shared.findings.add(finding.at(unindexable.position));
    false
}

/// What is known of the times and terms of volumes, one after the other.
pub(super) fn went_back(volumes: &[Option<Sums>]) -> Option<usize> {
    let mut last = None;
    for (number, sums) in volumes.iter().enumerate() {
        let Some((first, end)) = sums.as_ref().and_then(Sums::times) else { continue };
        if last.is_some_and(|last| first < last) {
            return Some(number);
        }
        last = Some(end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::event::Micros,
        log::{
            fixtures::{Event, Random, frame},
            frame::Tip,
        },
    };

    /// What is known of a volume whose events were recorded at these times.
    fn sums(times: &[Micros]) -> Sums {
        let mut random = Random::new();
        let event = |time: &Micros| Event { recorded_at: *time, ..Event::random(&mut random, 20) };
        let events: Vec<Event> = times.iter().map(event).collect();
        let mut summing = Summing::new([3; 16]);
        summing.events(frame(Tip::default(), &events).chunk(), &mut |_| ()).unwrap();
        summing.finish()
    }

    #[test]
    fn a_volume_that_begins_before_the_end_of_the_one_in_front_of_it_is_found() {
        let of = |second: Micros| Some(sums(&[second, 9]));
        let (first, last) = (Some(sums(&[1, 5])), Some(sums(&[10])));
        assert_eq!(went_back(&[first, of(5), last]), None);
        assert_eq!(went_back(&[first, of(4), last]), Some(1));
        // One that could not be read is passed over.
        assert_eq!(went_back(&[first, None, of(4)]), Some(2));
    }
}
