//! Looks at the journal of a stopped store by the rules of recovery, and writes nothing.

use std::path::Path;

use super::{
    listing, marker, read_frame,
    recovery::{self, Known},
    segment::Segment,
    slots::Slots,
};
use crate::log::{
    files::Files,
    frame::{Frame, Tip},
    journal::JournalError,
};

/// Bytes of frames that are read at once; a larger frame is read alone.
const AT_ONCE: usize = 8 << 20;

/// What a journal holds that no process works on.
#[derive(Debug)]
pub(in crate::log) struct InspectedJournal {
    slots: Slots,
    sealed: Tip,
    bytes: u64,
}

impl InspectedJournal {
    /// Finds every acknowledged frame after `sealed`, as opening the journal does. What opening
    /// would refuse is an error, of every file that is listed.
    pub(in crate::log) fn read(
        files: &dyn Files,
        dir: &Path,
        store_id: [u8; 16],
        sealed: Tip,
    ) -> Result<Self, Vec<JournalError>> {
        let one = |error| vec![error];
        let segments = Segment::open_all(files, dir).map_err(one)?;
        let (listed, found) = (listing::read(files, dir), listing::of(&segments));
        let mut wrong = Vec::new();
        match listed {
            Ok(listed) => {
                let files = listed.iter().flatten().map(|(number, length)| (*number, *length));
                let alone = files.map(|file| listing::Listing::from([file]));
                wrong.extend(alone.filter_map(|file| listing::check(&file, &found, dir).err()));
            }
            Err(error) => wrong.push(error),
        }
        let marker = marker::read(files, dir, store_id).map_err(|error| wrong.push(error));
        let known = Known { dir, store_id, sealed, marker: marker.ok().flatten() };
        let recovered = recovery::recover(&segments, &known);
        let recovered = recovered.map_err(|error| wrong.push(error)).ok();
        match recovered {
            Some(recovered) if wrong.is_empty() => {
                let bytes = found.values().sum();
                Ok(Self { slots: recovered.slots, sealed, bytes })
            }
            _ => Err(wrong),
        }
    }

    /// The last frame.
    pub(in crate::log) fn tip(&self) -> Tip {
        self.slots.tip()
    }

    /// Bytes of its files.
    pub(in crate::log) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the frames that are in no sealed volume, in order.
    pub(in crate::log) fn frames(
        &self,
        on_frame: &mut dyn FnMut(&Frame),
    ) -> Result<(), JournalError> {
        let mut after = self.sealed;
        loop {
            let found = self.slots.after(after, AT_ONCE)?;
            if found.is_empty() {
                return Ok(());
            }
            for (previous, slot) in found {
                let frame = read_frame(previous, &slot)?;
                after = frame.tip();
                on_frame(&frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::log::{
        file_journal::{FileJournal, JournalSettings},
        files::{ReadOnlyFiles, RealFiles},
        fixtures::{Event, Random, Revisions, new_frame},
        journal::{Journal as _, Outcome},
    };

    const STORE: [u8; 16] = *b"the tested store";

    #[test]
    fn the_frames_are_found_as_opening_finds_them_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let settings = JournalSettings { store_id: STORE, file_bytes: 64 << 10 };
        let files: Arc<dyn Files> = Arc::new(RealFiles);
        let journal_dir = dir.path().join("journal");
        FileJournal::create(Arc::clone(&files), &journal_dir, &settings).unwrap();
        let journal = FileJournal::open(files, &journal_dir, settings, Tip::default()).unwrap();
        let (mut random, mut revisions) = (Random::new(), Revisions::default());
        let mut tip = Tip::default();
        for _ in 0..20 {
            let mut events = vec![Event::random(&mut random, 9_000)];
            revisions.number(&mut events);
            let frame = new_frame(tip, &events);
            tip = frame.tip();
            assert!(matches!(journal.append(frame).outcome(), Outcome::Durable));
        }
        drop(journal);
        let read = InspectedJournal::read(&ReadOnlyFiles, &journal_dir, STORE, Tip::default());
        let read = read.unwrap();
        assert_eq!(read.tip(), tip);
        let mut frames = 0;
        read.frames(&mut |frame| {
            frames += 1;
            assert_eq!(frame.index(), frames);
        })
        .unwrap();
        assert_eq!(frames, 20);
    }
}
