//! What is known to be damaged. It is remembered for a while, so that a repeated read does not try
//! sled again. It is counted once a volume, so that it is reported once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    domain::event::Position,
    log::volume::{SealedVolume, VolumeError},
};

/// After this time what was damaged is tried again: a disk may have come back.
const TRY_AGAIN: Duration = Duration::from_mins(10);
/// Pieces of a volume that are remembered one by one. If a volume has more, nothing that is wrong
/// at its offset is read through sled until it is time to try again.
const REMEMBERED: usize = 1_000;

/// What a reader wanted to read of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReadTarget {
    /// The event at a position.
    Event(Position),
    /// The append that begins at a position.
    Append(Position),
    /// The page of the append table after the one at a position.
    PageAfter(Option<Position>),
    /// All of it.
    All,
}

impl ReadTarget {
    /// The position to name when it is damaged.
    pub(super) fn position(self) -> Option<Position> {
        match self {
            Self::Event(position) | Self::Append(position) => Some(position),
            Self::PageAfter(position) => position,
            Self::All => None,
        }
    }
}

/// What is known to be damaged.
#[derive(Debug, Default)]
pub(super) struct KnownDamage {
    /// By last position.
    volumes: Mutex<BTreeMap<Position, VolumeDamage>>,
}

/// The damage of one volume.
#[derive(Debug)]
struct VolumeDamage {
    first: VolumeError,
    pieces: BTreeMap<ReadTarget, (VolumeError, Instant)>,
}

impl KnownDamage {
    /// What the same read found not long ago.
    pub(super) fn known(
        &self,
        volume: &SealedVolume,
        target: ReadTarget,
        now: Instant,
    ) -> Option<VolumeError> {
        let mut volumes = self.lock();
        let known = volumes.get_mut(&volume.contents.last_position)?;
        if known.pieces.len() >= REMEMBERED {
            known.pieces.retain(|_, (_, at)| now.duration_since(*at) < TRY_AGAIN);
        }
        let (error, at) = match known.pieces.get(&target) {
            Some(found) => found,
            None if known.pieces.len() >= REMEMBERED => known.pieces.values().next()?,
            None => return None,
        };
        (now.duration_since(*at) < TRY_AGAIN).then(|| of(error, target))
    }

    /// Remembers what was found; whether it is the first damage of this volume.
    pub(super) fn note(
        &self,
        volume: &SealedVolume,
        target: ReadTarget,
        error: &VolumeError,
        now: Instant,
    ) -> bool {
        let mut volumes = self.lock();
        let mut is_first = false;
        let known = volumes.entry(volume.contents.last_position).or_insert_with(|| {
            is_first = true;
            VolumeDamage { first: error.clone(), pieces: BTreeMap::new() }
        });
        known.pieces.insert(target, (error.clone(), now));
        is_first
    }

    /// For each damaged volume what was met first, oldest volume first.
    pub(super) fn first_of_each(&self) -> Vec<VolumeError> {
        self.lock().values().map(|known| known.first.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Position, VolumeDamage>> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error as a reader of that place gets it.
fn of(error: &VolumeError, target: ReadTarget) -> VolumeError {
    match error {
        VolumeError::Damaged { volume, position, what } => VolumeError::Damaged {
            volume: volume.clone(),
            position: target.position().or(*position),
            what: what.clone(),
        },
        VolumeError::Io { .. } => error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::volumes::tests::volume;

    fn error(position: Position) -> VolumeError {
        let what = "its checksum is wrong".to_owned();
        VolumeError::Damaged { volume: "v".into(), position: Some(position), what }
    }

    #[test]
    fn damage_is_remembered_for_a_while_and_only_for_what_was_read() {
        let (damage, now) = (KnownDamage::default(), Instant::now());
        let (one, two) = (volume(1, 10), volume(11, 10));
        assert!(damage.note(&one, ReadTarget::Event(5), &error(5), now));
        assert!(!damage.note(&one, ReadTarget::Append(6), &error(6), now));
        assert!(damage.note(&two, ReadTarget::All, &error(15), now));
        let known =
            |volume, target, now| damage.known(volume, target, now).map(|it| it.to_string());
        assert_eq!(known(&one, ReadTarget::Event(5), now), Some(error(5).to_string()));
        for (volume, target) in
            [(&one, ReadTarget::Event(6)), (&one, ReadTarget::All), (&two, ReadTarget::Event(5))]
        {
            assert_eq!(known(volume, target, now), None, "{target:?}");
        }
        assert_eq!(known(&one, ReadTarget::Event(5), now + TRY_AGAIN), None);
        let first: Vec<String> = damage.first_of_each().iter().map(ToString::to_string).collect();
        assert_eq!(first, [error(5).to_string(), error(15).to_string()]);
    }

    #[test]
    fn of_a_volume_with_much_damage_nothing_is_tried_for_a_while() {
        let (damage, now) = (KnownDamage::default(), Instant::now());
        let one = volume(1, 1 << 20);
        for position in 0..REMEMBERED as u64 {
            assert!(damage.known(&one, ReadTarget::Event(7_777_777), now).is_none());
            damage.note(&one, ReadTarget::Event(position), &error(position), now);
        }
        let reported = damage.known(&one, ReadTarget::Event(7_777_777), now).unwrap();
        assert!(reported.to_string().contains("7777777"), "{reported}");
        assert!(damage.known(&one, ReadTarget::Event(7_777_777), now + TRY_AGAIN).is_none());
    }
}
