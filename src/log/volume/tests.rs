//! Volumes from frames to read-back, and what damage does to them.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::{
    domain::limits,
    log::{
        fixtures::{Event, Random, frame, raw_frame, tip_after},
        frame::{Frame, spans},
        journal::Tip,
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

/// Frames whose events have these sizes.
fn frames(random: &mut Random, sizes: &[&[usize]]) -> Vec<(Frame, Tip)> {
    let mut tip = Tip { index: 6, position: 40, check: 9 };
    let mut frames = Vec::new();
    for sizes in sizes {
        let events: Vec<u8> = sizes.iter().flat_map(|size| raw(random, *size)).collect();
        let frame = raw_frame(tip, u32::try_from(sizes.len()).unwrap(), events.into());
        tip = tip_after(tip, &frame);
        frames.push((frame, tip));
    }
    frames
}

fn build(dir: &Path, frames: &[(Frame, Tip)]) -> VolumeBuilder {
    let before = Tip { index: 6, position: 40, check: 9 };
    let mut builder = VolumeBuilder::create(dir, before).unwrap();
    for (frame, tip) in frames {
        builder.feed(frame, *tip).unwrap();
    }
    builder
}

/// A sealed volume of some hundred events, large ones among them.
fn sealed() -> (TempDir, SealedVolume, Vec<(Frame, Tip)>) {
    let mut random = Random::new();
    let dir = tempfile::tempdir().unwrap();
    let small: Vec<usize> = (0..200).map(|_| 2 + random.below(900)).collect();
    let frames = frames(&mut random, &[&small, &[20_000, 3], &small]);
    let volume = build(dir.path(), &frames).seal(&|_| ()).unwrap();
    (dir, volume, frames)
}

fn check_reads(reader: &VolumeReader, frames: &[(Frame, Tip)]) {
    let mut entries = Vec::new();
    for (frame, _) in frames {
        for (position, span) in (frame.first_position..).zip(spans(&frame.events).unwrap()) {
            let chunk = reader.chunk_at(position).unwrap();
            assert_eq!(chunk.event(position), frame.events.slice(span), "position {position}");
        }
        entries.extend(frame.appends.clone());
    }
    let mut read = Vec::new();
    reader.appends(&mut |entry| read.push(*entry)).unwrap();
    assert_eq!(read, entries);
}

#[test]
fn events_of_every_size_come_back_from_a_sealed_volume() {
    let mut random = Random::new();
    let dir = tempfile::tempdir().unwrap();
    // 8 KiB of value hold 8,183 bytes of a single event; a part holds 8,187.
    let edges = [8181, 8182, 8183, 8184, 8186, 8187, 8188, 2 * 8187, 2 * 8187 + 1];
    let small: Vec<usize> = (0..3000).map(|_| 2 + random.below(40)).collect();
    let frames =
        frames(&mut random, &[&[2], &edges, &[limits::EVENT_BYTES], &small, &[20_000, 2, 20_000]]);
    let volume = build(dir.path(), &frames).seal(&|_| ()).unwrap();
    assert_eq!(volume.tip, frames.last().unwrap().1);
    assert_eq!(volume.contents.first_position, 41);
    assert_eq!(volume.contents.last_position, volume.tip.position);
    check_reads(&volume.open(dir.path()).unwrap(), &frames);
    assert_eq!(fs::read_dir(dir.path().join(&volume.directory).join("blobs")).unwrap().count(), 0);
}

#[test]
fn append_tables_of_several_pages_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let sizes: Vec<&[usize]> = vec![&[9]; 500];
    let frames = frames(&mut Random::new(), &sizes);
    let volume = build(dir.path(), &frames).seal(&|_| ()).unwrap();
    assert_eq!(volume.contents.appends, 500);
    check_reads(&volume.open(dir.path()).unwrap(), &frames);
}

#[test]
fn a_volume_of_any_size_is_sealed_with_its_files_settled() {
    let mut random = Random::new();
    for _ in 0..25 {
        let dir = tempfile::tempdir().unwrap();
        let sizes: Vec<usize> = (0..=random.below(250)).map(|_| 8000).collect();
        let frames = frames(&mut random, &[&sizes]);
        let volume = build(dir.path(), &frames).seal(&|_| ()).unwrap();
        drop(volume.open(dir.path()).unwrap());
        let again = volume.open(dir.path()).unwrap();
        again.close().unwrap();
        assert_eq!(folder::record(&dir.path().join(&volume.directory)).unwrap(), volume.files);
    }
}

#[test]
fn opening_a_sealed_volume_changes_none_of_its_files() {
    let (dir, volume, frames) = sealed();
    for _ in 0..3 {
        let reader = volume.open(dir.path()).unwrap();
        check_reads(&reader, &frames);
        reader.close().unwrap();
        assert_eq!(folder::record(&dir.path().join(&volume.directory)).unwrap(), volume.files);
    }
}

#[test]
fn a_torn_or_missing_snapshot_is_made_again() {
    let (dir, volume, frames) = sealed();
    let folder = dir.path().join(&volume.directory);
    let snapshot = &volume.files.iter().find(|file| file.name.starts_with("snap.")).unwrap().name;
    let generating = folder.join("snap.00000000FFFFFFFF.generating");
    let breakages: [&dyn Fn(); 4] = [
        &|| fs::write(&generating, b"torn").unwrap(),
        &|| fs::write(folder.join("snap.00000000FFFFFFFF"), b"foreign").unwrap(),
        &|| fs::write(folder.join(snapshot), b"garbage").unwrap(),
        &|| fs::remove_file(folder.join(snapshot)).unwrap(),
    ];
    for breakage in breakages {
        breakage();
        let reader = volume.open(dir.path()).unwrap();
        check_reads(&reader, &frames);
        reader.close().unwrap();
        assert_eq!(folder::record(&folder).unwrap(), volume.files);
    }
}

#[test]
fn a_database_of_another_length_is_damage_and_is_not_opened() {
    for (name, length) in [("db", 100), ("db", 0), ("conf", 10)] {
        let (dir, volume, _) = sealed();
        let path = dir.path().join(&volume.directory).join(name);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let error = volume.open(dir.path()).unwrap_err();
        assert!(matches!(error, VolumeError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(name) && error.to_string().contains(&volume.directory));
        assert_eq!(fs::metadata(&path).unwrap().len(), length, "it was left as it is");
    }
}

#[test]
fn a_flipped_byte_of_a_sealed_volume_is_never_served() {
    let (dir, volume, frames) = sealed();
    let path = dir.path().join(&volume.directory).join("db");
    let whole = fs::read(&path).unwrap();
    let mut random = Random::new();
    let mut detected = 0;
    for _ in 0..12 {
        let mut flipped = whole.clone();
        flipped[random.below(whole.len())] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        // sled reports it, panics, or serves what the checksum refuses; or the byte was unused.
        match volume.open(dir.path()).and_then(|reader| reader.verify().map(|()| reader)) {
            Ok(reader) => check_reads(&reader, &frames),
            Err(error) => {
                detected += 1;
                assert!(error.to_string().contains(&volume.directory), "{error}");
            }
        }
    }
    println!("{detected} of 12 flips hit something that is used");
}

#[test]
fn a_frame_that_does_not_follow_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tip = Tip::default();
    let first = frame(tip, &[Event::default()]);
    let mut builder = VolumeBuilder::create(dir.path(), tip).unwrap();
    builder.feed(&first, tip_after(tip, &first)).unwrap();
    assert!(builder.feed(&first, tip_after(tip, &first)).is_err());
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
