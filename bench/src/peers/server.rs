//! A server of one of the stores, from an empty folder, with connections to it.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use handover::cli::exit::{Exit, Failure};
use rustix::process::Signal;

use super::{
    child::{Child, Program},
    connection::Connection,
    contender::{Contender, UMADB_CACHE_MB},
    handover::Handover,
    install::Tools,
    jetstream::JetStream,
    message_db::{self, MessageDb},
    postgres::Postgres,
    umadb::Umadb,
    work::Source,
};
use crate::{
    case::Bench,
    process::{Process, tail},
    subject::settled,
};

/// How long a server may take until it answers.
const STARTING: Duration = Duration::from_mins(1);
/// How often that is tried.
const TRY: Duration = Duration::from_millis(20);
/// How long a server may work on after its callers have ended.
const SETTLING: Duration = Duration::from_secs(20);
/// Connections that PostgreSQL takes.
const MAX_CONNECTIONS: &str = "max_connections=200";

/// What runs.
#[derive(Debug)]
enum Running {
    Handover(Process),
    Other(Child),
}

/// A server at work; it is stopped when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) contender: Contender,
    pub(super) source: Arc<Source>,
    running: Running,
    address: String,
    home: PathBuf,
}

/// A connection of a caller, as all stores have it.
pub(super) type Shared = Arc<dyn Connection>;

impl Server {
    /// Starts one, and waits until it answers.
    pub(super) async fn start(
        contender: &Contender,
        (bench, tools): (&Bench, &Tools),
        home: PathBuf,
    ) -> Result<Self, Failure> {
        let (running, address) = match contender {
            Contender::Handover => started(bench, &home, None).await?,
            Contender::Build(path) => started(bench, &home, Some(path.clone())).await?,
            Contender::Umadb { tuned } => umadb(tools, &home, *tuned)?,
            Contender::JetStream => nats(tools, &home)?,
            Contender::MessageDb => postgres(&home).await?,
        };
        let source = Arc::new(Source::new(bench.seed()));
        let mut server = Self { contender: contender.clone(), source, running, address, home };
        server.wait().await?;
        server.prepare(tools).await?;
        Ok(server)
    }

    /// Waits until it answers. There is no event for that but an answer.
    async fn wait(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let answered = if self.contender == Contender::MessageDb {
                message_db::serves(&self.address).await
            } else {
                self.connect().await.map(drop)
            };
            let Err(failure) = answered else { return Ok(()) };
            let log = self.home.join("log");
            if let Running::Other(child) = &mut self.running
                && let Some(status) = child.has_ended()?
            {
                let problem = format!("the server ended ({status}){}", tail(&log));
                return Err(Failure::new(Exit::Failed, problem));
            }
            if begun.elapsed() > STARTING {
                let message = format!("{}{}", failure.message, tail(&log));
                return Err(Failure { message, ..failure });
            }
            tokio::time::sleep(TRY).await;
        }
    }

    /// What has to be made in an empty server.
    async fn prepare(&self, tools: &Tools) -> Result<(), Failure> {
        match self.contender {
            Contender::JetStream => {
                let source = Arc::clone(&self.source);
                JetStream::connect(&self.address, source).await?.prepare().await
            }
            Contender::MessageDb => {
                let (host, port) = self.address.rsplit_once(':').unwrap_or_default();
                let script = Postgres::find()?
                    .script(&tools.message_db())
                    .environment("PGHOST", host)
                    .environment("PGPORT", port)
                    .environment("PGUSER", "postgres");
                script.run(&self.home.join("log"), STARTING).await
            }
            Contender::Handover | Contender::Build(_) | Contender::Umadb { .. } => Ok(()),
        }
    }

    /// A connection of its own.
    pub(super) async fn connect(&self) -> Result<Shared, Failure> {
        let (address, source) = (&self.address, Arc::clone(&self.source));
        let shared: Shared = match self.contender {
            Contender::Handover | Contender::Build(_) => {
                Arc::new(Handover::connect(address, source).await?)
            }
            Contender::Umadb { .. } => {
                Arc::new(Umadb::connect(&format!("http://{address}"), source).await?)
            }
            Contender::JetStream => Arc::new(JetStream::connect(address, source).await?),
            Contender::MessageDb => Arc::new(MessageDb::connect(address, source).await?),
        };
        Ok(shared)
    }

    /// So many connections.
    pub(super) async fn connections(&self, count: usize) -> Result<Vec<Shared>, Failure> {
        futures_util::future::try_join_all((0..count.max(1)).map(|_| self.connect())).await
    }

    /// Waits until the server is at rest, or has had the time to be.
    pub(super) async fn settle(&self, rest: (Duration, Duration)) -> Result<(), Failure> {
        let ticks = || match &self.running {
            Running::Handover(process) => process.processor_ticks(),
            Running::Other(child) => child.processor_ticks(),
        };
        settled(&self.home, ticks, rest, SETTLING).await
    }

    /// Stops it, and removes what it has stored.
    pub(super) async fn end(self, bench: &Bench) -> Result<(), Failure> {
        let (running, home) = (self.running, self.home);
        let dropped = tokio::task::spawn_blocking(move || drop(running)).await;
        dropped.map_err(|it| Failure::new(Exit::Failed, it.to_string()))?;
        bench.remove(home).await
    }
}

async fn started(
    bench: &Bench,
    home: &Path,
    program: Option<PathBuf>,
) -> Result<(Running, String), Failure> {
    let process = bench.serve(home, program).await?;
    let address = process.address.clone();
    Ok((Running::Handover(process), address))
}

/// A port of this machine that nothing listens at. Another program could take it before the server
/// does, which then fails to start.
fn free_address() -> Result<String, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn umadb(tools: &Tools, home: &Path, tuned: bool) -> Result<(Running, String), Failure> {
    let address = free_address()?;
    let [python, launcher] = tools.umadb();
    let data = home.join("data");
    let mut program = Program::new(python)
        .with([launcher])
        .with(["--listen", &address, "--db-path"])
        .with([data]);
    if tuned {
        let cache = format!("{UMADB_CACHE_MB}");
        program = program.with(["--pipelined-writer", "true", "--page-cache-max-mb", &cache]);
    }
    Ok((Running::Other(program.start(&home.join("log"))?), address))
}

fn nats(tools: &Tools, home: &Path) -> Result<(Running, String), Failure> {
    let address = free_address()?;
    let settings = home.join("nats.conf");
    let folder = serde_json::to_string(&home.join("data").display().to_string())?;
    let text = format!(
        "listen: \"{address}\"\njetstream {{ store_dir: {folder}, sync_interval: always }}\n"
    );
    fs::write(&settings, text)?;
    let program = Program::new(tools.nats()).with(["-c"]).with([settings]);
    Ok((Running::Other(program.start(&home.join("log"))?), address))
}

async fn postgres(home: &Path) -> Result<(Running, String), Failure> {
    let (postgres, address) = (Postgres::find()?, free_address()?);
    let (data, log) = (home.join("data"), home.join("log"));
    fs::create_dir(&data)?;
    if let Some((user, group)) = postgres.user {
        chown(&data, Some(user), Some(group))?;
    }
    let login = ["--auth", "trust", "--username", "postgres", "--no-locale", "--encoding", "UTF8"];
    let made = postgres.program("initdb").with(login).with(["--pgdata".into(), data.clone()]);
    made.run(&log, STARTING).await?;
    let port = address.rsplit(':').next().unwrap_or_default();
    let program = postgres
        .program("postgres")
        .with(["-D".into(), data])
        .with(["-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .with(["-c", MAX_CONNECTIONS])
        // A fast stop: it ends its connections instead of waiting for them.
        .stopped_by(Signal::INT);
    Ok((Running::Other(program.start(&log)?), address))
}
