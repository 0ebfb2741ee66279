//! The suite `backups`: how fast a large log is backed up while events are appended, what a second
//! backup costs, and how fast it is restored.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use handover::cli::exit::{Exit, Failure};

use super::{
    case::{Bench, Case, Measuring, Suite},
    events::Layout,
    load::start,
    meter::{Meter, Span, watch},
    process::{self, Role},
    report::{
        Figure, Measured, Outcome, Row,
        Wanted::{AtLeast, AtMost},
        figure,
    },
    statistics::{Spread, approximate},
    subject::Subject,
    table::count,
};

const SPEED: &str = "backup-speed";
const KEPT: &str = "appends-beside-backup";
const AGAIN: &str = "second-backup";
const RESTORE: &str = "restore";
const FIGURES: &[Figure] = &[
    figure(SPEED, "backup / sequential copy of the same files", AtLeast(0.5), "x"),
    figure(KEPT, "append rate beside a backup / without", AtLeast(0.8), "x"),
    figure(AGAIN, "bytes of a backup of 1 % new / all bytes", AtMost(3.0), "%"),
    figure(RESTORE, "time of a restore / of copying the same files", AtMost(2.0), "x"),
];

/// Callers that append one event each meanwhile.
const CALLERS: usize = 64;
/// Bytes of a megabyte, the unit of reports.
const MEGABYTE: f64 = 1e6;
/// Bytes of one read of the plain copy.
const READ: usize = 1 << 20;
/// How often the rate is looked at while a backup runs.
const SLICE: Duration = Duration::from_millis(500);

/// The cases, in the order in which they run.
pub(super) fn suite() -> Suite {
    Suite { name: "backups", cases: vec![Box::new(Backups)], figures: FIGURES }
}

/// Backups of a large log.
#[derive(Clone, Copy, Debug)]
struct Backups;

/// Where things are.
struct Places {
    data: PathBuf,
    target: PathBuf,
    copy: PathBuf,
    restored: PathBuf,
    log: PathBuf,
}

impl Case for Backups {
    fn name(&self) -> String {
        "backups of a large log".to_owned()
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a> {
        async move {
            let subject = bench.subject().await?;
            let events = bench.plan.scale_events;
            let layout = Layout::Streams(bench.plan.scale_streams);
            subject.fill(layout, events).await?;
            subject.settle(&bench.plan).await?;
            let places = Places::of(&subject)?;
            let mut outcome = Outcome::default();
            first(&mut outcome, bench, &subject, &places).await?;
            subject.settle(&bench.plan).await?;
            // What was appended beside the first is more than a hundredth.
            backup(&subject, &places).await?;
            let drawn = subject.source.acknowledged();
            subject.fill(layout, drawn + events / 100).await?;
            second(&mut outcome, bench, &subject, &places).await?;
            restored(&mut outcome, &places).await?;
            bench.retire(subject).await?;
            Ok(outcome)
        }
        .boxed_local()
    }
}

impl Places {
    fn of(subject: &Subject) -> Result<Self, Failure> {
        let home = subject.home().ok_or_else(|| Failure::usage("it needs a server of its own"))?;
        let within = |name: &str| home.join(name);
        Ok(Self {
            data: Subject::data(home),
            target: within("backups"),
            copy: within("copy"),
            restored: within("restored"),
            log: within("backup.log"),
        })
    }
}

/// The rate of callers that wait for each answer, slice by slice, until something has ended.
async fn rate_during<T>(
    subject: &Subject,
    mut work: impl Future<Output = Result<T, Failure>> + Unpin,
) -> Result<(Vec<f64>, T), Failure> {
    let (mut rates, mut ended) = (Vec::new(), None);
    loop {
        let meter = Meter::new(subject.lanes());
        let layout = Layout::Streams(CALLERS as u64);
        let callers = start(&meter, subject.appenders(CALLERS, layout, 1));
        let span = Span { warm_up: Duration::ZERO, slice: SLICE, slices: 1 };
        let mut slice = std::pin::pin!(watch(&meter, span, callers));
        let sample = loop {
            tokio::select! {
                sample = &mut slice => break sample?,
                done = &mut work, if ended.is_none() => ended = Some(done?),
            }
        };
        // In part of its last slice the work had ended.
        if ended.is_none() || rates.is_empty() {
            rates.extend(sample.rates);
        }
        if let Some(ended) = ended {
            return Ok((rates, ended));
        }
    }
}

async fn first(
    outcome: &mut Outcome,
    bench: &Bench,
    subject: &Subject,
    places: &Places,
) -> Result<(), Failure> {
    let (bytes, took) = copied(&places.data.join("volumes"), &places.copy).await?;
    let copying = approximate(bytes) / MEGABYTE / took.as_secs_f64();
    let alone = Box::pin(async {
        tokio::time::sleep(bench.plan.measured).await;
        Ok(())
    });
    let (alone, ()) = rate_during(subject, alone).await?;
    let begun = Instant::now();
    let work = Box::pin(async {
        let answer = backup(subject, places).await?;
        Ok((answer, begun.elapsed()))
    });
    let (beside, (answer, took)) = rate_during(subject, work).await?;
    let bytes = number(&answer, "copiedBytes")?;
    let speed = approximate(bytes) / MEGABYTE / took.as_secs_f64();
    let (alone, beside) = (Spread::of(&alone), Spread::of(&beside));
    let ratio = Spread::exactly(speed / copying);
    let mut rows = vec![
        Row::new("sequential copy of the volumes, synced", "MB/s", Spread::exactly(copying)),
        Row::new("first backup by gRPC, events appended meanwhile", "MB/s", Spread::exactly(speed))
            .against("sequential copy", ratio)
            .note(format!("{} MB in {:.1} s", count(bytes / 1_000_000), took.as_secs_f64())),
        Row::new(format!("single appends, {CALLERS} callers"), "events/s", alone),
    ];
    let kept = Spread::exactly(beside.median / alone.median);
    rows.push(Row::new("the same beside the backup", "events/s", beside).against("without", kept));
    outcome.rows.extend(rows);
    let limit = format!("{copying:.0} MB/s");
    outcome.figures.push(Measured { figure: SPEED, value: ratio, limit });
    let limit = format!("{:.0} events/s", alone.median);
    outcome.figures.push(Measured { figure: KEPT, value: kept, limit });
    Ok(())
}

async fn second(
    outcome: &mut Outcome,
    bench: &Bench,
    subject: &Subject,
    places: &Places,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let answer = backup(subject, places).await?;
    let took = begun.elapsed().as_secs_f64();
    let (new, kept) = (number(&answer, "copiedBytes")?, number(&answer, "keptBytes")?);
    let share = Spread::exactly(approximate(new) / approximate(new + kept) * 100.0);
    let row = Row::new("second backup", "MB", Spread::exactly(approximate(new) / MEGABYTE));
    let note = format!("in {took:.1} s; {} MB were there", count(kept / 1_000_000));
    outcome.rows.push(row.note(note));
    let limit = format!(
        "{} of {} events",
        count(bench.plan.scale_events / 100),
        count(bench.plan.scale_events)
    );
    outcome.figures.push(Measured { figure: AGAIN, value: share, limit });
    Ok(())
}

async fn restored(outcome: &mut Outcome, places: &Places) -> Result<(), Failure> {
    let (_, copying) = copied(&places.target, &places.copy).await?;
    let arguments = ["--from".into(), places.target.clone().into(), "--data".into()];
    let arguments = arguments.into_iter().chain([places.restored.clone().into()]).collect();
    let begun = Instant::now();
    process::run(Role::Restore, arguments, &places.log).await?;
    let took = begun.elapsed();
    let ratio = Spread::exactly(took.as_secs_f64() / copying.as_secs_f64());
    let row = Row::new("restore", "s", Spread::exactly(took.as_secs_f64()));
    outcome.rows.push(row.against("copying", ratio));
    let limit = format!("{:.1} s", copying.as_secs_f64());
    outcome.figures.push(Measured { figure: RESTORE, value: ratio, limit });
    Ok(fs::remove_dir_all(&places.copy)?)
}

/// Makes a backup of the server, and returns what the command printed.
async fn backup(subject: &Subject, places: &Places) -> Result<serde_json::Value, Failure> {
    let address = subject.process()?.address.clone();
    let arguments: Vec<OsString> = vec![
        "--server".into(),
        address.into(),
        "--to".into(),
        places.target.clone().into(),
        "--output".into(),
        "json".into(),
    ];
    let printed = process::run(Role::Backup, arguments, &places.log).await?;
    serde_json::from_str(&printed).map_err(Failure::from)
}

fn number(answer: &serde_json::Value, key: &str) -> Result<u64, Failure> {
    let number = answer[key].as_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Failure::new(Exit::Failed, format!("a backup did not say its {key}")))
}

/// Copies a folder as `dd` copies files: read, written, synced one after the other. The copy is
/// removed if it was there.
async fn copied(from: &Path, to: &Path) -> Result<(u64, Duration), Failure> {
    let (from, to) = (from.to_owned(), to.to_owned());
    let work = move || -> io::Result<(u64, Duration)> {
        match fs::remove_dir_all(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let begun = Instant::now();
        Ok((copy(&from, &to)?, begun.elapsed()))
    };
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.unwrap_or_else(|error| Err(io::Error::other(error)))?)
}

fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    fs::create_dir(to)?;
    let (mut bytes, mut buffer) = (0, vec![0; READ]);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            bytes += copy(&path, &target)?;
            continue;
        }
        let (mut from, mut to) = (File::open(path)?, File::create(target)?);
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            to.write_all(buffer.get(..read).unwrap_or_default())?;
            bytes += read as u64;
        }
        to.sync_all()?;
    }
    File::open(to)?.sync_all()?;
    Ok(bytes)
}
