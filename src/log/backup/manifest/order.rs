//! What a manifest says of positions, frames, times and histories has to be what a backup can have
//! written: it may be damaged or made up.

use std::collections::HashSet;

use super::{BranchEntry, FramesEntry, Manifest, VolumeEntry};
use crate::{domain::limits, log::frame::Tip};

impl Manifest {
    /// Refuses what no backup has written of volumes, frames, times and histories; says what, as
    /// the end of a sentence about the manifest.
    pub(super) fn check_order(&self) -> Result<(), String> {
        if self.store_id().is_none() || self.history().is_none() {
            return Err("has an id that is none".to_owned());
        }
        let mut before = Tip::default();
        for VolumeEntry { volume, .. } in &self.volumes {
            let contents = &volume.contents;
            let follows = before.position.checked_add(1) == Some(contents.first_position)
                && contents.last_position >= contents.first_position
                && volume.tip.position == contents.last_position
                && volume.tip.index > before.index;
            if !follows {
                let directory = &volume.directory;
                return Err(format!("lists the volume {directory}, which follows no other"));
            }
            before = volume.tip;
        }
        self.check_frames(before)?;
        self.check_times()?;
        self.check_history()
    }

    /// Frames may begin within the last volume, and what they add reaches to the tip.
    fn check_frames(&self, sealed: Tip) -> Result<(), String> {
        let mut end = sealed;
        for (number, FramesEntry { after, tip, piece }) in self.frames.iter().enumerate() {
            let follows = if number == 0 { after.index <= end.index } else { *after == end };
            if !follows || tip.index <= after.index || tip.position <= after.position {
                return Err(format!("lists {}, which follows nothing", piece.name));
            }
            end = *tip;
        }
        let whole = if self.frames.is_empty() { sealed } else { end };
        if whole != self.tip {
            return Err(format!(
                "ends at {} and lists pieces to {}",
                self.tip.position, end.position
            ));
        }
        Ok(())
    }

    /// The recorded time never goes back, and a record without events has none.
    fn check_times(&self) -> Result<(), String> {
        if self.recorded_at.is_some() != (self.tip.position > 0) {
            let (at, end) = (self.recorded_at, self.tip.position);
            return Err(format!("ends at {end} with an event that was recorded at {at:?}"));
        }
        let volumes = self.volumes.iter().map(|entry| entry.recorded_at);
        let mut before = None;
        for time in volumes.chain(self.recorded_at) {
            if before.is_some_and(|before| time < before) {
                return Err(format!("has times that go back, to {time}"));
            }
            before = Some(time);
        }
        Ok(())
    }

    /// Each history has another id, and the newest one begins within the record.
    fn check_history(&self) -> Result<(), String> {
        let restores = self.history.len();
        if restores > limits::RESTORES_PER_STORE {
            return Err(format!("was restored {restores} times, more than a record can be"));
        }
        let mut ids = HashSet::new();
        if let Some(twice) = self.history.iter().find(|branch| !ids.insert(&branch.id)) {
            return Err(format!("has the history {} twice", twice.id));
        }
        match self.history.last() {
            Some(BranchEntry { id, after }) if *after > self.tip.position => {
                let end = self.tip.position;
                Err(format!("ends at {end}, and its history {id} begins after {after}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            event::Position,
            history::{Branch, History, HistoryId},
        },
        log::{
            backup::{manifest::Parts, pieces::Piece},
            volume::{ContentsTally, SealedVolume},
        },
    };

    /// What may be wrong with a manifest.
    type Change = fn(&mut Manifest);

    fn tip(index: u64, position: Position) -> Tip {
        Tip { index, position, check: u32::try_from(index).unwrap() }
    }

    fn piece() -> Piece {
        Piece { name: "a/piece".to_owned(), length: 1, sha256: String::new() }
    }

    fn branch(id: u128, after: Position) -> Branch {
        Branch { id: HistoryId(id), after }
    }

    /// The volume of ten events behind a tip.
    fn volume(after: Tip) -> VolumeEntry {
        let mut tally = ContentsTally::new(after.position + 1);
        tally.events(b"any", 10);
        let (contents, files) = (tally.finish(), Vec::new());
        let tip = tip(after.index + 2, contents.last_position);
        let directory = format!("{:020}", contents.first_position);
        let volume = SealedVolume { directory, contents, tip, files };
        VolumeEntry { volume, recorded_at: 1, checked: true, pieces: vec![piece()] }
    }

    /// Two volumes, and frames in two pieces that begin within the second.
    fn manifest() -> Manifest {
        let first = volume(Tip::default());
        let second = volume(first.volume.tip);
        let end = second.volume.tip;
        let frames = [(tip(3, 15), tip(5, 22)), (tip(5, 22), tip(6, 30))];
        let frames = frames.map(|(after, tip)| FramesEntry { after, tip, piece: piece() });
        assert_eq!((end.index, end.position), (4, 20));
        Manifest::new(Parts {
            sequence: 1,
            store_id: [3; 16],
            history: History::of(vec![branch(1, 40), branch(2, 30)]),
            tip: tip(6, 30),
            recorded_at: Some(1),
            volumes: vec![first, second],
            frames: frames.into(),
        })
    }

    #[test]
    fn what_a_manifest_lists_follows_one_another_without_gaps_up_to_its_end() {
        manifest().check_order().unwrap();
        let changes: [(&str, Change); 16] = [
            ("the first volume is left out", |it| drop(it.volumes.remove(0))),
            ("a volume is there twice", |it| it.volumes.insert(1, it.volumes[1].clone())),
            ("volumes are exchanged", |it| it.volumes.swap(0, 1)),
            ("a tip is not that of the volume", |it| it.volumes[0].volume.tip.position = 9),
            ("frames begin behind the last volume", |it| it.frames[0].after = tip(5, 21)),
            ("frames are left out", |it| drop(it.frames.remove(0))),
            ("frames are exchanged", |it| it.frames.swap(0, 1)),
            ("it ends before its frames", |it| it.tip = tip(5, 22)),
            ("it ends with another frame", |it| it.tip.check += 1),
            ("a volume was recorded before the one in front", |it| {
                it.volumes[1].recorded_at = 0;
            }),
            ("a volume was recorded after the last event", |it| it.volumes[1].recorded_at = 2),
            ("the last event was recorded before the volumes", |it| it.recorded_at = Some(0)),
            ("events were recorded at no time", |it| it.recorded_at = None),
            ("the newest history begins behind the end", |it| it.history[1].after = 31),
            ("two histories have one id", |it| it.history[0].id = it.history[1].id.clone()),
            ("it was restored too often", |it| {
                let ids = (3..=257_u128).map(|id| HistoryId(id).to_string());
                let more = ids.map(|id| BranchEntry { id, after: 1 });
                it.history = more.chain(it.history.clone()).collect();
            }),
        ];
        for (what, change) in changes {
            let mut manifest = manifest();
            change(&mut manifest);
            assert!(manifest.check_order().is_err(), "{what}");
        }
    }
}
