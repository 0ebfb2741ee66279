//! Volumes from frames to read-back, at their offsets and through sled, and what damage does to
//! them.

use std::{collections::BTreeMap, fs, ops::RangeInclusive, path::Path};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::limits,
    log::{
        fixtures::{Event, Random, events_of, frame, raw_frame},
        frame::{AppendEntry, Frame, Tip},
    },
};

/// An event of `size` bytes, tag and length included; of one less where a length of the same width
/// cannot make it so.
fn raw(random: &mut Random, size: usize) -> Vec<u8> {
    for head in 2..6 {
        let mut event = vec![0x0A];
        prost::encoding::encode_varint((size - head) as u64, &mut event);
        if event.len() == head {
            event.extend(random.bytes(size - head));
            return event;
        }
    }
    raw(random, size - 1)
}

/// Frames with events of these sizes.
fn frames(random: &mut Random, sizes: &[&[usize]]) -> Vec<Frame> {
    let mut tip = Tip { index: 6, position: 40, check: 9 };
    let mut frames = Vec::new();
    for sizes in sizes {
        let events: Vec<u8> = sizes.iter().flat_map(|size| raw(random, *size)).collect();
        let frame = raw_frame(tip, u32::try_from(sizes.len()).unwrap(), &events);
        tip = frame.tip();
        frames.push(frame);
    }
    frames
}

/// The marker of the store that the volumes here are of.
fn marker() -> Marker {
    Marker::of([7; 16])
}

fn build(dir: &Path, frames: &[Frame]) -> Built {
    let before = Tip { index: 6, position: 40, check: 9 };
    let mut builder = VolumeBuilder::create(dir, marker(), before).unwrap();
    for frame in frames {
        builder.feed(frame).unwrap();
    }
    builder.finish().unwrap()
}

/// A sealed volume, and what is in it.
struct Case {
    dir: TempDir,
    volume: SealedVolume,
    offsets: OffsetTableBytes,
    frames: Vec<Frame>,
}

impl Case {
    fn of(frames: Vec<Frame>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sealed = build(dir.path(), &frames).seal(&|_| ()).unwrap();
        let offsets = sealed.offsets.expect("every value lies in the file in one piece");
        Self { dir, volume: sealed.volume, offsets, frames }
    }

    fn with(random: &mut Random, sizes: &[&[usize]]) -> Self {
        Self::of(frames(random, sizes))
    }

    /// Some hundred events, large ones among them.
    fn mixed() -> Self {
        let mut random = Random::new();
        let small: Vec<usize> = (0..200).map(|_| 2 + random.below(900)).collect();
        Self::with(&mut random, &[&small, &[20_000, 3], &small])
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join(&self.volume.directory)
    }

    fn db(&self) -> PathBuf {
        self.folder().join("db")
    }

    fn by_offset(&self) -> VolumeByOffset {
        self.volume.by_offset(self.dir.path(), marker(), self.offsets.bytes()).unwrap()
    }

    fn through_sled(&self) -> Result<SledVolume, VolumeError> {
        self.volume.through_sled(self.dir.path(), marker())
    }

    /// Every event by its position.
    fn events(&self) -> impl Iterator<Item = (u64, Bytes)> {
        self.frames.iter().flat_map(|frame| (frame.first_position()..).zip(events_of(frame)))
    }

    /// Every event and every append is there.
    fn check(&self, pieces: &dyn Pieces) {
        for (position, event) in self.events() {
            assert_eq!(pieces.chunk_at(position).unwrap().event(position), event, "{position}");
        }
        let entries: Vec<AppendEntry> =
            self.frames.iter().flat_map(Frame::appends).copied().collect();
        for entry in &entries {
            let found = pieces.append_at(entry.first_position).unwrap();
            assert_eq!(found, Some(*entry));
        }
        let (mut read, mut after) = (Vec::new(), None);
        while let Some((position, page)) = pieces.page_after(after).unwrap() {
            read.extend(page);
            after = Some(position);
        }
        assert_eq!(read, entries);
        self.audit(pieces).unwrap();
    }

    fn audit(&self, pieces: &dyn Pieces) -> Result<(), VolumeError> {
        let mut audit = Audit::new(self.volume.contents.clone());
        while audit.step(&self.folder(), pieces)?.is_some() {}
        Ok(())
    }

    /// Every event that is given is right; how many are not.
    fn check_given(&self, pieces: &dyn Pieces) -> usize {
        let mut missing = 0;
        for (position, event) in self.events() {
            match pieces.chunk_at(position) {
                Ok(chunk) => assert_eq!(chunk.event(position), event, "{position}"),
                Err(VolumeError::Damaged { volume, .. }) => {
                    assert_eq!(volume, self.folder());
                    missing += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        missing
    }
}

/// All files of a volume, byte for byte.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn events_of_every_size_come_back_at_their_offsets_and_through_sled() {
    let mut random = Random::new();
    // 4 KiB of value hold 4,079 bytes of a single event; a part holds 4,083.
    let edges = [4077, 4078, 4079, 4080, 4082, 4083, 4084, 2 * 4083, 2 * 4083 + 1];
    let small: Vec<usize> = (0..3000).map(|_| 2 + random.below(40)).collect();
    let sizes: [&[usize]; 5] = [&[2], &edges, &[limits::EVENT_BYTES], &small, &[20_000, 2, 20_000]];
    let case = Case::with(&mut random, &sizes);
    let (volume, last) = (&case.volume, case.frames.last().unwrap().tip());
    assert_eq!(volume.tip, last);
    assert_eq!(volume.contents.first_position, 41);
    assert_eq!(volume.contents.last_position, last.position);
    case.check(case.by_offset().pieces());
    case.check(case.through_sled().unwrap().pieces());
    assert_eq!(fs::read_dir(case.folder().join("blobs")).unwrap().count(), 0);
}

#[test]
fn append_tables_of_several_pages_come_back() {
    let sizes: Vec<&[usize]> = vec![&[9]; 500];
    let case = Case::with(&mut Random::new(), &sizes);
    assert_eq!(case.volume.contents.appends, 500);
    case.check(case.by_offset().pieces());
    case.check(case.through_sled().unwrap().pieces());
    for pieces in [case.by_offset().pieces(), case.through_sled().unwrap().pieces()] {
        for nothing in [0, 40, 541, 1 << 40] {
            assert_eq!(pieces.append_at(nothing).unwrap(), None);
        }
    }
}

#[test]
fn neighbouring_blocks_are_read_together_as_far_as_they_are_wanted() {
    let case = Case::with(&mut Random::new(), &[&vec![300; 3000]]);
    let (by_offset, contents) = (case.by_offset(), &case.volume.contents);
    let events: BTreeMap<u64, Bytes> = case.events().collect();
    let mut together = 0;
    for (wanted, from) in [(41..=3040, 41), (41..=3040, 3040), (500..=510, 505), (7..=9, 2000)] {
        let wants = |range: RangeInclusive<u64>| {
            range.start() <= wanted.end() && range.end() >= wanted.start()
        };
        let blocks = by_offset.blocks(from, 1 << 20, &wants).unwrap();
        let held = |at: u64| by_offset.chunk_in(&blocks, at).unwrap();
        assert_eq!(held(from).unwrap().event(from), events[&from]);
        for at in contents.first_position..=contents.last_position {
            if let Some(chunk) = held(at) {
                together += 1;
                assert_eq!(chunk.event(at), events[&at]);
                let near = at.abs_diff(from) <= 13 || wants(at.saturating_sub(13)..=at + 13);
                assert!(near, "{at} was read for {from}");
            }
        }
    }
    assert!(together > 8 * 13, "only {together} events were read along");
    let blocks = by_offset.blocks(41, 3000, &|_| true).unwrap();
    assert!(by_offset.chunk_in(&blocks, 41 + 13).unwrap().is_none(), "more than the bytes allowed");
}

#[test]
fn a_volume_of_any_size_is_sealed_with_its_files_settled() {
    let mut random = Random::new();
    for _ in 0..25 {
        let sizes: Vec<usize> = (0..=random.below(250)).map(|_| 8000).collect();
        let case = Case::with(&mut random, &[&sizes]);
        case.check(case.by_offset().pieces());
        // The volume itself this time: sled would change nothing.
        database::Database::open(&case.folder(), &case.folder()).unwrap().close().unwrap();
        assert_eq!(folder::record(&case.folder()).unwrap(), case.volume.files);
    }
}

/// See [`super::batch`]: written one by one, values would take 2.2 times their bytes here.
#[test]
fn a_volume_takes_little_more_on_the_disk_than_its_events() {
    let case = Case::with(&mut Random::new(), &[&vec![340; 40_000]]);
    case.check(case.by_offset().pieces());
    let (bytes, length) = (case.volume.contents.bytes, fs::metadata(case.db()).unwrap().len());
    assert!(length * 2 < bytes * 3, "{length} bytes for {bytes}");
}

#[test]
fn reading_a_sealed_volume_changes_no_byte_of_it_and_leaves_nothing_behind() {
    let case = Case::mixed();
    let before = files(&case.folder());
    let garbage = case.folder().join("snap.00000000FFFFFFFF.generating");
    for torn in [false, true] {
        if torn {
            fs::write(&garbage, b"torn").unwrap();
        }
        let sled = case.through_sled().unwrap();
        case.check(sled.pieces());
        case.check(case.by_offset().pieces());
        drop(sled);
        let mut after = files(&case.folder());
        assert_eq!(after.remove(&garbage).is_some(), torn);
        assert!(after == before);
        assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1, "the copy was left behind");
    }
}

#[test]
fn a_wrong_or_missing_snapshot_or_configuration_keeps_nothing_from_being_read() {
    let case = Case::mixed();
    let folder = case.folder();
    let snapshot = case.volume.files.iter().find(|file| file.name.starts_with("snap.")).unwrap();
    let snapshot = folder.join(&snapshot.name);
    let breakages: [&dyn Fn(); 6] = [
        &|| fs::write(folder.join("snap.00000000FFFFFFFF.generating"), b"torn").unwrap(),
        &|| fs::write(folder.join("snap.00000000FFFFFFFF"), b"foreign").unwrap(),
        &|| fs::write(&snapshot, b"garbage").unwrap(),
        &|| fs::remove_file(&snapshot).unwrap(),
        &|| fs::write(folder.join("conf"), b"garbage").unwrap(),
        &|| fs::remove_file(folder.join("conf")).unwrap(),
    ];
    for breakage in breakages {
        breakage();
        case.check(case.through_sled().unwrap().pieces());
        case.check(case.by_offset().pieces());
    }
}

#[test]
fn files_that_are_shorter_or_different_or_missing_are_damage_and_named() {
    type Breakage = fn(&Path);
    let cut: Breakage =
        |path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10).unwrap();
    let flip: Breakage = |path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[5] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let gone: Breakage = |path| fs::remove_file(path).unwrap();
    for (name, breakage) in
        [("db", cut), ("db", gone), ("conf", cut), ("conf", flip), ("conf", gone)]
    {
        let case = Case::mixed();
        case.volume.check_files(case.dir.path()).unwrap();
        breakage(&case.folder().join(name));
        let error = case.volume.check_files(case.dir.path()).unwrap_err();
        assert!(matches!(error, VolumeError::Damaged { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(name) && error.contains(&case.volume.directory), "{error}");
    }
}

#[test]
fn of_a_shorter_database_what_lies_before_the_cut_is_still_read() {
    let case = Case::with(&mut Random::new(), &[&[700; 2000]]);
    let length = fs::metadata(case.db()).unwrap().len();
    fs::OpenOptions::new().write(true).open(case.db()).unwrap().set_len(length / 2).unwrap();
    let missing = case.check_given(case.by_offset().pieces());
    assert!((200..1800).contains(&missing), "{missing} of 2000 are missing");
    if let Ok(sled) = case.through_sled() {
        case.check_given(sled.pieces());
    }
    assert_eq!(fs::metadata(case.db()).unwrap().len(), length / 2, "it was left as it is");
}

#[test]
fn a_flipped_byte_of_a_sealed_volume_is_never_served() {
    let case = Case::mixed();
    let whole = fs::read(case.db()).unwrap();
    let mut random = Random::new();
    let (mut by_offset, mut by_sled) = (0, 0);
    for _ in 0..60 {
        let mut flipped = whole.clone();
        flipped[random.below(whole.len())] ^= 1 << random.below(8);
        fs::write(case.db(), &flipped).unwrap();
        by_offset += usize::from(case.check_given(case.by_offset().pieces()) > 0);
        // sled reports it, panics, or serves what the checksum refuses; or the byte was unused.
        let served = case.through_sled().map(|sled| case.check_given(sled.pieces()));
        by_sled += usize::from(served.map_or(true, |missing| missing > 0));
        assert!(fs::read(case.db()).unwrap() == flipped, "sled has changed the volume");
    }
    println!("of 60 flips {by_offset} hit an offset, and {by_sled} something that sled uses");
    assert!(by_offset > 0);
}

/// Events that hold, as their payload, values of the volume that they are in.
#[test]
fn a_payload_that_looks_like_a_value_is_not_taken_for_one() {
    let marker = marker();
    let small: Vec<usize> = vec![300; 100];
    let mut frames = frames(&mut Random::new(), &[&small]);
    // The same position as the first block of the volume, whole, and with a right checksum.
    let key = key::Key::Block(41);
    let other = raw(&mut Random::new(), 300);
    let mut forged = block::BlockBuilder::default();
    while forged.push(&other) {}
    let forged = forged.take(key, marker);
    assert!(block::decode_block(41, forged.clone().into()).is_ok());
    let mut real = block::BlockBuilder::default();
    events_of(&frames[0]).all(|event| real.push(&event));
    let real = real.take(key, marker);
    // And one that says it has the checksum of the real one.
    let mut claimed = forged.clone();
    claimed[8..12].copy_from_slice(&real[8..12]);
    let mut events = Vec::new();
    for payload in [&forged, &claimed, &real[..2000].to_vec(), &[&forged[..12]; 90].concat()] {
        prost::encoding::bytes::encode(1, payload, &mut events);
    }
    frames.push(raw_frame(frames[0].tip(), 4, &events));
    let case = Case::of(frames);
    let in_file = fs::read(case.db()).unwrap();
    assert!(memchr::memmem::find(&in_file, &claimed[..1000]).is_some(), "it is not in one piece");
    case.check(case.by_offset().pieces());
}

/// They lie at the same offsets, under the same keys, with checksums in order.
#[test]
fn values_of_another_store_are_never_given() {
    let case = Case::mixed();
    let stranger = Marker::of([8; 16]);
    let (dir, table) = (case.dir.path(), case.offsets.bytes());
    let by_offset = case.volume.by_offset(dir, stranger, table).unwrap();
    let sled = case.volume.through_sled(dir, stranger).unwrap();
    for pieces in [by_offset.pieces(), sled.pieces()] {
        for (position, _) in case.events() {
            let error = pieces.chunk_at(position).unwrap_err().to_string();
            assert!(error.contains("not of this store"), "{position}: {error}");
        }
        let page = pieces.page_after(None);
        assert!(page.is_err() || matches!(page, Ok(None)), "{page:?}");
    }
    case.check(case.by_offset().pieces());
}

#[test]
fn an_offset_table_that_is_not_whole_or_not_of_this_volume_is_refused() {
    let (case, other) = (Case::mixed(), Case::mixed());
    let table = case.offsets.bytes();
    let open = |bytes: &[u8]| case.volume.by_offset(case.dir.path(), marker(), bytes);
    assert!(open(table).is_ok());
    let error = open(other.offsets.bytes()).unwrap_err().to_string();
    assert!(error.contains("another volume"), "{error}");
    for byte in 0..table.len() {
        let mut flipped = table.to_vec();
        flipped[byte] ^= 1 << (byte % 8);
        assert!(open(&flipped).is_err(), "byte {byte}");
        assert!(open(&table[..byte]).is_err(), "{byte} bytes");
    }
    assert!(open(&[table, &[0; 16]].concat()).is_err());
}

#[test]
fn offsets_are_found_again_through_sled() {
    let case = Case::mixed();
    let sled = case.through_sled().unwrap();
    let found = sled.find_offsets(&case.volume, case.dir.path(), &|| true).unwrap().unwrap();
    assert_eq!(found.bytes(), case.offsets.bytes());
    let interrupted = sled.find_offsets(&case.volume, case.dir.path(), &|| false).unwrap();
    assert!(interrupted.is_none());
}

#[test]
fn a_frame_that_does_not_follow_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tip = Tip::default();
    let first = frame(tip, &[Event::default()]);
    let mut builder = VolumeBuilder::create(dir.path(), marker(), tip).unwrap();
    builder.feed(&first).unwrap();
    assert!(builder.feed(&first).is_err());
}

#[test]
fn a_volume_that_sled_does_not_give_back_is_not_sealed() {
    let cut = |dir: &Path| {
        let file = fs::OpenOptions::new().write(true).open(dir.join("db")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    };
    let flip = |dir: &Path| {
        let mut bytes = fs::read(dir.join("db")).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0xFF);
        fs::write(dir.join("db"), bytes).unwrap();
    };
    let empty = |dir: &Path| fs::remove_file(dir.join("db")).unwrap();
    let gone = |dir: &Path| fs::remove_dir_all(dir).unwrap();
    let snapshot = |dir: &Path| fs::write(dir.join("snap.00000000000FFFFF"), b"torn").unwrap();
    let blob = |dir: &Path| fs::write(dir.join("blobs/1"), b"large").unwrap();
    let breakages: [&dyn Fn(&Path); 6] = [&cut, &flip, &empty, &gone, &snapshot, &blob];
    for (number, breakage) in breakages.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let sizes: Vec<&[usize]> = vec![&[700]; 200];
        let frames = frames(&mut Random::new(), &sizes);
        let error = build(dir.path(), &frames).seal(breakage).unwrap_err();
        println!("breakage {number}: {error}");
    }
}
