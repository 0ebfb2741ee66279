//! What a journal holds after a stop of any kind, decided from what is found in its files.
//!
//! First every file is looked over: at each page where one may start, a header of this store, and
//! whether the frame under it is whole. All else follows from these sightings without I/O:
//!
//! - **The walk** goes from the last sealed frame, or the one after it, to the next and the next:
//!   index one more, chained to the one before by check and position, of an epoch that is no
//!   lower, whole. It lies right behind, or is the first in a file.
//! - **The claims**: each header says up to which index frames were durable when it was written.
//!   So do the manifest of sealed volumes and the clean-stop marker. The greatest is the truth,
//!   wherever it is found, also in frames that were never finished and in files to be reused.
//! - If the walk ends below a claim, frames that were acknowledged are damaged: nothing is
//!   touched. Otherwise what lies behind the walk's end is the torn tail of a crash, and was never
//!   acknowledged.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use super::{
    header::Header,
    marker::{self, CleanStopMarker},
    segment::Segment,
    slots::Slots,
    survey::{Place, Sighting, survey},
};
use crate::log::journal::{JournalError, Tip};

/// What is known besides the files.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The journal's folder.
    pub(super) dir: &'a Path,
    /// The store it belongs to.
    pub(super) store_id: [u8; 16],
    /// The last frame that sealed volumes vouch for.
    pub(super) sealed: Tip,
    /// The last clean stop.
    pub(super) marker: Option<CleanStopMarker>,
}

/// What the files hold.
#[derive(Debug)]
pub(super) struct Recovered {
    /// The frames after the sealed ones.
    pub(super) slots: Slots,
    /// The file to go on in.
    pub(super) segment: Arc<Segment>,
    /// Where to go on in it.
    pub(super) offset: u64,
    /// Files that hold nothing that is needed, in the order to use them.
    pub(super) unused: Vec<Arc<Segment>>,
    /// The highest epoch seen.
    pub(super) epoch: u64,
    /// Every frame up to this index is known to have been durable. Those above may be in the page
    /// cache only.
    pub(super) synced: u64,
}

/// Decides what the journal holds.
pub(super) fn recover(
    segments: &[Arc<Segment>],
    known: &Known<'_>,
) -> Result<Recovered, JournalError> {
    let Some(first) = segments.first() else {
        return Err(missing(known, "the folder holds no journal file".to_owned()));
    };
    let mut sightings = Vec::new();
    for segment in segments {
        survey(segment, known.store_id, &mut sightings)?;
    }
    let mut walk = Walk::new(&sightings, known.sealed);
    let path: Vec<&Sighting> = std::iter::from_fn(|| walk.step()).collect();
    let synced = claimed(&sightings, known);
    check_end(&walk, known, synced, first)?;

    let (segment, offset) = walk.place.unwrap_or_else(|| (Arc::clone(first), 0));
    // Not the sealed frame's file, if there are others: its start may have been used again since.
    let home = path.first().map_or(&segment, |next| &next.segment);
    let mut used: HashSet<u64> = path.iter().map(|sighting| sighting.segment.number).collect();
    used.insert(home.number);
    let mut slots = Slots::new(known.sealed, Arc::clone(home));
    path.iter().filter_map(|sighting| sighting.slot()).for_each(|slot| slots.push(slot));
    check_marker(&slots, known)?;
    let epochs = sightings.iter().map(|sighting| sighting.header.epoch);
    let epoch = epochs.chain(known.marker.map(|marker| marker.epoch)).max().unwrap_or(0);
    let unused = unused(segments, &used, &sightings);
    Ok(Recovered { slots, segment, offset, unused, epoch, synced })
}

/// The way from the last sealed frame to the last frame.
#[derive(Debug)]
struct Walk<'a> {
    by_index: HashMap<u64, Vec<&'a Sighting>>,
    tip: Tip,
    epoch: u64,
    /// Just behind the tip's frame; unknown if that is not kept any more.
    place: Option<Place>,
}

impl<'a> Walk<'a> {
    fn new(sightings: &'a [Sighting], sealed: Tip) -> Self {
        let mut by_index: HashMap<u64, Vec<&Sighting>> = HashMap::new();
        for sighting in sightings {
            by_index.entry(sighting.header.index).or_default().push(sighting);
        }
        let mut walk = Self { by_index, tip: sealed, epoch: 0, place: None };
        let frames = walk.by_index.get(&sealed.index).into_iter().flatten().copied();
        let found = frames.filter(|frame| frame.tip() == Some(sealed));
        if let Some(found) = found.max_by_key(|frame| frame.header.epoch) {
            walk.epoch = found.header.epoch;
            walk.place = Some(found.end());
        }
        walk
    }

    /// Goes on to the next frame.
    fn step(&mut self) -> Option<&'a Sighting> {
        let candidates = self.candidates().into_iter();
        let next = candidates.filter(|frame| self.is_next(frame)).max_by_key(|frame| {
            let behind = self.place.as_ref().is_some_and(|place| frame.is_at(place));
            (behind, frame.header.epoch)
        })?;
        self.tip = next.tip()?;
        self.epoch = next.header.epoch;
        self.place = Some(next.end());
        Some(next)
    }

    /// What has the next index and lies where the next frame may be: behind the last one, or at
    /// the start of a file; anywhere, if it is not known where the last one was.
    fn candidates(&self) -> Vec<&'a Sighting> {
        let Some(frames) = self.by_index.get(&self.tip.index.saturating_add(1)) else {
            return Vec::new();
        };
        let fits = |frame: &&&Sighting| {
            let place = self.place.as_ref();
            frame.offset == 0 || place.is_none_or(|place| frame.is_at(place))
        };
        frames.iter().filter(fits).copied().collect()
    }

    fn is_next(&self, frame: &Sighting) -> bool {
        let Header { first_position, previous, epoch, .. } = frame.header;
        let chained =
            previous == self.tip.check && self.tip.position.checked_add(1) == Some(first_position);
        let follows = chained && epoch >= self.epoch || planted!("stale-frame");
        follows && frame.last.is_some()
    }

    /// Where the next frame should have been: where its header is, else behind the last one.
    fn expected(&self) -> Option<Place> {
        let candidates = self.candidates();
        let header = candidates.first().map(|frame| (Arc::clone(&frame.segment), frame.offset));
        header.or_else(|| self.place.clone())
    }
}

/// The highest index that anything says was durable.
fn claimed(sightings: &[Sighting], known: &Known<'_>) -> u64 {
    let marked = known.marker.map(|marker| marker.tip.index);
    let claims = sightings.iter().map(|sighting| sighting.header.synced_index);
    claims.chain(marked).fold(known.sealed.index, u64::max)
}

/// Refuses a walk that ends before what was durable.
fn check_end(
    walk: &Walk<'_>,
    known: &Known<'_>,
    synced: u64,
    first: &Arc<Segment>,
) -> Result<(), JournalError> {
    let next = walk.tip.index.saturating_add(1);
    if walk.place.is_none() && known.sealed.index > 0 {
        let what =
            format!("neither frame {}, the last sealed one, nor frame {next} is here", next - 1);
        let remains = walk.by_index.get(&(next - 1)).or_else(|| walk.by_index.get(&next));
        return Err(match remains.and_then(|remains| remains.first()) {
            Some(remains) => remains.segment.damaged(remains.offset, what),
            None => missing(known, what),
        });
    }
    if walk.tip.index >= synced || planted!("damage-as-torn-tail") {
        return Ok(());
    }
    let (segment, offset) = walk.expected().unwrap_or_else(|| (Arc::clone(first), 0));
    let what = format!("frame {next} is missing or broken; frames up to {synced} were durable");
    Err(segment.damaged(offset, what))
}

/// Refuses a journal that has another frame where it was cleanly stopped.
fn check_marker(slots: &Slots, known: &Known<'_>) -> Result<(), JournalError> {
    let Some(marker) = known.marker else {
        return Ok(());
    };
    match slots.tip_at(marker.tip.index) {
        Some(tip) if tip != marker.tip => {
            let what = format!("frame {} is not the one of the last clean stop", tip.index);
            Err(JournalError::Damaged { path: known.dir.join(marker::NAME), offset: 0, what })
        }
        _ => Ok(()),
    }
}

/// The files that are not in use, those with the oldest frames first.
fn unused(
    segments: &[Arc<Segment>],
    used: &HashSet<u64>,
    sightings: &[Sighting],
) -> Vec<Arc<Segment>> {
    let starts = sightings.iter().filter(|sighting| sighting.offset == 0);
    let oldest: HashMap<u64, u64> =
        starts.map(|start| (start.segment.number, start.header.index)).collect();
    let free = segments.iter().filter(|segment| !used.contains(&segment.number));
    let mut free: Vec<_> = free.cloned().collect();
    free.sort_by_key(|segment| (oldest.get(&segment.number).copied(), segment.number));
    free
}

fn missing(known: &Known<'_>, what: String) -> JournalError {
    JournalError::Damaged { path: known.dir.to_owned(), offset: 0, what }
}
