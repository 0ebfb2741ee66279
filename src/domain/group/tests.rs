//! The work of a group under whatever its consumers do: nothing is lost, order is kept, and one
//! stream never holds up another.

mod backlog;
mod order;
mod schedules;
mod slow;
mod tries;

use std::time::Duration;

use super::*;
use crate::domain::event::Position;

const SETTINGS: Settings = Settings {
    lease: Duration::from_secs(10),
    max_attempts: 3,
    retry_delay: Duration::from_secs(1),
};

fn seconds(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

fn work(events: &[&str]) -> Work {
    let mut work = Work::new(SETTINGS, 0);
    for (stream, position) in events.iter().zip(1..) {
        work.offer(stream, position, seconds(0));
    }
    work
}

fn join(work: &mut Work, id: ConsumerId, credit: u64) {
    work.join(id, format!("consumer {id}"));
    work.grant(id, credit).expect("a credit within the limit");
}

/// What a consumer is sent and receives now: positions by delivery.
fn send(work: &mut Work, id: ConsumerId, now: Moment) -> Vec<(u64, Position)> {
    let mut sent = Vec::new();
    loop {
        let some: Vec<_> = work.outgoing(id).map(|it| (it.delivery, it.position)).collect();
        let Some((last, _)) = some.last() else { return sent };
        work.sent(id, *last);
        work.received(id, *last, now);
        sent.extend(some);
    }
}

/// What is recorded as unfinished, and how often tried, if so many parks are recorded with it.
fn unfinished(work: &Work, parks: usize) -> Vec<(Position, u32)> {
    work.checkpoint(parks).unfinished.iter().collect()
}

fn parks(work: &Work) -> Vec<(Position, u32)> {
    work.parks().iter().map(|park| (park.position, park.attempts)).collect()
}
