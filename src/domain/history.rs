//! Histories of a store: each restore begins another one after the position that it restored.
//!
//! Two histories have the same events up to the position where they parted. Beyond it, one position
//! stands for two different events, so a position counts only together with its history.

use std::fmt;

use crate::domain::event::Position;

/// Which history it is: drawn when a restore begins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HistoryId(pub u128);

impl HistoryId {
    /// Reads what [`fmt::Display`] writes, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let whole = text.len() == 32 && text.bytes().all(digits);
        whole.then(|| u128::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

/// 32 lower-case hex digits.
impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The beginning of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The history that begins here.
    pub id: HistoryId,
    /// Positions up to and including this one belong to the histories before.
    pub after: Position,
}

/// How far two histories have the same events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    /// They are the same history.
    Whole,
    /// Up to and including this position.
    UpTo(Position),
    /// The other history is not among those that led here: a restore of another backup began it.
    Unknown,
}

/// The histories that led to the present one. Without a branch it is the original history, which
/// has no id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    branches: Vec<Branch>,
}

impl History {
    /// The history that these branches led to, oldest first.
    pub fn of(branches: Vec<Branch>) -> Self {
        Self { branches }
    }

    /// Every branch, oldest first. A branch may lie before the one that precedes it in the list:
    /// then the restore stopped short of that one, and no event of that history is left.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// The branch that began the present history; absent: it is the original one.
    pub fn newest(&self) -> Option<Branch> {
        self.branches.last().copied()
    }

    /// The id of the present history; absent: it is the original one.
    pub fn id(&self) -> Option<HistoryId> {
        self.newest().map(|branch| branch.id)
    }

    /// The same with one branch more.
    #[must_use]
    pub fn branched(&self, branch: Branch) -> Self {
        let mut next = self.clone();
        next.branches.push(branch);
        next
    }

    /// How far the present history is the same as another; no id stands for the original one.
    pub fn common_with(&self, other: Option<HistoryId>) -> Common {
        let later = match other {
            None => self.branches.as_slice(),
            Some(id) => match self.branches.iter().position(|branch| branch.id == id) {
                Some(place) => self.branches.get(place + 1..).unwrap_or_default(),
                None => return Common::Unknown,
            },
        };
        let passed =
            if planted!("newest-branch-alone") { later.len().saturating_sub(1) } else { 0 };
        let between = later.iter().skip(passed);
        between.map(|branch| branch.after).min().map_or(Common::Whole, Common::UpTo)
    }

    /// The history in which the event at a position was recorded; absent: the original one.
    pub fn recorded_in(&self, position: Position) -> Option<HistoryId> {
        self.branches.iter().rev().find(|branch| position > branch.after).map(|branch| branch.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn branches(afters: &[Position]) -> History {
        let branch = |(place, after): (usize, &Position)| Branch {
            id: HistoryId(place as u128 + 1),
            after: *after,
        };
        History::of(afters.iter().enumerate().map(branch).collect())
    }

    #[test]
    fn an_id_is_read_as_it_is_written_and_in_no_other_way() {
        let text = HistoryId(0xab).to_string();
        assert_eq!(text, "000000000000000000000000000000ab");
        assert_eq!(HistoryId::parse(&text), Some(HistoryId(0xab)));
        for other in ["", "ab", &text.to_uppercase(), &format!("+{}", &text[1..])] {
            assert_eq!(HistoryId::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn histories_are_common_up_to_the_lowest_branch_between_them() {
        let original = History::default();
        assert_eq!(original.common_with(None), Common::Whole);
        assert_eq!(original.common_with(Some(HistoryId(1))), Common::Unknown);
        let twice = branches(&[100, 300]);
        assert_eq!(twice.common_with(None), Common::UpTo(100));
        assert_eq!(twice.common_with(Some(HistoryId(1))), Common::UpTo(300));
        assert_eq!(twice.common_with(Some(HistoryId(2))), Common::Whole);
        assert_eq!(twice.common_with(Some(HistoryId(3))), Common::Unknown);
        // The second restore stopped short of the first branch.
        let short = branches(&[100, 50]);
        assert_eq!(short.common_with(None), Common::UpTo(50));
        assert_eq!(short.common_with(Some(HistoryId(1))), Common::UpTo(50));
    }

    /// Which history each position was recorded in, kept position by position.
    fn replayed(steps: &[(Position, Position)]) -> (History, Vec<Option<HistoryId>>, Vec<Seen>) {
        let (mut history, mut log, mut seen) = (History::default(), Vec::new(), Vec::new());
        for (number, (appended, kept)) in (1..).zip(steps) {
            log.extend((0..*appended).map(|_| history.id()));
            seen.push((history.id(), log.clone()));
            let after = (*kept).min(log.len() as u64);
            log.truncate(usize::try_from(after).unwrap());
            history = history.branched(Branch { id: HistoryId(number), after });
        }
        (history, log, seen)
    }

    type Seen = (Option<HistoryId>, Vec<Option<HistoryId>>);

    proptest! {
        #[test]
        fn what_is_common_and_where_each_event_is_from_equal_a_replay(
            steps in prop::collection::vec((0..9_u64, 0..30_u64), 0..9)
        ) {
            let (history, log, seen) = replayed(&steps);
            for (position, origin) in (1..).zip(&log) {
                prop_assert_eq!(history.recorded_in(position), *origin);
            }
            for (id, then) in seen {
                let Common::UpTo(common) = history.common_with(id) else { panic!("known") };
                let common = usize::try_from(common).unwrap();
                prop_assert!(common <= then.len());
                prop_assert_eq!(&log[..common.min(log.len())], &then[..common.min(log.len())]);
            }
        }
    }
}
