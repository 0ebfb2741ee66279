//! What a verification finds: what is wrong, where, and whether it can be made again.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::io::Errno;

use crate::{
    domain::event::Position,
    log::file_journal::{CLEAN_STOP, LISTING},
};

/// Findings of one kind that are kept; of more there is only the number.
const KEPT: usize = 100;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The record is damaged: nothing else here has what is lost.
    Record,
    /// A part of the record cannot be read: it may be whole or not.
    Unread,
    /// Something that is derived from the record is wrong. It can be made again.
    Derived,
    /// Something derived is not there. The server makes it when it starts.
    Missing,
}

/// What part of a store a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The file that says which store it is.
    Store,
    /// The list of the sealed volumes.
    Manifest,
    /// Frames that are in no sealed volume yet.
    Journal,
    /// A sealed volume.
    Volume,
    /// An event that is stored well, and is not what an event must be.
    Event,
    /// Where in a volume's file its values lie.
    OffsetTable,
    /// The index.
    Index,
    /// A saved state of a projection.
    Projection,
    /// What is recorded of a consumer group.
    Group,
    /// A piece of a backup.
    Backup,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub part: Part,
    /// The file or folder.
    pub place: PathBuf,
    /// The event, if it is about one.
    pub position: Option<Position>,
    /// What was found.
    pub what: String,
    /// What to do about it; absent: what is usual for such a finding.
    pub advice: Option<String>,
}

impl Finding {
    /// A damage of the record.
    pub fn record(part: Part, place: &Path, what: impl fmt::Display) -> Self {
        Self::new(Severity::Record, part, place, what)
    }

    /// A part of the record that cannot be read.
    pub fn unread(part: Part, place: &Path, what: impl fmt::Display) -> Self {
        Self::new(Severity::Unread, part, place, what)
    }

    /// Something derived that is wrong.
    pub fn derived(part: Part, place: &Path, what: impl fmt::Display) -> Self {
        Self::new(Severity::Derived, part, place, what)
    }

    /// Something derived that is not there.
    pub fn missing(part: Part, place: &Path, what: impl fmt::Display) -> Self {
        Self::new(Severity::Missing, part, place, what)
    }

    fn new(severity: Severity, part: Part, place: &Path, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self { severity, part, place: place.to_owned(), position: None, what, advice: None }
    }

    /// What the operating system does not let be read. A disk that gives bytes not back has lost
    /// them; any other refusal may pass. What is derived can be made again in either case.
    pub fn refused(part: Part, place: &Path, source: &io::Error) -> Self {
        let is_lost = Errno::from_io_error(source) == Some(Errno::IO);
        let severity = match part {
            Part::OffsetTable | Part::Index | Part::Projection => Severity::Derived,
            Part::Store
            | Part::Manifest
            | Part::Journal
            | Part::Volume
            | Part::Event
            | Part::Group
            | Part::Backup => {
                if is_lost {
                    Severity::Record
                } else {
                    Severity::Unread
                }
            }
        };
        Self::new(severity, part, place, format!("it cannot be read: {source}"))
    }

    /// The same with something else to do.
    #[must_use]
    pub fn advised(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    /// The same about one event.
    #[must_use]
    pub fn at(self, position: Position) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Whether it is a file of the journal that only guards the others: without it, a server opens
    /// the journal by what is there.
    fn is_derivable(&self) -> bool {
        let name = self.place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        [LISTING, CLEAN_STOP].contains(&name)
    }

    /// What a person does about it.
    pub fn remedy(&self) -> String {
        if let Some(advice) = &self.advice {
            return advice.clone();
        }
        let place = self.place.display();
        match (self.severity, self.part) {
            (Severity::Unread, _) => "give the user who runs this the right to read it, or mend \
                 what the error names, and verify again: until then nothing is known of it"
                .to_owned(),
            (Severity::Missing, _) => "nothing: the server makes it when it starts".to_owned(),
            (Severity::Derived, _) => {
                format!("stop the server and remove {place}; the server makes it again")
            }
            (Severity::Record, Part::Volume) => format!(
                "stop the server, restore a backup into another folder (`handover restore`), and \
                 put the folder of this name from its volumes in the place of {place}: a sealed \
                 volume never changes"
            ),
            (Severity::Record, Part::Store) => {
                "restore a backup into another folder (`handover restore`), and put its STORE and \
                 HISTORY alone in the place of these: no event is lost by that"
                    .to_owned()
            }
            (Severity::Record, Part::Journal) if self.is_derivable() => {
                format!(
                    "stop the server, move {place} away, and verify again: if nothing else is \
                     damaged, and the last position is the one that clients know, start the server"
                )
            }
            (Severity::Record, Part::Manifest | Part::Journal) => {
                "restore a backup into another folder (`handover restore`), and put that in the \
                 place of the data directory"
                    .to_owned()
            }
            (Severity::Record, _) => {
                "the bytes are as they were written, so a fault of the program is likely: keep \
                 the data directory, and report this"
                    .to_owned()
            }
        }
    }
}

/// Collects findings from several threads; memory is bounded.
#[derive(Debug, Default)]
pub struct Findings(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    kept: Vec<Finding>,
    counts: Counts,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Damages of the record.
    pub record: u64,
    /// Parts of the record that could not be read.
    pub unread: u64,
    /// What is derived and wrong.
    pub derived: u64,
    /// What is derived and not there.
    pub missing: u64,
}

impl Counts {
    fn of(&mut self, severity: Severity) -> &mut u64 {
        match severity {
            Severity::Record => &mut self.record,
            Severity::Unread => &mut self.unread,
            Severity::Derived => &mut self.derived,
            Severity::Missing => &mut self.missing,
        }
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.record + self.unread + self.derived + self.missing
    }

    /// Whether all of the record was read, and nothing of it is damaged.
    pub fn is_record_whole(&self) -> bool {
        self.record + self.unread == 0
    }
}

impl Findings {
    /// Takes one.
    pub fn add(&self, finding: Finding) {
        let mut found = self.lock();
        let count = found.counts.of(finding.severity);
        *count += 1;
        if *count <= KEPT as u64 {
            found.kept.push(finding);
        }
    }

    /// How many there are so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Those that were kept, the worst first and by their places, and how many there are in all.
    pub fn finish(&self) -> (Vec<Finding>, Counts) {
        let mut found = self.lock();
        let mut kept = std::mem::take(&mut found.kept);
        kept.sort_by(|a, b| {
            let order = |it: &Finding| (it.severity, it.position);
            a.place.cmp(&b.place).then(order(a).cmp(&order(b)))
        });
        kept.sort_by_key(|finding| finding.severity);
        (kept, found.counts)
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_findings_is_counted_and_not_kept_and_hides_no_other_kind() {
        let findings = Findings::default();
        for position in 1..=1_000 {
            findings.add(Finding::derived(Part::Index, Path::new("index/1"), "odd").at(position));
        }
        findings.add(Finding::record(Part::Volume, Path::new("volumes/1"), "lost"));
        let (kept, counts) = findings.finish();
        assert_eq!(kept.len(), KEPT + 1);
        assert_eq!(kept[0].severity, Severity::Record);
        assert_eq!(counts, Counts { record: 1, derived: 1_000, ..Counts::default() });
        assert_eq!(counts.all(), 1_001);
    }
}
