//! What an engine tells of itself: whether it takes appends, how far its followers are, and what of
//! its budgets is used.

use std::sync::Arc;

use super::{
    Engine, Head, Pause, ProjectionStatus,
    bounds::{QUEUE_BYTES, QUEUE_CALLERS, SUBMITTED_BYTES},
    measures::AppendsUsage,
    process::Process,
    subscribers::SubscribersUsage,
};
use crate::log::usage::{LogUsage, Used};

/// Whether appends are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// They are.
    Accepted,
    /// They are refused for the time being.
    Paused(Pause),
    /// They are refused for good, for this reason.
    Stopped(Arc<str>),
}

/// What a budget is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things of the kind that its name says.
    Number,
}

/// A budget, and what of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What it is of, in `snake_case`.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// How much is used.
    pub used: Used,
}

impl Budget {
    /// A budget in bytes.
    pub fn bytes(name: &'static str, used: Used) -> Self {
        Self { name, unit: Unit::Bytes, used }
    }

    /// A budget of things.
    pub fn number(name: &'static str, used: Used) -> Self {
        Self { name, unit: Unit::Number, used }
    }
}

/// What an engine tells of itself.
#[derive(Clone, Debug)]
pub struct EngineUsage {
    /// The last durable event.
    pub head: Head,
    /// Whether appends are taken.
    pub writing: Writing,
    /// What became of appends.
    pub appends: AppendsUsage,
    /// What the log takes.
    pub log: LogUsage,
    /// The open subscriptions.
    pub subscribers: SubscribersUsage,
    /// How many consumer groups there are.
    pub groups: usize,
    /// How far projections are.
    pub projections: Vec<ProjectionStatus>,
    /// Budgets of memory and of what waits.
    pub budgets: Vec<Budget>,
    /// What the process takes.
    pub process: Process,
}

impl Engine {
    /// What the engine tells of itself now. It waits for no disk and for no caller.
    pub fn usage(&self) -> EngineUsage {
        let (head, log) = (self.head(), self.log.usage());
        EngineUsage {
            head,
            writing: self.writing(),
            appends: self.measures.read(),
            subscribers: self.reader.subscribers().usage(head.position),
            groups: self.groups.count(),
            projections: self.record().projections(),
            budgets: self.budgets(&log),
            process: Process::read(),
            log,
        }
    }

    /// Whether appends are taken.
    pub fn writing(&self) -> Writing {
        if let Some(reason) = self.appender.fault.reason() {
            return Writing::Stopped(reason);
        }
        let paused = self.paused().borrow().clone();
        paused.map_or(Writing::Accepted, Writing::Paused)
    }

    fn budgets(&self, log: &LogUsage) -> Vec<Budget> {
        let taken = |all: usize, left: usize| Used::of(all.saturating_sub(left), all);
        let appender = &self.appender;
        let queue = taken(QUEUE_BYTES, appender.budget.available_permits());
        let submitted = taken(SUBMITTED_BYTES, appender.submitted.available_permits());
        let callers = taken(QUEUE_CALLERS, appender.callers.available_permits());
        let streams = self.reader.streams();
        vec![
            Budget::bytes("append_queue", queue),
            Budget::bytes("pipelined_appends", submitted),
            Budget::number("append_callers", callers),
            Budget::number("open_streams", streams.open_streams()),
            Budget::bytes("answers_held", streams.held_bytes()),
            Budget::bytes("tail_cache", log.tail),
            Budget::bytes("offset_table_cache", log.volumes.offset_tables),
            Budget::bytes("index_key_cache", log.index.keys),
            Budget::number("open_volumes", log.volumes.open_files),
            Budget::number("open_sled_databases", log.volumes.open_databases),
        ]
    }
}
