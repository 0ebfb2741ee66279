//! Watches the server's memory while a large log is loaded.

use std::time::{Duration, Instant};

use handover::cli::exit::Failure;

use crate::{
    events::Layout, plan::Plan, process::Memory, statistics::approximate, subject::Subject,
};

/// How the memory went while events were appended.
#[derive(Debug)]
pub(super) struct Growth {
    /// Events that were loaded.
    pub(super) events: u64,
    /// Of all that was loaded, events a second.
    pub(super) rate: f64,
    /// The memory when so many events were acknowledged: a tenth, a half, all.
    pub(super) marks: Vec<(u64, Memory)>,
    /// The most that was seen, in bytes.
    pub(super) most: u64,
}

impl Growth {
    /// The memory at the end in units of that at half of the events.
    pub(super) fn whole_against_half(&self) -> Option<f64> {
        let [_, (_, half), (_, whole)] = self.marks.as_slice() else { return None };
        Some(approximate(whole.resident) / approximate(half.resident))
    }

    fn new(events: u64) -> Self {
        Self { events, rate: 0.0, marks: Vec::new(), most: 0 }
    }

    /// Takes what the server occupied when so many events were acknowledged.
    fn look(&mut self, acknowledged: u64, memory: Memory) {
        self.most = self.most.max(memory.resident);
        let marks = [self.events / 10, self.events / 2, self.events];
        let passed = marks.iter().filter(|mark| **mark <= acknowledged).count();
        while self.marks.len() < passed {
            let mark = marks.get(self.marks.len()).copied().unwrap_or(acknowledged);
            self.marks.push((mark, memory));
        }
    }
}

/// Loads as many events as are planned.
pub(super) async fn fill_watched(
    subject: &Subject,
    layout: Layout,
    plan: &Plan,
) -> Result<Growth, Failure> {
    let mut growth = Growth::new(plan.scale_events);
    let begun = Instant::now();
    let filled = async {
        subject.fill(layout, plan.scale_events).await?;
        Ok::<Duration, Failure>(begun.elapsed())
    };
    let watched = async {
        loop {
            growth.look(subject.source.acknowledged(), subject.process()?.memory()?);
            tokio::time::sleep(plan.look_at_memory).await;
        }
    };
    let took = tokio::select! {
        took = filled => took?,
        failure = watched => return failure,
    };
    growth.look(subject.source.acknowledged(), subject.process()?.memory()?);
    growth.rate = approximate(subject.source.acknowledged()) / took.as_secs_f64();
    Ok(growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_reported_at_a_tenth_a_half_and_all_of_the_events() {
        let memory = |resident| Memory { resident, ..Memory::default() };
        let mut growth = Growth::new(100);
        for (acknowledged, resident) in [(5, 10), (12, 20), (30, 90), (55, 40), (99, 50), (101, 60)]
        {
            growth.look(acknowledged, memory(resident));
        }
        assert_eq!(growth.marks, [(10, memory(20)), (50, memory(40)), (100, memory(60))]);
        assert_eq!((growth.most, growth.whole_against_half()), (90, Some(1.5)));
    }

    #[test]
    fn a_load_that_was_quicker_than_a_look_has_all_its_marks() {
        let mut growth = Growth::new(100);
        growth.look(100, Memory::default());
        assert_eq!(growth.marks.len(), 3);
    }
}
