//! Whatever is spoilt in a stopped store is found, and the file is named.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use handover::{
    domain::proto::{Attribution, Count, Leg, TransferCompleted, Unit},
    projections::{
        Event, Projection as _,
        register::Register,
        snapshot::{decode, encode},
    },
};
use prost::Message as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    DAMAGED, DONE, FAILED, Verified, WRONG,
    store::{Image, healthy},
    verify,
};
use crate::support::{data_dir, seed};

/// Bits that are flipped in each kind of file.
const FLIPS: usize = 4;

/// What is found when a file is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The record is damaged.
    Damaged,
    /// Something derived is wrong.
    Wrong,
    /// Nothing needs the file.
    Nothing,
}

/// What is found when a bit of a file flips, and what names the place.
fn kind(path: &Path) -> (Found, String) {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    match parts[..] {
        ["LOCK"] => (Found::Nothing, String::new()),
        ["STORE" | "MANIFEST" | "HISTORY"] => (Found::Damaged, format!("/{}", parts[0])),
        ["journal", name] => (Found::Damaged, format!("/journal/{name}")),
        ["volumes", volume, name] if name.starts_with("snap.") => {
            (Found::Wrong, format!("/volumes/{volume}/{name}"))
        }
        ["volumes", volume, _] => (Found::Damaged, format!("/volumes/{volume}")),
        ["index" | "places" | "projections", name] => {
            (Found::Wrong, format!("/{}/{name}", parts[0]))
        }
        _ => panic!("it is not known what {} is for", path.display()),
    }
}

fn check(verified: &Verified, (found, place): &(Found, String), what: &str) {
    let (code, severity) = match found {
        Found::Damaged => (DAMAGED, "FINDING_SEVERITY_DAMAGED"),
        Found::Wrong => (WRONG, "FINDING_SEVERITY_WRONG"),
        Found::Nothing => (DONE, ""),
    };
    assert_eq!(verified.code, code, "{what}: {verified:#?}");
    if *found != Found::Nothing {
        assert!(verified.about(place).contains(&severity), "{what}, {place}: {verified:#?}");
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Where in a file a bit counts.
fn covered(image: &Image, path: &Path) -> Vec<Range<usize>> {
    let bytes = &image.0[path].0;
    match path.file_name().and_then(|name| name.to_str()) {
        Some("db") => values(image, path),
        Some(name) if name.ends_with(".journal") => frames(image, bytes),
        _ => std::iter::once(0..bytes.len()).collect(),
    }
}

/// The values of a volume, where its table of offsets says: what else is in sled's file is sled's.
fn values(image: &Image, path: &Path) -> Vec<Range<usize>> {
    let volume = path.iter().nth(1).expect("a volume");
    let table = &image.0[&PathBuf::from("places").join(volume)].0;
    let entries = table[68..].chunks_exact(16);
    let value = |entry: &[u8]| {
        let (length, offset) = (number(&entry[6..8]), number(&entry[8..16]));
        offset..offset + length
    };
    entries.map(value).collect()
}

/// The frames that are in no sealed volume: the others are not needed any more.
fn frames(image: &Image, bytes: &[u8]) -> Vec<Range<usize>> {
    let manifest = String::from_utf8_lossy(&image.0[Path::new("MANIFEST")].0).into_owned();
    let tip = manifest.rsplit_once("\"index\": ").expect("a tip").1;
    let sealed: usize = tip.split(',').next().expect("a number").trim().parse().expect("one");
    let heads = (0..bytes.len()).step_by(4096);
    let frames = heads.filter(|at| bytes[*at..].starts_with(b"\x89HOJ\r\n\x1a\n"));
    let unsealed = frames.filter(|at| number(&bytes[at + 40..at + 48]) > sealed);
    unsealed.map(|at| at..at + 80 + number(&bytes[at + 72..at + 80])).collect()
}

/// Whether a file is a run that nothing needs: that of a volume which is not sealed yet, or one that
/// was merged. The server removes it when it starts. Which of them a stop leaves is up to chance.
fn is_left_over(data: &Path, path: &Path) -> bool {
    let (at, away) = (data.join(path), data.join("away"));
    if !path.starts_with("index") {
        return false;
    }
    fs::rename(&at, &away).expect("it can be moved");
    let verified = verify(data);
    fs::rename(&away, &at).expect("it can be moved back");
    verified.about("/index").is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_bit_flips_is_found_and_its_file_is_named() {
    let image = healthy().await;
    let mut chance = StdRng::seed_from_u64(seed());
    let (_dir, data) = data_dir();
    image.write(&data);
    let mut flipped = 0;
    for path in some_of_each_kind(image, &mut chance) {
        let ranges = covered(image, &path);
        if ranges.iter().all(Range::is_empty) || is_left_over(&data, &path) {
            continue;
        }
        for _ in 0..FLIPS {
            let range = ranges[chance.random_range(0..ranges.len())].clone();
            let (byte, bit) = (chance.random_range(range), chance.random_range(0..8));
            let mut bytes = image.0[&path].0.clone();
            bytes[byte] ^= 1 << bit;
            fs::write(data.join(&path), &bytes).expect("it can be changed");
            let what = format!("bit {bit} of byte {byte} of {}", path.display());
            let verified = verify(&data);
            // sled may have the value twice, and then only the way to it is lost.
            let elsewhere = path.ends_with("db") && verified.code == WRONG;
            if elsewhere {
                assert_eq!(verified.about("/places/").len(), 1, "{what}: {verified:#?}");
            } else {
                check(&verified, &kind(&path), &what);
            }
            flipped += 1;
        }
        fs::write(data.join(&path), &image.0[&path].0).expect("it can be put back");
    }
    assert!(flipped >= 10 * FLIPS, "{flipped}");
    assert_eq!(verify(&data).code, DONE, "all is as it was");
}

/// Each file, but of volumes and tables only one, and of the journal those with frames.
fn some_of_each_kind(image: &Image, chance: &mut StdRng) -> Vec<PathBuf> {
    let volumes = image.paths("places");
    let one = volumes.iter().filter_map(|path| path.file_name()?.to_str()).collect::<Vec<_>>();
    let one: Vec<_> = one.into_iter().filter(|name| *name != "scrubbed").collect();
    let one = one[chance.random_range(0..one.len())].to_owned();
    let is_of_another = |path: &Path| {
        let mut parts = path.iter().filter_map(|part| part.to_str());
        let (folder, name) = (parts.next(), parts.next());
        matches!(folder, Some("volumes" | "places")) && name != Some(&one)
    };
    image.0.keys().filter(|path| !is_of_another(path)).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_cut_off_or_missing_are_found() {
    let image = healthy().await;
    let mut chance = StdRng::seed_from_u64(seed());
    let (_dir, data) = data_dir();
    image.write(&data);
    for path in some_of_each_kind(image, &mut chance) {
        let (at, whole) = (data.join(&path), &image.0[&path].0);
        let (found, place) = kind(&path);
        if !whole.is_empty() && found != Found::Nothing {
            fs::write(&at, &whole[..chance.random_range(0..whole.len())]).expect("it can be cut");
            check(&verify(&data), &(found, place.clone()), &format!("{} cut", path.display()));
        }
        fs::remove_file(&at).expect("it can be removed");
        let verified = verify(&data);
        match (found, path.file_name().and_then(|name| name.to_str())) {
            // Without it the journal says less of what was durable; older builds wrote no list.
            (_, Some("clean-stop" | "FILES")) => assert_eq!(verified.code, DONE, "{verified:#?}"),
            (Found::Damaged, _) => check(&verified, &(found, place), "a missing file"),
            // What is derived and missing is made again.
            _ => assert_eq!(verified.code, DONE, "{}: {verified:#?}", path.display()),
        }
        fs::write(&at, whole).expect("it can be put back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_that_changed_places_are_found() {
    let image = healthy().await;
    let volumes = |data: &Path| {
        let mut volumes: Vec<_> = fs::read_dir(data.join("places"))
            .expect("tables")
            .filter_map(|entry| entry.expect("one").file_name().into_string().ok())
            .filter(|name| name != "scrubbed")
            .collect();
        volumes.sort();
        volumes
    };
    let (_dir, data) = data_dir();
    let swap = |a: &Path, b: &Path| {
        let away = data.join("away");
        for (from, to) in [(a, away.as_path()), (b, a), (&away, b)] {
            fs::rename(from, to).expect("it can be renamed");
        }
    };
    image.write(&data);
    let names = volumes(&data);
    let (one, other) = (&names[0], &names[1]);
    for inside in ["", "db"] {
        let at = |name: &String| data.join("volumes").join(name).join(inside);
        swap(&at(one), &at(other));
        let verified = verify(&data);
        assert_eq!(verified.code, DAMAGED, "{verified:#?}");
        assert!(!verified.about(&format!("/volumes/{one}")).is_empty(), "{verified:#?}");
        assert!(!verified.about(&format!("/volumes/{other}")).is_empty(), "{verified:#?}");
        swap(&at(one), &at(other));
    }
    let at = |name: &String| data.join("places").join(name);
    swap(&at(one), &at(other));
    let verified = verify(&data);
    assert_eq!(verified.code, WRONG, "{verified:#?}");
    assert_eq!(verified.count("wrong"), 2, "{verified:#?}");
    swap(&at(one), &at(other));
    assert_eq!(verify(&data).code, DONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_and_the_identity_of_another_store_are_found() {
    let (image, stranger) = (healthy().await, super::killed().await);
    let (_dir, data) = data_dir();
    image.write(&data);
    let run = stranger.paths("index").pop().expect("a run");
    fs::write(data.join("index/99999999.run"), &stranger.0[&run].0).expect("it can be put there");
    let verified = verify(&data);
    assert_eq!(verified.code, WRONG, "{verified:#?}");
    assert_eq!(verified.about("/index/99999999.run"), ["FINDING_SEVERITY_WRONG"]);
    fs::remove_file(data.join("index/99999999.run")).expect("it can be removed");
    let store = Path::new("STORE");
    fs::write(data.join(store), &stranger.0[store].0).expect("it can be put there");
    let verified = verify(&data);
    assert_eq!(verified.code, DAMAGED, "{verified:#?}");
    assert_eq!(verified.about("/MANIFEST"), ["FINDING_SEVERITY_DAMAGED"], "{verified:#?}");
    fs::write(data.join(store), "handover\nformat 2\nstore 00\n").expect("it can be written");
    let verified = verify(&data);
    assert_eq!(verified.code, DAMAGED, "its checksum is missing: {verified:#?}");
    assert_ne!(verified.code, FAILED);
}

/// The claim that the log does not have.
fn invented() -> TransferCompleted {
    TransferCompleted {
        attribution: Some(Attribution {
            source_id: "demo-source".into(),
            ..Attribution::default()
        }),
        leg: Some(Leg {
            exchange_id: "demo-invented".into(),
            to: vec!["DE".into()],
            unit: Unit::Person.into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(1_000), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_that_were_tampered_with_are_found_although_their_checksum_is_right() {
    let image = healthy().await;
    let (_dir, data) = data_dir();
    image.write(&data);
    let text = String::from_utf8_lossy(&image.0[Path::new("STORE")].0).into_owned();
    let id = text.lines().find_map(|line| line.strip_prefix("store ")).expect("an id");
    let store = u128::from_str_radix(id, 16).expect("in hex").to_be_bytes();
    let path = data.join("projections/claims");
    let bytes = fs::read(&path).expect("a saved state");
    let mut register: Register = decode(&bytes, store).expect("it is whole");
    fs::write(&path, encode(&register, store)).expect("it can be written");
    assert_eq!(verify(&data).code, DONE, "what was only written again is the same");
    let at = register.position() + 1;
    let payload = invented().encode_to_vec();
    let event = Event {
        position: at,
        recorded_at: 1,
        type_name: "handover.v1.TransferCompleted",
        payload: &payload,
    };
    let taken = Register::take(&event).expect("it is a claim");
    register.apply(at, taken).expect("it is the next");
    fs::write(&path, encode(&register, store)).expect("it can be written");
    let verified = verify(&data);
    assert_eq!(verified.code, WRONG, "{verified:#?}");
    assert_eq!(verified.about("/projections/claims"), ["FINDING_SEVERITY_WRONG"]);
}
