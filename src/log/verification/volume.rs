//! Checks one sealed volume: its files, its table of offsets, each of its values, and that together
//! they are what the manifest says.

use super::{
    events::{Shared, sum},
    facts::VolumeFacts,
    finding::{Finding, Part},
    subject::Verification,
    walk::{Reading, Walked, Ways, walk},
};
use crate::{
    domain::event::Position,
    log::{
        encoded_events::Chunk,
        error::LogError,
        frame::AppendEntry,
        index::Summing,
        volume::{ContentsTally, SealedVolume, VolumeByOffset, VolumeError},
    },
};

/// Checks the volume, and says what else was seen of it.
pub(super) fn check(
    verification: &Verification,
    volume: &SealedVolume,
    shared: Shared<'_>,
) -> Result<VolumeFacts, LogError> {
    let check = VolumeCheck { verification, volume, shared };
    check.files();
    if !volume.has_database(&verification.volumes_dir) {
        return Ok(VolumeFacts::default());
    }
    let by_offset = check.table()?;
    let mut seen = Seen::new(&check);
    let mut walked = Walked::default();
    if let Some(by_offset) = &by_offset {
        let ways = Ways { by_offset: Some(by_offset), sled: None };
        walked = walk(volume, ways, &mut seen)?;
    }
    let needs_sled = by_offset.is_none() || !walked.is_good();
    if needs_sled && !shared.progress.is_stopped() {
        (seen, walked) = check.through_sled(by_offset.as_ref())?;
    }
    shared.progress.done_events(seen.events);
    if walked.ended {
        check.report(&walked, by_offset.as_ref());
        if walked.is_good() {
            check.contents(&seen);
        }
    }
    let is_wanted = seen.is_wanted;
    let sums =
        (walked.ended && walked.is_good() && seen.is_indexable).then(|| seen.summing.finish());
    Ok(VolumeFacts { sums, is_wanted, needs_sled })
}

#[derive(Clone, Copy)]
struct VolumeCheck<'a> {
    verification: &'a Verification,
    volume: &'a SealedVolume,
    shared: Shared<'a>,
}

impl VolumeCheck<'_> {
    /// The files, as far as the manifest knows them.
    fn files(&self) {
        let volumes = &self.verification.volumes_dir;
        match self.volume.check_files(volumes) {
            Ok(()) => {}
            Err(VolumeError::Damaged { what, .. }) => self.damaged(None, what),
            Err(VolumeError::Io { source, .. }) => {
                let path = self.verification.path_of(self.volume);
                let finding = Finding::refused(Part::Volume, &path, &source);
                self.shared.findings.add(finding);
            }
        }
        for (snapshot, what) in self.volume.changed_snapshots(volumes) {
            let what = format!("it {what}; nothing needs it");
            self.shared.findings.add(Finding::derived(Part::Volume, &snapshot, what));
        }
    }

    fn table(&self) -> Result<Option<VolumeByOffset>, LogError> {
        let path = self.verification.table_path(self.volume);
        match self.verification.by_offset(self.volume)? {
            Ok(Some(by_offset)) => return Ok(Some(by_offset)),
            Ok(None) => {
                let what = "there is no table of the offsets of this volume";
                self.shared.findings.add(Finding::missing(Part::OffsetTable, &path, what));
            }
            Err(what) => {
                self.shared.findings.add(Finding::derived(Part::OffsetTable, &path, what));
            }
        }
        Ok(None)
    }

    /// Reads all again, with sled for what does not lie where the table says.
    fn through_sled(
        &self,
        by_offset: Option<&VolumeByOffset>,
    ) -> Result<(Seen<'_>, Walked), LogError> {
        let mut seen = Seen::new(self);
        let mut walked = Walked::default();
        let read = self.verification.through_sled(self.volume, &mut |sled| {
            walked = walk(self.volume, Ways { by_offset, sled: Some(sled) }, &mut seen)?;
            Ok(())
        });
        match read {
            Ok(()) => Ok((seen, walked)),
            // sled does not even open it. What the table leads to is all that is left.
            Err(VolumeError::Damaged { what, .. }) => {
                let Some(_) = by_offset else {
                    let (first, last) = self.range();
                    walked.bad.push((first..=last, what));
                    walked.ended = true;
                    return Ok((seen, walked));
                };
                seen = Seen::new(self);
                walked = walk(self.volume, Ways { by_offset, sled: None }, &mut seen)?;
                Ok((seen, walked))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn report(&self, walked: &Walked, by_offset: Option<&VolumeByOffset>) {
        for (positions, what) in &walked.bad {
            let more = match positions.end() - positions.start() {
                0 => String::new(),
                _ => format!(", and so are those up to {}", positions.end()),
            };
            let what = format!("this event is lost{more}: {what}");
            self.damaged(Some(*positions.start()), what);
        }
        if let Some((position, what)) = &walked.bad_appends {
            self.damaged(*position, what.clone());
        }
        if walked.misplaced && by_offset.is_some() {
            let path = self.verification.table_path(self.volume);
            let what = "values of the volume lie elsewhere than it says";
            self.shared.findings.add(Finding::derived(Part::OffsetTable, &path, what));
        }
    }

    /// Compares what was read with what the manifest says.
    fn contents(&self, seen: &Seen<'_>) {
        let found = seen.tally.clone().finish();
        if found != self.volume.contents && !planted!("verify-passes-volume") {
            self.damaged(None, self.volume.contents.against(&found));
        }
    }

    fn damaged(&self, position: Option<Position>, what: String) {
        let path = self.verification.path_of(self.volume);
        let finding = Finding::record(Part::Volume, &path, what);
        self.shared.findings.add(Finding { position, ..finding });
    }

    fn range(&self) -> (Position, Position) {
        let contents = &self.volume.contents;
        (contents.first_position, contents.last_position)
    }
}

/// What was read of a volume.
struct Seen<'a> {
    check: VolumeCheck<'a>,
    tally: ContentsTally,
    summing: Summing,
    events: u64,
    is_indexable: bool,
    is_wanted: bool,
}

impl<'a> Seen<'a> {
    fn new(check: &VolumeCheck<'a>) -> Self {
        Self {
            check: *check,
            tally: ContentsTally::new(check.volume.contents.first_position),
            summing: Summing::new(check.verification.store_id),
            events: 0,
            is_indexable: true,
            is_wanted: false,
        }
    }
}

impl Reading for Seen<'_> {
    fn events(&mut self, chunk: &Chunk) -> bool {
        let count = chunk.last() - chunk.first() + 1;
        self.tally.events(chunk.events(), count);
        let shared = self.check.shared;
        let place = || self.check.verification.path_of(self.check.volume);
        let wanted = &mut self.is_wanted;
        let summed = sum(&mut self.summing, chunk, shared, wanted, &place);
        self.is_indexable &= summed;
        self.events += count;
        shared.progress.done(chunk.events().len() as u64)
    }

    fn appends(&mut self, entries: &[AppendEntry]) -> bool {
        for entry in entries {
            self.tally.append(entry);
        }
        self.summing.appends(entries);
        let bytes = entries.len() * AppendEntry::BYTES;
        self.check.shared.progress.done(bytes as u64)
    }
}
