//! Reads of a log that is filled before: large ones by one reader, small ones by many, and small
//! ones beside appends. Each read has to give as many events as were appended of it.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use futures_util::FutureExt as _;
use handover::cli::exit::{Exit, Failure};
use rand::{RngCore as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{
    appends::writers,
    contest::{Compared, Contest, Of, Work},
    figures,
    server::{Server, Shared},
    work::{Event, Place, SHARES, Selection, TENS},
};
use crate::{
    case::{Bench, Case, Measuring},
    load::{Caller, start},
    meter::{Callers, Meter, complete, watch},
    plan::Plan,
    statistics::Sample,
    table::count,
};

/// Events of a request that fills the log.
const FILLED: u32 = 1_000;
/// Callers that fill it.
const FILLERS: usize = 8;
/// Readers of small reads.
const READERS: [usize; 4] = [1, 4, 16, 64];
/// Writers, and as many readers, at the same time.
const BESIDE: usize = 8;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything, and shares of it, by one reader.
    Large,
    /// Single events and streams of ten, by few and many readers.
    Small,
    /// Single events, while others append.
    Beside,
}

/// Reads from all stores in turn.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) contest: Rc<Contest>,
    pub(super) kind: Kind,
}

impl Case for Reads {
    fn name(&self) -> String {
        match self.kind {
            Kind::Large => "large reads, one reader, left encoded".to_owned(),
            Kind::Small => "small reads, decoded".to_owned(),
            Kind::Beside => format!("{BESIDE} writers beside {BESIDE} readers of one event"),
        }
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        self.contest.hold(bench, &self.kind).boxed_local()
    }
}

/// What a reader reads each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pick {
    Always(Selection),
    /// Any event.
    One,
    /// Any stream.
    Stream,
}

impl Kind {
    /// What is read, and by how many readers.
    fn picks(self) -> Vec<(Pick, usize)> {
        let every = |pick| READERS.map(move |readers| (pick, readers));
        match self {
            Self::Large => {
                let shares = SHARES.map(Selection::Share);
                let all = [Selection::All].into_iter().chain(shares);
                all.map(|selection| (Pick::Always(selection), 1)).collect()
            }
            Self::Small => [every(Pick::One), every(Pick::Stream)].concat(),
            Self::Beside => vec![(Pick::One, BESIDE)],
        }
    }
}

impl Work for Kind {
    fn lines(&self) -> Vec<String> {
        let named = |(pick, readers): (Pick, usize)| {
            let by = format!("{readers} reader{}", if readers == 1 { "" } else { "s" });
            match pick {
                Pick::Always(Selection::Share(of)) => format!("label of 1 in {}", count(of)),
                Pick::Always(_) => "full read".to_owned(),
                Pick::One => format!("one event by label and type, {by}"),
                Pick::Stream => format!("a stream of ten, {by}"),
            }
        };
        let mut lines: Vec<String> = self.picks().into_iter().map(named).collect();
        if *self == Self::Beside {
            lines.push(format!("append, {BESIDE} writers"));
        }
        lines
    }

    async fn prepare(&self, server: &Server, plan: &Plan) -> Result<(), Failure> {
        fill(server, plan).await
    }

    async fn measure(
        &self,
        server: &Server,
        bench: &Bench,
    ) -> Result<Vec<Option<Sample>>, Failure> {
        let mut samples = Vec::new();
        for (pick, readers) in self.picks() {
            let by_label = matches!(pick, Pick::Always(Selection::Share(_)));
            if by_label && !server.contender.has_labels() {
                samples.push(None);
            } else if *self == Self::Beside {
                samples.extend(beside(server, bench).await?.map(Some));
            } else {
                let meter = Meter::new(readers);
                let callers = readings(server, bench, (pick, readers), &meter).await?;
                samples.push(Some(watch(&meter, bench.plan.span(), callers).await?));
            }
        }
        Ok(samples)
    }

    fn compared(&self) -> Vec<Compared> {
        let figures: Vec<&'static str> = match self {
            Self::Large => [figures::FULL_READ].into_iter().chain(figures::SHARES).collect(),
            Self::Small => figures::ONE_EVENT.to_vec(),
            Self::Beside => vec![figures::READS_BESIDE],
        };
        let lines = figures.into_iter().enumerate();
        lines.map(|(line, figure)| Compared { figure, of: Of::Rate, lines: (line, line) }).collect()
    }
}

/// Events of the log that is read: whole requests.
fn filled(plan: &Plan) -> u64 {
    plan.peer_events / u64::from(FILLED) * u64::from(FILLED)
}

/// Appends the log that is read.
async fn fill(server: &Server, plan: &Plan) -> Result<(), Failure> {
    let events = filled(plan);
    let mut fillers = Callers::new();
    for connection in server.connections(FILLERS).await? {
        let source = Arc::clone(&server.source);
        fillers.spawn(async move {
            loop {
                let batch = source.draw(Place::Tens, FILLED);
                if batch.first >= events {
                    return Ok(());
                }
                connection.append(&batch).await?;
            }
        });
    }
    complete(fillers).await
}

async fn beside(server: &Server, bench: &Bench) -> Result<[Sample; 2], Failure> {
    let (reads, appends) = (Meter::new(BESIDE), Meter::new(BESIDE));
    let readers = readings(server, bench, (Pick::One, BESIDE), &reads).await?;
    let lines = server.connections(BESIDE).await?;
    let appending = start(&appends, writers(&lines, &server.source, BESIDE));
    let span = bench.plan.span();
    let (reads, appends) =
        tokio::try_join!(watch(&reads, span, readers), watch(&appends, span, appending))?;
    Ok([reads, appends])
}

/// Readers at work.
async fn readings(
    server: &Server,
    bench: &Bench,
    (pick, readers): (Pick, usize),
    meter: &Arc<Meter>,
) -> Result<Callers, Failure> {
    let connections = server.contender.connections(bench.plan.connections, readers);
    let lines = server.connections(connections.min(readers)).await?;
    let cycled = lines.iter().cycle().take(readers).enumerate();
    let callers = cycled.map(|(lane, connection)| Reader {
        connection: Arc::clone(connection),
        lane,
        pick,
        events: filled(&bench.plan),
        random: Xoshiro256PlusPlus::seed_from_u64(bench.seed() ^ lane as u64),
    });
    Ok(start(meter, callers))
}

/// Reads again and again.
struct Reader {
    connection: Shared,
    lane: usize,
    pick: Pick,
    /// Events of the log that is read.
    events: u64,
    random: Xoshiro256PlusPlus,
}

impl Reader {
    fn next(&mut self) -> Selection {
        let number = self.random.next_u64() % self.events.max(1);
        match self.pick {
            Pick::Always(selection) => selection,
            Pick::One => Selection::One(Event::of_tens(number)),
            Pick::Stream => Selection::Stream(number / TENS),
        }
    }
}

impl Caller for Reader {
    async fn call(&mut self, meter: &Meter) -> Result<(), Failure> {
        let (selection, read) = (self.next(), AtomicU64::new(0));
        let progress = |events| {
            read.fetch_add(events, Ordering::Relaxed);
            meter.count(events);
            !meter.has_ended()
        };
        let begun = Instant::now();
        self.connection.read(selection, &progress).await?;
        let took = begun.elapsed();
        let (read, expected) = (read.into_inner(), selection.expected(self.events));
        if read == expected {
            meter.time(self.lane, took);
            return Ok(());
        }
        if read < expected && meter.has_ended() {
            return Ok(());
        }
        let problem = format!("a read of {selection:?} gave {read} events instead of {expected}");
        Err(Failure::new(Exit::Failed, problem))
    }
}
