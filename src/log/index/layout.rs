//! Which segments the index has. Pure: a layout never changes, another takes its place. So a reader
//! that holds one sees each position exactly once.

use std::sync::Arc;

use super::{
    run::Run,
    segment::{Segment, SharedTable},
};
use crate::domain::event::Position;

/// What the names of runs end with; what comes before is a number that means nothing.
pub(super) const EXTENSION: &str = "run";

/// Segments by rising positions; the last one is the table that grows. While the index is being
/// rebuilt there are gaps between them, and only what lies before the first gap is answered from.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    segments: Vec<Segment>,
    /// How many of the first follow each other without a gap, from position 1.
    visible: usize,
}

impl Layout {
    /// These runs, by rising positions, and an empty table behind `end`.
    pub(super) fn new(runs: Vec<Arc<Run>>, end: Position) -> Self {
        let runs = runs.into_iter().map(Segment::Run);
        let growing = Segment::Table(SharedTable::new(end + 1));
        Self::of(runs.chain([growing]).collect())
    }

    fn of(segments: Vec<Segment>) -> Self {
        let mut next = 1;
        let mut visible = 0;
        for segment in &segments {
            if segment.first() != next {
                break;
            }
            visible += 1;
            next = segment.last() + 1;
        }
        Self { segments, visible }
    }

    /// The segments before the first gap.
    pub(super) fn visible(&self) -> &[Segment] {
        self.segments.get(..self.visible).unwrap_or_default()
    }

    /// Whether there is no gap.
    pub(super) fn is_whole(&self) -> bool {
        self.visible == self.segments.len()
    }

    /// Everything up to here is indexed.
    pub(super) fn watermark(&self) -> Position {
        self.visible().last().map_or(0, Segment::last)
    }

    /// The segment before the first gap that holds or will hold a position.
    pub(super) fn at(&self, position: Position) -> Option<&Segment> {
        let after = self.visible().partition_point(|segment| segment.first() <= position);
        self.visible().get(after.checked_sub(1)?)
    }

    /// The runs, by rising positions.
    pub(super) fn runs(&self) -> impl DoubleEndedIterator<Item = &Arc<Run>> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Run(run) => Some(run),
            Segment::Table(_) => None,
        })
    }

    /// The tables, by rising positions; the last one grows.
    pub(super) fn tables(&self) -> impl DoubleEndedIterator<Item = &Arc<SharedTable>> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Table(table) => Some(table),
            Segment::Run(_) => None,
        })
    }

    /// The table that grows.
    pub(super) fn growing(&self) -> &Arc<SharedTable> {
        self.tables().next_back().expect("every layout ends with a table")
    }

    /// The same with an empty table behind the one that grew.
    pub(super) fn rotated(&self) -> Self {
        let first = self.growing().read().last() + 1;
        let next = Segment::Table(SharedTable::new(first));
        Self::of(self.segments.iter().cloned().chain([next]).collect())
    }

    /// The same with these runs, by rising positions, in place of whatever covers their stretches.
    /// If that is the table that grows, an empty one follows behind the last run.
    pub(super) fn with(&self, runs: &[Arc<Run>]) -> Self {
        let replaced = |segment: &&Segment| {
            let mut headers = runs.iter().map(|run| run.header());
            headers.any(|header| (header.first..=header.last).contains(&segment.first()))
        };
        let kept = self.segments.iter().filter(|segment| !replaced(segment)).cloned();
        let mut segments: Vec<Segment> =
            kept.chain(runs.iter().map(|run| Segment::Run(Arc::clone(run)))).collect();
        segments.sort_by_key(Segment::first);
        if let Some(Segment::Run(last)) = segments.last() {
            let next = SharedTable::new(last.header().last + 1);
            segments.push(Segment::Table(next));
        }
        Self::of(segments)
    }
}
