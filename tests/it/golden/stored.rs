//! The bytes that stand on the disk: an event, a frame, the journal, a volume, the texts beside
//! them, and the digest by which a repeated request is known.
//!
//! A line of `stored.txt` is `name = hex`. Whatever is stored once has to be read for ever, so
//! each is read back too.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use handover::{
    domain::{
        event::{Append, Condition, NewEvent, Position, Write},
        filter::{Filter, FilterItem},
        name::{Category, StreamName, Tag, TypeName},
        proto::{Any, ClaimRetracted, RecordedEvent},
        recorded::{self, Place},
    },
    log::{
        Hooks, Log, LogSettings,
        file_journal::{FileJournal, JournalSettings},
        files::{Files, RealFiles},
        frame::{AppendEntry, Frame, NewFrame, Tip},
        index::{Blocking, Direction, Span},
        journal::{Acknowledgement, Journal as _, Outcome},
        manifest::Manifest,
        store::Store,
        volume::{FileRecord, Marker, NewVolume, VolumeBuilder},
    },
    projections::{self, Projection, snapshot},
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::{hex, unhex};

const STORE: [u8; 16] = *b"a store's golden";
const PAGE: usize = 4096;
const HEADER: usize = 80;

pub(super) fn golden(name: &str) -> Vec<u8> {
    let text = super::read("stored.txt");
    let prefix = format!("{name} = ");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    unhex(line.expect("a line of stored.txt with this name"))
}

fn event() -> NewEvent {
    let payload = ClaimRetracted { claim: 42, reason: "a slip".into(), ..Default::default() };
    let Any { type_url, value } = Any::pack(&payload);
    let type_name = TypeName::parse("handover.v1.ClaimRetracted").expect("a type's name");
    let tags = ["claim:42", "desk:one"].map(|tag| Tag::parse(tag).expect("a tag")).into();
    let metadata =
        [("trace", "demo"), ("agent", "")].map(|(key, value)| (key.into(), value.into()));
    NewEvent { type_url, type_name, payload: value, tags, metadata: BTreeMap::from(metadata) }
}

fn stream() -> StreamName {
    StreamName::parse("exchange/demo-1").expect("a stream's name")
}

/// Tag, length and encoded `RecordedEvent`.
fn recorded(position: Position) -> Vec<u8> {
    let mut run = Vec::new();
    let place = Place {
        position,
        stream: &stream(),
        revision: 2,
        recorded_at: 1_722_513_600_123_456,
        recorded_by: "demo desk",
    };
    recorded::encode(&place, &event(), &mut run);
    run
}

fn new_frame() -> NewFrame {
    let entry =
        AppendEntry { request_id: [0x11; 16], digest: [0x22; 16], first_position: 1, count: 2 };
    let events = [recorded(1), recorded(2)].concat();
    NewFrame::encode(Tip::default(), vec![entry], &events).expect("a frame")
}

fn frame() -> Frame {
    new_frame().into_durable()
}

fn tip() -> Tip {
    frame().tip()
}

fn check_durable(acknowledgement: Acknowledgement) {
    let outcome = acknowledgement.wait();
    assert!(matches!(outcome, Outcome::Durable), "{outcome:?}");
}

/// An append with everything that a digest covers.
fn append() -> Append {
    let item = FilterItem {
        streams: vec![stream()],
        categories: vec![Category::parse("series").expect("a category")],
        types: vec![TypeName::parse("demo.v1.Thing").expect("a type's name")],
        tags: vec![Tag::parse("desk:one").expect("a tag")],
    };
    let other = FilterItem { categories: item.categories.clone(), ..FilterItem::default() };
    let write = Write { stream: stream(), expected_revision: Some(7), events: vec![event()] };
    let second = StreamName::parse("desk/one").expect("a stream's name");
    let bare = NewEvent { tags: Vec::new(), metadata: BTreeMap::new(), ..event() };
    let any = Write { stream: second, expected_revision: None, events: vec![bare] };
    let filter = Filter::new(vec![item, other]).expect("a filter");
    Append {
        request_id: Some([9; 16]),
        writes: vec![write, any],
        condition: Some(Condition { filter, after_position: 40 }),
        recorded_by: None,
    }
}

/// The digest as `docs/FORMAT.md` states it, written down once more.
fn digest_of_the_page() -> Vec<u8> {
    let number = |number: u64| number.to_be_bytes().to_vec();
    let text = |text: &[u8]| [number(text.len() as u64), text.to_vec()].concat();
    let texts = |list: &[&str]| {
        let texts = list.iter().map(|it| text(it.as_bytes())).collect::<Vec<_>>().concat();
        [number(list.len() as u64), texts].concat()
    };
    let payload = text(&event().payload);
    let type_url = text(b"type.googleapis.com/handover.v1.ClaimRetracted");
    let pairs = [text(b"agent"), text(b""), text(b"trace"), text(b"demo")].concat();
    let (some, none) = ([1], [&[0][..], &number(0)].concat());
    let hashed = [
        &number(2)[..],
        &text(b"exchange/demo-1"),
        &some,
        &number(7),
        &number(1),
        &[&type_url[..], &payload, &texts(&["claim:42", "desk:one"])].concat(),
        &[&number(2)[..], &pairs].concat(),
        &text(b"desk/one"),
        &none,
        &number(1),
        &[&type_url[..], &payload, &texts(&[]), &number(0)].concat(),
        &[&some[..], &number(40)].concat(),
        &[texts(&["exchange/demo-1"]), texts(&["series"])].concat(),
        &[texts(&["demo.v1.Thing"]), texts(&["desk:one"])].concat(),
        &[texts(&[]), texts(&["series"]), texts(&[]), texts(&[])].concat(),
    ];
    Sha256::digest(hashed.concat())[..16].to_vec()
}

/// The smallest projection.
#[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Counter(Position);

impl Projection for Counter {
    const NAME: &'static str = "counter";
    const VERSION: u32 = 3;

    type Taken = ();

    fn take(_: &projections::Event<'_>) -> Result<(), projections::ApplyError> {
        Ok(())
    }

    fn apply(&mut self, at: Position, (): ()) -> Result<(), projections::ApplyError> {
        self.0 = at;
        Ok(())
    }

    fn restore(&mut self) {}

    fn position(&self) -> Position {
        self.0
    }
}

fn journal(dir: &Path) -> FileJournal {
    let settings = JournalSettings { store_id: STORE, file_bytes: PAGE as u64 };
    if fs::read_dir(dir).expect("the folder").next().is_none() {
        FileJournal::create(Arc::new(RealFiles), dir, &settings).expect("a new journal");
    }
    FileJournal::open(Arc::new(RealFiles), dir, settings, Tip::default()).expect("the journal")
}

/// The frame under its header, and the marker of a clean stop.
fn journal_bytes() -> (Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = journal(dir.path());
    check_durable(journal.append(new_frame()));
    journal.close().expect("a clean stop");
    let file = fs::read(dir.path().join("00000001.journal")).expect("the journal's file");
    let (used, rest) = file.split_at(HEADER + frame().body().len());
    assert!(file.len() == PAGE && rest.iter().all(|byte| *byte == 0), "{} bytes", file.len());
    (used.to_vec(), fs::read(dir.path().join("clean-stop")).expect("the marker"))
}

/// A frame with an event that a volume keeps in three parts.
fn large_frame() -> Frame {
    let content: Vec<u8> = (0..=250).cycle().take(9000).collect();
    let mut event = Vec::new();
    prost::encoding::bytes::encode(1, &content, &mut event);
    NewFrame::encode(tip(), Vec::new(), &event).expect("a frame").into_durable()
}

fn volume() -> (tempfile::TempDir, NewVolume) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut builder =
        VolumeBuilder::create(dir.path(), Marker::of(STORE), Tip::default()).expect("a volume");
    builder.feed(&frame()).expect("the first frame");
    builder.feed(&large_frame()).expect("the second frame");
    let built = builder.finish().expect("a built volume");
    (dir, built.seal(&|_| ()).expect("a sealed volume"))
}

/// What sled holds, with sled's own name for the tree left out.
fn volume_values() -> Vec<(Vec<u8>, Vec<u8>)> {
    let (dir, new) = volume();
    let config = sled::Config::new().path(dir.path().join(&new.volume.directory));
    let db = config.segment_size(512 << 10).open().expect("a sled database");
    let pair = |pair: sled::Result<_>| {
        let (key, value): (sled::IVec, sled::IVec) = pair.expect("a value");
        (key.to_vec(), value.to_vec())
    };
    db.iter().map(pair).collect()
}

/// The offset table, with what is sled's affair left out: where in its file the values lie, and
/// so the checksum.
fn offset_table() -> Vec<u8> {
    let (_dir, new) = volume();
    let mut table = new.offsets.expect("the offset table").bytes().to_vec();
    let said = u32::from_be_bytes(table[8..12].try_into().expect("4 bytes"));
    assert_eq!(said, crc32c::crc32c(&table[12..]));
    table[8..12].fill(0);
    table[68..].chunks_mut(16).for_each(|place| place[8..].fill(0));
    table
}

fn manifest() -> Vec<u8> {
    let (_dir, new) = volume();
    let mut sealed = new.volume;
    // How long its files are is sled's affair.
    let file = |name: &str, crc| FileRecord { name: name.into(), length: 63, crc };
    sealed.files = vec![file("conf", Some(7)), file("db", None)];
    let dir = tempfile::tempdir().expect("a folder");
    let (path, manifest) = (dir.path().join("MANIFEST"), Manifest::empty(STORE).with(sealed));
    manifest.save(&RealFiles, &path).expect("a saved manifest");
    assert_eq!(Manifest::load(&RealFiles, &path, STORE).expect("a manifest"), manifest);
    fs::read(path).expect("the manifest's text")
}

/// Opens the log of a store with a known id, in which a volume has two events; it tells when its
/// index has moved or a volume was sealed.
fn log(dir: &Path) -> (Arc<Log>, mpsc::Receiver<()>) {
    if !dir.join("STORE").exists() {
        let said = format!("handover\nformat 1\nstore {}\n", hex(&STORE));
        let text = format!("{said}crc32c {:08x}\n", crc32c::crc32c(said.as_bytes()));
        fs::write(dir.join("STORE"), text).expect("the store's text");
        Manifest::empty(STORE).save(&RealFiles, &dir.join("MANIFEST")).expect("a manifest");
        fs::create_dir(dir.join("volumes")).expect("a folder");
        fs::create_dir(dir.join("journal")).expect("a folder");
        journal(&dir.join("journal"));
    }
    let settings = LogSettings { volume_events: 2, ..LogSettings::default() };
    let (reported, moved) = mpsc::channel();
    let report =
        |reported: mpsc::Sender<()>| Box::new(move |_| reported.send(()).unwrap_or_default());
    let hooks = Hooks {
        on_indexed: report(reported.clone()),
        on_sealed: report(reported),
        ..Hooks::default()
    };
    let log = Log::open(dir, &settings, Arc::new(RealFiles), hooks).expect("a log");
    (log, moved)
}

/// The run of a volume of one frame, with the log that it belongs to.
fn index_run() -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().expect("a folder");
    let run = dir.path().join("index/00000001.run");
    let (log, moved) = log(dir.path());
    check_durable(log.append(new_frame()));
    // Its volume must be sealed, or the run does not count when the log is opened again.
    let manifest = dir.path().join("MANIFEST");
    let sealed = || Manifest::load(&RealFiles, &manifest, STORE).expect("a manifest");
    while !run.exists() || sealed().volumes().is_empty() {
        moved.recv_timeout(Duration::from_mins(1)).expect("the index moves");
    }
    let bytes = fs::read(run).expect("the run");
    log.close().expect("a clean stop");
    (dir, bytes)
}

/// The pieces of a file between long stretches of zeros, with their places.
fn pieces(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut pieces: Vec<(usize, Vec<u8>)> = Vec::new();
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match pieces.last_mut() {
            Some((start, piece)) if at - *start - piece.len() < 32 => {
                piece.resize(at - *start, 0);
                piece.push(*byte);
            }
            _ => pieces.push((at, vec![*byte])),
        }
    }
    pieces
}

#[test]
fn what_is_stored_has_the_bytes_it_always_had() {
    let (frame_in_file, marker) = journal_bytes();
    let check = tip().check.to_be_bytes();
    let mut lines = vec![
        format!("recorded_event = {}", hex(&recorded(1))),
        format!("frame_body = {}", hex(frame().body())),
        format!("frame_check = {}", hex(&check)),
        format!("journal_frame = {}", hex(&frame_in_file)),
        format!("clean_stop = {}", hex(&marker)),
        format!("request_digest = {}", hex(&append().digest())),
        format!("saved_state = {}", hex(&snapshot::encode(&Counter(300), STORE))),
        format!("manifest = {}", hex(&manifest())),
        format!("places = {}", hex(&offset_table())),
    ];
    for (key, value) in volume_values() {
        // A full value is shown by its hash.
        let reported = if value.len() > 1000 { Sha256::digest(&value).to_vec() } else { value };
        lines.push(format!("volume_value {} = {}", hex(&key), hex(&reported)));
    }
    let run = index_run().1;
    let run_lines = pieces(&run);
    lines.extend(run_lines.iter().map(|(at, piece)| format!("index_run {at} = {}", hex(piece))));
    lines.push(format!("index_run_bytes = {}", hex(&(run.len() as u64).to_be_bytes())));
    let broken = "other bytes are stored now: what is on disks cannot be read any more";
    super::compare("stored.txt", &lines, broken);
}

#[test]
fn a_stored_event_is_read_as_it_was_recorded() {
    let bytes = Bytes::from(golden("recorded_event"));
    let [event]: [RecordedEvent; 1] =
        recorded::decode_events(bytes).expect("a run").try_into().expect("one event");
    let payload = event.payload.expect("a payload");
    assert_eq!((event.position, event.revision), (1, 2));
    assert_eq!(
        (event.stream.as_str(), event.recorded_by.as_str()),
        ("exchange/demo-1", "demo desk")
    );
    let time = event.recorded_at.expect("a time");
    assert_eq!((time.seconds, time.nanos), (1_722_513_600, 123_456_000));
    assert_eq!(event.tags, ["claim:42", "desk:one"]);
    assert_eq!((event.metadata.len(), event.metadata["trace"].as_str()), (2, "demo"));
    assert_eq!(payload.type_name(), "handover.v1.ClaimRetracted");
    assert_eq!(ClaimRetracted::decode(payload.value).expect("a payload").claim, 42);
}

#[test]
fn a_stored_journal_is_opened() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut file = golden("journal_frame");
    file.resize(PAGE, 0);
    fs::write(dir.path().join("00000001.journal"), file).expect("the journal's file");
    fs::write(dir.path().join("clean-stop"), golden("clean_stop")).expect("the marker");
    let journal = journal(dir.path());
    assert_eq!(journal.tip().expect("a tip"), tip());
    assert_eq!(journal.read(Tip::default(), PAGE).expect("frames"), [frame()]);
    assert_eq!(Frame::decode(0, tip().check, golden("frame_body").into()), Ok(frame()));
}

#[test]
fn a_stored_manifest_and_a_saved_state_are_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("MANIFEST");
    fs::write(&path, golden("manifest")).expect("the manifest");
    let manifest = Manifest::load(&RealFiles, &path, STORE).expect("a manifest");
    assert_eq!((manifest.tip().index, manifest.tip().position), (2, 3));
    assert_eq!(snapshot::decode(&golden("saved_state"), STORE), Ok(Counter(300)));
}

#[test]
fn a_stored_run_of_the_index_is_taken_up_and_answers() {
    let (dir, _) = index_run();
    let length = u64::from_be_bytes(golden("index_run_bytes").try_into().expect("8 bytes"));
    let mut run = vec![0; usize::try_from(length).expect("a small file")];
    let text = super::read("stored.txt");
    for line in text.lines().filter_map(|line| line.strip_prefix("index_run ")) {
        let (at, piece) = line.split_once(" = ").expect("a piece with its place");
        let (at, piece) = (at.parse::<usize>().expect("a place"), unhex(piece));
        run[at..at + piece.len()].copy_from_slice(&piece);
    }
    let file = dir.path().join("index/00000007.run");
    fs::remove_file(dir.path().join("index/00000001.run")).expect("the run that was made");
    fs::write(&file, run).expect("the run as it was stored");
    let (log, _moved) = log(dir.path());
    assert!(file.exists(), "it does not fit any more");
    assert_eq!(log.index().watermark(), 2);
    let index = log.index().lookup(Blocking::Allowed);
    assert_eq!(index.revision(&stream()), Ok(2));
    assert_eq!(index.request(&[0x11; 16]), Ok(Some(1)));
    assert_eq!(index.recorded_at(2), Ok(Some(1_722_513_600_123_456)));
    let tags = vec![Tag::parse("desk:one").expect("a tag")];
    let filter = Filter::new(vec![FilterItem { tags, ..FilterItem::default() }]).expect("a filter");
    let span = Span { after: 0, up_to: 9 };
    assert_eq!(index.matches(&filter, span, Direction::Forwards, 9), Ok(vec![1, 2]));
}

#[test]
fn the_digest_of_a_request_is_made_as_the_format_page_says() {
    assert_eq!(hex(&append().digest()), hex(&digest_of_the_page()));
    assert_eq!(hex(&append().digest()), hex(&golden("request_digest")));
}

#[test]
fn a_store_says_its_format_and_id_as_the_format_page_shows() {
    let dir = tempfile::tempdir().expect("a folder");
    let files: Arc<dyn Files> = Arc::new(RealFiles);
    let store = Store::open(&files, dir.path(), &|_, _| Ok(())).expect("a new store");
    let text = fs::read_to_string(dir.path().join("STORE")).expect("the text");
    let said = format!("handover\nformat 1\nstore {}\n", hex(&store.id()));
    let crc = crc32c::crc32c(said.as_bytes());
    assert_eq!(text, format!("{said}crc32c {crc:08x}\n"));
}
