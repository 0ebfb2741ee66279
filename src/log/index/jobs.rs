//! What is to be done about the files of the index next. Pure.

use crate::domain::event::Position;

/// Runs that are merged into one: so many neighbours of about one size. More would be less to
/// write in all, and more runs to ask.
const FAN_IN: usize = 4;

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Write the table that begins here and has ended.
    Write(Position),
    /// Build a run of the volume that begins here.
    Build(Position),
    /// Put the runs that were built in its place for the bad run that begins here.
    Replace(Position),
    /// Merge the runs from the first position to the last.
    Merge(Position, Position),
}

/// What there is, each list by rising positions.
#[derive(Clone, Debug, Default)]
pub(super) struct Situation {
    /// First and last position of the sealed volumes.
    pub(super) volumes: Vec<(Position, Position)>,
    /// The runs.
    pub(super) runs: Vec<RunState>,
    /// The tables.
    pub(super) tables: Vec<TableState>,
    /// Where the runs begin that were built of volumes which a bad run covers.
    pub(super) spares: Vec<Position>,
}

/// A run.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunState {
    /// Position of its first event.
    pub(super) first: Position,
    /// Position of its last event.
    pub(super) last: Position,
    /// Number of volumes.
    pub(super) volumes: u32,
    /// Whether it is undamaged, and of the volumes that were sealed.
    pub(super) good: bool,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableState {
    /// Position of its first event.
    pub(super) first: Position,
    /// Whether it grows, can be written, or will get no more frames although it has not ended.
    pub(super) growth: Growth,
}

/// What becomes of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// It gets frames.
    Grows,
    /// It has all of its volume.
    Ended,
    /// Its frames are in a sealed volume by now, and nowhere else.
    Stalled,
}

impl Situation {
    /// What to do, the most urgent first: what is in memory is written, then what is missing is
    /// built, and what is left of the time goes into merging.
    pub(super) fn jobs(&self) -> Vec<Job> {
        let ended = self.tables.iter().filter(|table| table.growth == Growth::Ended);
        let mut jobs: Vec<Job> = ended.map(|table| Job::Write(table.first)).collect();
        let bad = self.runs.iter().filter(|run| !run.good);
        jobs.extend(bad.filter(|run| self.has_spares(run)).map(|run| Job::Replace(run.first)));
        let missing = self.volumes.iter().filter(|volume| self.is_missing(**volume));
        jobs.extend(missing.map(|(first, _)| Job::Build(*first)));
        jobs.extend(self.merge());
        jobs
    }

    /// Whether a run of the volume has to be built: no good run has it, and no table will become
    /// one.
    fn is_missing(&self, (first, last): (Position, Position)) -> bool {
        if let Some(run) = self.runs.iter().find(|run| run.first <= first && last <= run.last) {
            return !run.good && !self.spares.contains(&first);
        }
        let becomes_one =
            |table: &TableState| table.first == first && table.growth != Growth::Stalled;
        !self.tables.iter().any(becomes_one)
    }

    /// Whether there is a run for each volume that a run covers.
    fn has_spares(&self, run: &RunState) -> bool {
        let within = self.volumes.iter().filter(|(first, _)| run.first <= *first);
        let mut within = within.take_while(|(first, _)| *first <= run.last).peekable();
        within.peek().is_some() && within.all(|(first, _)| self.spares.contains(first))
    }

    /// The oldest runs that can be merged: neighbours of one size class, good, and of sealed
    /// volumes, since what is not sealed may not be there after a crash.
    fn merge(&self) -> Option<Job> {
        let sealed = self.volumes.last().map_or(0, |(_, last)| *last);
        let fits = |window: &&[RunState]| {
            let class = window.first().map_or(0, RunState::size_class);
            let alike =
                |run: &RunState| run.good && run.last <= sealed && run.size_class() == class;
            let follow = |pair: &[RunState]| match pair {
                [before, after] => before.last + 1 == after.first,
                _ => true,
            };
            window.iter().all(alike) && window.windows(2).all(follow)
        };
        let window = self.runs.windows(FAN_IN).find(fits)?;
        Some(Job::Merge(window.first()?.first, window.last()?.last))
    }
}

impl RunState {
    /// Runs of 1 to 3 volumes, of 4 to 15, of 16 to 63 and so on are each of one class.
    fn size_class(&self) -> u32 {
        const { assert!(FAN_IN == 4, "the classes are those of the powers of 4") };
        self.volumes.max(1).ilog(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sealed volumes of ten events each.
    fn sealed(count: u64) -> Situation {
        let volumes = (0..count).map(|n| (n * 10 + 1, n * 10 + 10)).collect();
        let growing = TableState { first: count * 10 + 1, growth: Growth::Grows };
        Situation { volumes, tables: vec![growing], ..Situation::default() }
    }

    /// A good run of the volumes from one to another, counted from 0.
    fn run(from: u64, to: u64) -> RunState {
        let volumes = u32::try_from(to - from + 1).unwrap();
        RunState { first: from * 10 + 1, last: to * 10 + 10, volumes, good: true }
    }

    #[test]
    fn volumes_without_a_run_are_built_the_oldest_first() {
        let mut situation = sealed(4);
        situation.runs = vec![run(1, 1), run(3, 3)];
        assert_eq!(situation.jobs(), [Job::Build(1), Job::Build(21)]);
    }

    #[test]
    fn a_table_is_written_and_its_volume_is_not_built() {
        let mut situation = sealed(2);
        let growth = Growth::Ended;
        situation.runs = vec![run(0, 0)];
        situation.tables.insert(0, TableState { first: 11, growth });
        assert_eq!(situation.jobs(), [Job::Write(11)]);
        situation.tables = vec![TableState { first: 11, growth: Growth::Grows }];
        assert_eq!(situation.jobs(), []);
        situation.tables = vec![TableState { first: 11, growth: Growth::Stalled }];
        assert_eq!(situation.jobs(), [Job::Build(11)]);
    }

    #[test]
    fn a_bad_run_is_replaced_once_there_is_one_for_each_of_its_volumes() {
        let mut situation = sealed(6);
        situation.runs = vec![RunState { good: false, ..run(0, 3) }, run(4, 4), run(5, 5)];
        let builds = [1, 11, 21, 31].map(Job::Build);
        assert_eq!(situation.jobs(), builds);
        situation.spares = vec![1, 21];
        assert_eq!(situation.jobs(), [Job::Build(11), Job::Build(31)]);
        situation.spares = vec![1, 11, 21, 31];
        assert_eq!(situation.jobs(), [Job::Replace(1)]);
    }

    #[test]
    fn four_neighbours_of_one_size_are_merged_if_they_are_good_and_sealed() {
        let mut situation = sealed(5);
        situation.runs = (0..4).map(|n| run(n, n)).collect();
        assert_eq!(situation.jobs(), [Job::Build(41), Job::Merge(1, 40)]);
        situation.runs = vec![run(0, 1), run(2, 2), run(3, 3), run(4, 4)];
        assert_eq!(situation.jobs(), [Job::Merge(1, 50)]);
        situation.volumes.pop();
        assert_eq!(situation.jobs(), [], "the last run's volume is not sealed yet");
        let mut situation = sealed(7);
        situation.runs = vec![run(0, 3), run(4, 4), run(5, 5), run(6, 6)];
        assert_eq!(situation.jobs(), [], "one is of another size");
        let mut situation = sealed(5);
        situation.runs = vec![run(0, 0), run(1, 1), run(2, 2), run(4, 4)];
        assert_eq!(situation.jobs(), [Job::Build(31)], "they do not follow each other");
    }

    #[test]
    fn merging_ends_with_few_runs_whatever_the_number_of_volumes() {
        let mut situation = sealed(0);
        for n in 0..300 {
            situation.volumes.push((n * 10 + 1, n * 10 + 10));
            situation.runs.push(run(n, n));
            while let Some(Job::Merge(first, last)) = situation.merge() {
                let at = situation.runs.iter().position(|run| run.first == first).unwrap();
                let merged = run((first - 1) / 10, last / 10 - 1);
                situation.runs.splice(at..at + FAN_IN, [merged]);
            }
            assert!(situation.runs.len() <= 3 * 5, "{:?}", situation.runs);
        }
    }
}
