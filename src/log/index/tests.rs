//! The index against a plain list of events.

mod contract;
mod crashes;
mod damage;
mod rebuilding;
mod segments;
mod swaps;
mod verification;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{run::Sizes, *};
use crate::{
    domain::{
        event::{Micros, RequestId},
        filter::{self, Filter, FilterItem},
        name::{Category, StreamName, Tag, TypeName},
    },
    log::{
        error::LogError,
        fixtures::{Event, Random, Revisions, frame},
        frame::{AppendEntry, NewFrame},
        recorder::RecordingFiles,
        volume::{ContentsTally, SealedVolume},
        waiting::repeat,
    },
};

const STORE: [u8; 16] = [5; 16];
const DIR: &str = "/index";
/// More steps than any index of these tests takes until nothing is left to do.
const STEPS: usize = 100_000;

/// What should be in an index.
#[derive(Clone, Debug, Default)]
struct Model {
    events: Vec<Event>,
    requests: BTreeMap<RequestId, Position>,
    revisions: Revisions,
    time: Micros,
}

impl Model {
    /// A frame of random events after `tip`; some terms occur once, some often.
    fn next_frame(&mut self, random: &mut Random, tip: Tip) -> Frame {
        self.time += i64::try_from(random.below(3)).unwrap();
        let mut batch: Vec<_> = (0..=random.below(5)).map(|_| self.event(random)).collect();
        self.revisions.number(&mut batch);
        let simple = frame(tip, &batch);
        let mut appends = simple.appends().to_vec();
        for position in (tip.position + 1..).take(batch.len()).filter(|_| random.below(3) == 0) {
            let request_id = (u128::from(position) << 64).to_be_bytes();
            appends.push(AppendEntry { request_id, first_position: position, ..appends[0] });
        }
        let ids = appends.iter().map(|entry| (entry.request_id, entry.first_position));
        self.requests.extend(ids);
        self.events.extend(batch);
        NewFrame::encode(tip, appends, simple.chunk().events()).unwrap().into_durable()
    }

    fn event(&self, random: &mut Random) -> Event {
        let mut event = Event { recorded_at: self.time, ..Event::random(random, 5) };
        if random.below(3) == 0 {
            event.stream = format!("c1/u{}", self.events.len());
        }
        if random.below(4) == 0 {
            event.tags.push(format!("u:{}", random.below(1 + self.events.len())));
        }
        event
    }

    fn last(&self) -> Position {
        self.events.len() as u64
    }

    /// The positions of the span that match, by looking at every event.
    fn matches(&self, filter: &Filter, span: Span) -> Vec<Position> {
        (1..)
            .zip(&self.events)
            .filter(|(position, event)| {
                span.after < *position && *position <= span.up_to && filter.matches(&labels(event))
            })
            .map(|(position, _)| position)
            .collect()
    }

    /// The positions of a stream's events.
    fn of_stream(&self, stream: &str) -> Vec<Position> {
        let all = (1..).zip(&self.events);
        all.filter(|(_, event)| event.stream == stream).map(|(position, _)| position).collect()
    }

    /// A few streams of which some occur and some do not.
    fn some_streams(&self, random: &mut Random) -> Vec<String> {
        let any = |random: &mut Random| self.events[random.below(self.events.len())].stream.clone();
        vec!["c0/s0".into(), "c2/s3".into(), "c9/s9".into(), any(random), any(random)]
    }
}

fn labels(event: &Event) -> filter::Labels {
    filter::Labels {
        stream: StreamName::parse(&event.stream).unwrap(),
        type_name: TypeName::parse(&event.type_name).unwrap(),
        tags: event.tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
    }
}

fn some<T>(random: &mut Random, of: usize, make: impl Fn(usize) -> T) -> Vec<T> {
    (0..of).filter(|_| random.below(5) == 0).map(make).collect()
}

/// A filter over names of which some occur and some do not.
fn random_filter(random: &mut Random) -> Filter {
    let items = (0..random.below(4)).map(|_| FilterItem {
        streams: some(random, 9, |n| StreamName::parse(&format!("c{}/s{}", n % 3, n)).unwrap()),
        categories: some(random, 4, |n| Category::parse(&format!("c{n}")).unwrap()),
        types: some(random, 4, |n| TypeName::parse(&format!("test.v1.T{n}")).unwrap()),
        tags: some(random, 5, |n| Tag::parse(&format!("k:{n}")).unwrap()),
    });
    Filter::new(items.filter(|item| *item != FilterItem::default()).collect()).unwrap()
}

/// Sizes that make small runs meet every path.
fn random_sizes(random: &mut Random) -> Sizes {
    Sizes {
        group_keys: 1 + random.below(300),
        inside_bytes: random.below(20),
        piece_bytes: 1 + random.below(20_000),
    }
}

/// The frames of sealed volumes, in memory.
#[derive(Debug, Default)]
struct Kept {
    volumes: Mutex<BTreeMap<Position, Vec<Frame>>>,
    broken: AtomicBool,
}

impl SealedEvents for Kept {
    fn replay(
        &self,
        first: Position,
        on_chunk: &mut dyn FnMut(&Chunk) -> bool,
        on_append: &mut dyn FnMut(&AppendEntry),
    ) -> Result<bool, LogError> {
        let last = 0;
        if self.broken.load(Ordering::Relaxed) {
            return Err(LogError::OutOfRange { position: first, last });
        }
        let frames = self.volumes.lock().unwrap().get(&first).cloned();
        let frames = frames.ok_or(LogError::OutOfRange { position: first, last })?;
        for frame in &frames {
            if !on_chunk(frame.chunk()) {
                return Ok(false);
            }
        }
        frames.iter().flat_map(Frame::appends).for_each(on_append);
        Ok(true)
    }
}

/// Takes steps until nothing is left to do, or one fails.
fn settle(maintenance: &mut Maintenance) -> Result<(), LogError> {
    let mut outcome = Ok(());
    repeat("an index with nothing left to do", STEPS, || {
        match maintenance.step(&|| true, Duration::ZERO) {
            Ok(stepped) => !stepped,
            Err(error) => {
                outcome = Err(error);
                true
            }
        }
    });
    outcome
}

/// An index on recorded files, with what should be in it.
struct Case {
    files: RecordingFiles,
    sizes: Sizes,
    budget: usize,
    index: Arc<Index>,
    maintenance: Maintenance,
    kept: Arc<Kept>,
    volumes: Vec<SealedVolume>,
    model: Model,
    tip: Tip,
    /// The frames since the last volume ended.
    frames: Vec<Frame>,
    tally: ContentsTally,
    /// Volumes that have ended and are not sealed.
    unsealed: Vec<SealedVolume>,
}

impl Case {
    fn new(sizes: Sizes, budget: usize) -> Self {
        Self::on(&RecordingFiles::default(), sizes, budget)
    }

    fn on(files: &RecordingFiles, sizes: Sizes, budget: usize) -> Self {
        let index = open(files, &[], sizes, budget);
        let kept = Arc::<Kept>::default();
        let record = Arc::clone(&kept) as Arc<dyn SealedEvents>;
        Self {
            files: files.clone(),
            sizes,
            budget,
            maintenance: Maintenance::new(Arc::clone(&index), record),
            index,
            kept,
            volumes: Vec::new(),
            model: Model::default(),
            tip: Tip::default(),
            frames: Vec::new(),
            tally: ContentsTally::new(1),
            unsealed: Vec::new(),
        }
    }

    fn feed(&mut self, random: &mut Random, frames: usize) {
        for _ in 0..frames {
            let frame = self.model.next_frame(random, self.tip);
            self.tip = frame.tip();
            self.index.apply(&frame).unwrap();
            self.tally.frame(&frame);
            self.frames.push(frame);
        }
    }

    /// Ends the volume; its table is to be written.
    fn end_volume(&mut self) {
        let next = ContentsTally::new(self.tip.position + 1);
        let contents = std::mem::replace(&mut self.tally, next).finish();
        assert!(self.index.rotate(&contents, self.tip, Duration::ZERO), "tables are not written");
        let first = contents.first_position;
        self.kept.volumes.lock().unwrap().insert(first, std::mem::take(&mut self.frames));
        let directory = format!("{first:020}");
        let files = Vec::new();
        self.unsealed.push(SealedVolume { directory, contents, tip: self.tip, files });
    }

    fn seal(&mut self) {
        for volume in self.unsealed.drain(..) {
            self.index.sealed(&volume);
            self.volumes.push(volume);
        }
    }

    /// Feeds and seals a volume.
    fn volume(&mut self, random: &mut Random, frames: usize) {
        self.feed(random, frames);
        self.end_volume();
        self.seal();
    }

    /// Does all that is to be done about the files, unless something fails.
    fn settle(&mut self) -> Result<(), LogError> {
        settle(&mut self.maintenance)
    }

    /// Opens the index again, and feeds it what is in no sealed volume.
    fn reopen(&mut self) {
        self.files = RecordingFiles::on(self.files.disk());
        self.reopen_unfed();
        self.settle().unwrap();
        self.feed_again();
    }

    fn reopen_unfed(&mut self) {
        self.index = open(&self.files, &self.volumes, self.sizes, self.budget);
        let record = Arc::clone(&self.kept) as Arc<dyn SealedEvents>;
        self.maintenance = Maintenance::new(Arc::clone(&self.index), record);
    }

    fn feed_again(&mut self) {
        let begin = self.index.begin(Duration::ZERO).expect("the index has no gap");
        assert_eq!(begin, self.volumes.last().map_or(Tip::default(), |volume| volume.tip));
        for volume in std::mem::take(&mut self.unsealed) {
            let first = volume.contents.first_position;
            let frames = self.kept.volumes.lock().unwrap()[&first].clone();
            for frame in &frames {
                self.index.apply(frame).unwrap();
            }
            assert!(self.index.rotate(&volume.contents, volume.tip, Duration::ZERO));
            self.settle().unwrap();
            self.unsealed.push(volume);
        }
        self.frames.iter().for_each(|frame| self.index.apply(frame).unwrap());
    }

    /// Asks everything, of an index that has all.
    fn check(&self, random: &mut Random) {
        assert_eq!(self.index.watermark(), self.model.last());
        check(&self.index, &self.model, random);
    }

    /// The files of the index, temporary ones included.
    fn paths(&self) -> Vec<PathBuf> {
        self.files.list(Path::new(DIR)).unwrap()
    }
}

fn open(
    files: &RecordingFiles,
    volumes: &[SealedVolume],
    sizes: Sizes,
    budget: usize,
) -> Arc<Index> {
    let files: Arc<dyn Files> = Arc::new(files.clone());
    let opening = Opening { files: &files, dir: Path::new(DIR), store_id: STORE, volumes };
    Arc::new(Index::open_with(&opening, sizes, budget).unwrap())
}

/// Asks an index everything, and compares it with the model.
fn check(index: &Index, model: &Model, random: &mut Random) {
    if model.events.is_empty() {
        return;
    }
    for _ in 0..12 {
        check_matches(index, model, random);
    }
    for stream in model.some_streams(random) {
        check_stream(index, model, &stream);
    }
    check_times(index, model, random);
    check_requests(index, model, random);
}

fn lookup(index: &Index) -> Lookup<'_> {
    index.lookup(Blocking::Allowed)
}

fn check_matches(index: &Index, model: &Model, random: &mut Random) {
    let filter = random_filter(random);
    let end = model.events.len() + 5;
    let (a, b) = (random.below(end) as u64, random.below(end) as u64);
    let span = Span { after: a.min(b), up_to: a.max(b) };
    let mut expected = model.matches(&filter, span);
    let limit = 1 + random.below(40);
    let all = lookup(index).matches(&filter, span, Direction::Forwards, usize::MAX).unwrap();
    assert_eq!(all, expected, "{filter:?} in {span:?}");
    let some = lookup(index).matches(&filter, span, Direction::Forwards, limit).unwrap();
    assert_eq!(some[..], expected[..limit.min(expected.len())]);
    let whole = model.matches(&filter, Span { up_to: u64::MAX, ..span });
    assert_eq!(lookup(index).last_match(&filter, span.after), Ok(whole.last().copied()));
    expected.reverse();
    let back = lookup(index).matches(&filter, span, Direction::Backwards, limit).unwrap();
    assert_eq!(back[..], expected[..limit.min(expected.len())], "{filter:?} in {span:?}");
}

fn check_stream(index: &Index, model: &Model, name: &str) {
    let stream = StreamName::parse(name).unwrap();
    let positions = model.of_stream(name);
    assert_eq!(lookup(index).revision(&stream), Ok(positions.len() as u64), "{name}");
    for (revision, position) in (1..).zip(&positions) {
        let found = lookup(index).position_of_revision(&stream, revision);
        assert_eq!(found, Ok(Some(*position)), "revision {revision} of {name}");
    }
    for beyond in [0, positions.len() as u64 + 1, u64::MAX] {
        assert_eq!(lookup(index).position_of_revision(&stream, beyond), Ok(None), "{beyond}");
    }
}

fn check_times(index: &Index, model: &Model, random: &mut Random) {
    let last = model.events.last().unwrap().recorded_at;
    for time in [-1, 0, last, last + 1].into_iter().chain(
        (0..20).map(|_| i64::try_from(random.below(usize::try_from(last + 2).unwrap())).unwrap()),
    ) {
        let before = model.events.iter().filter(|event| event.recorded_at < time).count();
        assert_eq!(lookup(index).position_at(time), Ok(before as u64), "time {time}");
    }
    for _ in 0..20 {
        let place = random.below(model.events.len());
        let found = lookup(index).recorded_at(place as u64 + 1);
        assert_eq!(found, Ok(Some(model.events[place].recorded_at)), "position {}", place + 1);
    }
    for outside in [0, model.last() + 1] {
        assert_eq!(lookup(index).recorded_at(outside), Ok(None));
    }
}

fn check_requests(index: &Index, model: &Model, random: &mut Random) {
    for (id, position) in model.requests.iter().filter(|_| random.below(10) == 0) {
        assert_eq!(lookup(index).request(id), Ok(Some(*position)), "request of {position}");
    }
    for _ in 0..20 {
        let id: RequestId = random.bytes(16).try_into().unwrap();
        assert_eq!(lookup(index).request(&id), Ok(None));
    }
}
