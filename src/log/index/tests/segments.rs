//! Tables and runs by themselves, at places where containers of positions end.

use super::{
    super::{
        key::Term,
        memory::Table,
        run::{Header, Run, Target, merge},
        segment::{Search, Segment},
        walk::Wanted,
    },
    *,
};
use crate::log::index::write_error::GoOn;

/// Events around a border between two containers, in several stretches.
struct Around {
    keys: Keys,
    first: Position,
    events: Vec<Event>,
    /// Where each stretch begins.
    starts: Vec<Position>,
    files: RecordingFiles,
    sizes: Sizes,
}

const BORDER: Position = 3 << 16;

impl Around {
    fn new(random: &mut Random) -> Self {
        let mut model = Model::default();
        let first = BORDER - random.below(300) as u64;
        let count = 1 + random.below(900) as u64;
        let mut tip = Tip { index: 9, position: first - 1, check: 0 };
        let mut starts = vec![first];
        while tip.position < first + count {
            let frame = model.next_frame(random, tip);
            tip = frame.tip();
            if random.below(60) == 0 {
                starts.push(tip.position + 1);
            }
        }
        starts.retain(|start| *start <= tip.position);
        let files = RecordingFiles::default();
        files.create_dir(Path::new(DIR)).unwrap();
        let (keys, sizes) = (Keys::new(&STORE), random_sizes(random));
        Self { keys, first, events: model.events, starts, files, sizes }
    }

    fn last(&self) -> Position {
        self.first + self.events.len() as u64 - 1
    }

    fn event(&self, position: Position) -> &Event {
        &self.events[usize::try_from(position - self.first).unwrap()]
    }

    /// A table of the events from one position to another.
    fn table(&self, from: Position, to: Position) -> Arc<SharedTable> {
        let table = SharedTable::new(from);
        let encoded = (from..=to).flat_map(|at| self.event(at).encode(at)).collect::<Vec<_>>();
        let chunk = Chunk::parse(from, encoded.into()).unwrap();
        table.write().take(&Batch::read(&self.keys, &chunk, &[]).unwrap());
        table
    }

    fn header(from: Position, to: Position) -> Header {
        Header { store_id: STORE, first: from, last: to, volumes: 1, binding: [1; 32] }
    }

    /// Writes a run and opens it.
    fn run(&self, header: Header, fill: impl FnOnce(&Target<'_>)) -> Arc<Run> {
        let path = Path::new(DIR).join(format!("{}-{}.run", header.first, header.last));
        let go_on = GoOn(&|| true);
        fill(&Target { files: &self.files, path: &path, header, sizes: self.sizes, go_on });
        Arc::new(Run::open(&self.files, &path).unwrap())
    }

    fn run_of(&self, table: &Table, from: Position, to: Position) -> Arc<Run> {
        self.run(Self::header(from, to), |target| table.write_run(target).unwrap())
    }

    /// Compares all kinds of answers of a segment, which has all events, with a look at every
    /// event.
    fn check(&self, segment: &Segment, random: &mut Random) {
        assert_eq!((segment.first(), segment.last()), (self.first, self.last()));
        (0..20).for_each(|_| self.check_search(segment, random));
        (0..8).for_each(|_| self.check_stream(segment, random));
        for _ in 0..20 {
            let at = self.first + random.below(self.events.len()) as u64;
            let time = self.event(at).recorded_at;
            let since = (self.first..).zip(&self.events).find(|(_, it)| it.recorded_at >= time);
            assert_eq!(segment.recorded_at(at, Blocking::Allowed), Ok(Some(time)));
            let first = since.map(|(first, _)| first);
            assert_eq!(segment.first_since(time, Blocking::Allowed), Ok(first));
        }
        let never = self.events.last().unwrap().recorded_at + 1;
        assert_eq!(segment.first_since(never, Blocking::Allowed), Ok(None));
    }

    fn check_search(&self, segment: &Segment, random: &mut Random) {
        let filter = random_filter(random);
        if filter.is_all() {
            return;
        }
        let any = |random: &mut Random| self.first + random.below(self.events.len()) as u64;
        let (a, b) = (any(random), any(random));
        let range = a.min(b)..=a.max(b);
        let limit = 1 + random.below(99);
        let mut expected: Vec<_> =
            range.clone().filter(|at| filter.matches(&labels(self.event(*at)))).collect();
        for direction in [Direction::Forwards, Direction::Backwards] {
            let wanted = Wanted::new(&filter, &self.keys);
            let search = Search { wanted: &wanted, direction, blocking: Blocking::Allowed, limit };
            let mut found = Vec::new();
            segment.search(range.clone(), &search, &mut found).unwrap();
            assert_eq!(found, expected[..limit.min(expected.len())], "{filter:?} in {range:?}");
            expected.reverse();
        }
    }

    fn check_stream(&self, segment: &Segment, random: &mut Random) {
        let stream = &self.events[random.below(self.events.len())].stream;
        let key = self.keys.of(Term::Stream(stream.as_bytes()));
        let of_it = (self.first..).zip(&self.events).filter(|(_, it)| it.stream == *stream);
        let positions: Vec<Position> = of_it.clone().map(|(at, _)| at).collect();
        let (last, count) = (of_it.last().unwrap().1.revision, positions.len() as u64);
        assert_eq!(segment.revision(key, Blocking::Allowed), Ok(Some((last, count))));
        for (rank, position) in (1..).zip(&positions) {
            assert_eq!(segment.at(key, rank, Blocking::Allowed), Ok(Some(*position)));
        }
        assert_eq!(segment.at(key, 0, Blocking::Allowed), Ok(None));
        assert_eq!(segment.at(key, count + 1, Blocking::Allowed), Ok(None));
        let absent = self.keys.of(Term::Stream(b"c9/none"));
        assert_eq!(segment.revision(absent, Blocking::Allowed), Ok(None));
    }
}

#[test]
fn a_table_a_run_and_a_merged_run_agree_with_a_look_at_every_event() {
    let random = &mut Random::new();
    for _ in 0..25 {
        let around = Around::new(random);
        println!("{:?}, from {} in {:?}", around.sizes, around.first, around.starts);
        let whole = around.table(around.first, around.last());
        around.check(&Segment::Table(Arc::clone(&whole)), random);
        let run = around.run_of(&whole.read(), around.first, around.last());
        around.check(&Segment::Run(run), random);
        let ends = around.starts[1..].iter().map(|next| next - 1).chain([around.last()]);
        let parts: Vec<_> = around
            .starts
            .iter()
            .zip(ends)
            .map(|(from, to)| around.run_of(&around.table(*from, to).read(), *from, to))
            .collect();
        let volumes = u32::try_from(parts.len()).unwrap();
        let header = Header { volumes, ..Around::header(around.first, around.last()) };
        let parts: Vec<&Run> = parts.iter().map(AsRef::as_ref).collect();
        let merged = around.run(header, |target| merge(target, &parts).unwrap());
        around.check(&Segment::Run(merged), random);
    }
}

#[test]
fn a_list_of_many_containers_is_read_one_container_at_a_time() {
    let mut random = Random::new();
    let mut table = Around::new(&mut random);
    // Every seventh event of four containers is of a stream of its own.
    let count = 4 << 16;
    table.first = 100;
    let event = |n: usize| Event {
        stream: if n.is_multiple_of(7) { "c0/often" } else { "c0/else" }.into(),
        revision: 1,
        recorded_at: i64::try_from(n).unwrap(),
        ..Event::default()
    };
    table.events = (0..count).map(event).collect();
    let shared = table.table(100, table.last());
    let run = table.run_of(&shared.read(), 100, table.last());
    let key = table.keys.of(Term::Stream(b"c0/often"));
    let mut list = run.list(key, Blocking::Allowed).unwrap().unwrap();
    for rank in [1, 2, 9_000, 20_000, 37_450] {
        assert_eq!(list.at(rank), Ok(Some(100 + (rank - 1) * 7)));
    }
    let segment = Segment::Run(run);
    let found = |at, direction| {
        let streams = vec![StreamName::parse("c0/often").unwrap()];
        let item = FilterItem { streams, ..FilterItem::default() };
        let wanted = Wanted::new(&Filter::new(vec![item]).unwrap(), &table.keys);
        let search = Search { wanted: &wanted, direction, blocking: Blocking::Allowed, limit: 1 };
        let mut found = Vec::new();
        let range = match direction {
            Direction::Forwards => at..=table.last(),
            Direction::Backwards => table.first..=at,
        };
        segment.search(range, &search, &mut found).unwrap();
        found.pop()
    };
    for at in (1..=4).flat_map(|n| (n << 16) - 9..(n << 16) + 9) {
        let below = 100 + (at - 100) / 7 * 7;
        assert_eq!(found(at, Direction::Backwards), Some(below));
        let above = if below == at { at } else { below + 7 };
        let above = Some(above).filter(|above| *above <= table.last());
        assert_eq!(found(at, Direction::Forwards), above, "from {at}");
    }
    let times = [1, 800, 801, 70_000, 262_143];
    for time in times {
        let at = 100 + u64::try_from(time).unwrap();
        assert_eq!(segment.first_since(time, Blocking::Allowed), Ok(Some(at)));
        assert_eq!(segment.recorded_at(at, Blocking::Allowed), Ok(Some(time)));
    }
}
