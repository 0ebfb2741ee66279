//! The server that is measured, with the connections to it and the events for it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::GetHeadRequest,
    grpc::client::Client,
};

use super::{
    acknowledged::Acknowledged,
    events::{EventGenerator, Identity, Layout},
    load::{Appender, Line, Pipeline, start_pipelines},
    login::Login,
    meter::{Callers, Meter, complete},
    plan::Plan,
    process::{Invocation, Process},
    workspace::disk_bytes,
};

/// Pipelines that load one server at the same time.
const PIPELINES: usize = 8;
/// A settled server uses less processor time between two looks, in ticks.
const AT_REST_TICKS: u64 = 3;
/// How long a server may take to settle; it is measured all the same then.
const SETTLING: Duration = Duration::from_mins(5);

/// A server under test.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) source: Arc<EventGenerator>,
    clients: Vec<Client>,
    address: String,
    login: Login,
    own: Option<Own>,
}

/// A server of the bench's own.
#[derive(Debug)]
struct Own {
    process: Option<Process>,
    home: PathBuf,
    invocation: Invocation,
}

/// How long a server took from its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    /// Until health said that it serves.
    pub(super) serving: Duration,
    /// Until a first append was acknowledged.
    pub(super) acknowledged: Duration,
}

impl Subject {
    /// A new server with nothing in it, which keeps its data in the folder `home`, and its clients
    /// by `login`.
    pub(super) async fn start(
        home: PathBuf,
        invocation: Invocation,
        login: Login,
        (plan, origin): (&Plan, Origin),
    ) -> Result<Self, Failure> {
        std::fs::create_dir(&home)?;
        let process = Process::start(&invocation, &home.join("log")).await?;
        let address = process.address.clone();
        let own = Own { process: Some(process), home, invocation };
        Self::connect(address, login, (plan, origin), Some(own)).await
    }

    /// A server that is there already.
    pub(super) async fn at(address: &str, plan: &Plan, origin: Origin) -> Result<Self, Failure> {
        Self::connect(address.to_owned(), Login::default(), (plan, origin), None).await
    }

    async fn connect(
        address: String,
        login: Login,
        (plan, origin): (&Plan, Origin),
        own: Option<Own>,
    ) -> Result<Self, Failure> {
        let clients = connect(&address, &login, plan.connections).await?;
        let noted = match clients.first().filter(|_| origin.verify) {
            Some(client) => {
                let head = client.get_head(GetHeadRequest::default()).await?;
                Some(Acknowledged::new(plan.connections, head.position))
            }
            None => None,
        };
        let source = Arc::new(EventGenerator::new(Identity::new(origin.seed), noted));
        Ok(Self { source, clients, address, login, own })
    }

    /// The connection of the caller with this number.
    pub(super) fn line(&self, caller: usize) -> Line {
        let lane = caller % self.clients.len().max(1);
        let client = self.clients.get(lane).expect("a subject has connections");
        Line { client: client.clone(), lane }
    }

    /// One more connection.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        self.login.connect(&self.address).await
    }

    /// Connections, each with a lane of the meter.
    pub(super) fn lanes(&self) -> usize {
        self.clients.len()
    }

    /// Callers that append single batches.
    pub(super) fn appenders(
        &self,
        callers: usize,
        layout: Layout,
        events: u32,
    ) -> impl Iterator<Item = Appender> {
        let source = Arc::clone(&self.source);
        (0..callers).map(move |caller| {
            let source = Arc::clone(&source);
            Appender { line: self.line(caller), source, layout, events }
        })
    }

    /// Pipelines, until so many events were drawn or the meter has ended.
    pub(super) fn pipelines(
        &self,
        meter: &Arc<Meter>,
        layout: Layout,
        events: u32,
        up_to: u64,
    ) -> Callers {
        let appenders = self.appenders(PIPELINES, layout, events);
        start_pipelines(meter, appenders.map(|appender| Pipeline { appender, up_to }))
    }

    /// Appends until the source has drawn so many events, as fast as single events can be.
    pub(super) async fn fill(&self, layout: Layout, up_to: u64) -> Result<(), Failure> {
        complete(self.pipelines(&Meter::new(1), layout, 1, up_to)).await
    }

    /// The process, if it is the bench's own and runs.
    pub(super) fn process(&self) -> Result<&Process, Failure> {
        let process = self.own.as_ref().and_then(|own| own.process.as_ref());
        process
            .ok_or_else(|| Failure::new(Exit::Failed, "the server is not the bench's to control"))
    }

    /// The folder with the server's data.
    pub(super) fn home(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.home.as_path())
    }

    /// Where the server keeps its data within its home.
    pub(super) fn data(home: &Path) -> PathBuf {
        home.join("data")
    }

    /// Kills the server as `kill -9` does.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        let process = self.own.as_mut().and_then(|own| own.process.take());
        process.map_or(Ok(()), |mut process| Ok(process.kill()?))
    }

    /// Sends the server SIGTERM, and waits until it has stopped.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        match self.own.as_mut().and_then(|own| own.process.take()) {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Starts the server again on the same data, and connects anew.
    pub(super) async fn start_again(&mut self) -> Result<Readiness, Failure> {
        let lanes = self.lanes();
        let Some(own) = &mut self.own else {
            return Err(Failure::new(Exit::Failed, "the server is not the bench's to start"));
        };
        let begun = Instant::now();
        let process = Process::start(&own.invocation, &own.home.join("log")).await?;
        self.address.clone_from(&process.address);
        own.process = Some(process);
        let client = self.client().await?;
        if !client.serving().await? {
            let problem = "the server announced its address before health said that it serves";
            return Err(Failure::new(Exit::Unavailable, problem));
        }
        let serving = begun.elapsed();
        let batch = self.source.draw(Layout::Streams(1), 1);
        let answer = client.append(self.source.request(&batch)).await?;
        let acknowledged = begun.elapsed();
        self.source.note(0, &batch, &answer);
        self.clients = connect(&self.address, &self.login, lanes).await?;
        Ok(Readiness { serving, acknowledged })
    }

    /// Waits until the server has nothing left to do: it uses no processor, and its folder stays.
    pub(super) async fn settle(&self, plan: &Plan) -> Result<(), Failure> {
        let (rest, look) = plan.rest;
        let Some(home) = self.home() else {
            // Nothing can be seen from here; it is given the time.
            tokio::time::sleep(rest).await;
            return Ok(());
        };
        let process = self.process()?;
        settled(home, || process.processor_ticks(), (rest, look), SETTLING).await
    }
}

/// Waits until a server uses no processor and its folder stays as it is for `rest`, or until
/// `most` has passed.
pub(super) async fn settled(
    home: &Path,
    ticks: impl Fn() -> Result<u64, Failure>,
    (rest, look): (Duration, Duration),
    most: Duration,
) -> Result<(), Failure> {
    let state = || Ok::<_, Failure>((disk_bytes(home)?, ticks()?));
    let (begun, mut since, mut before) = (Instant::now(), Instant::now(), state()?);
    while since.elapsed() < rest && begun.elapsed() < most {
        tokio::time::sleep(look).await;
        let now = state()?;
        if now.0 != before.0 || now.1.saturating_sub(before.1) > AT_REST_TICKS {
            since = Instant::now();
        }
        before = now;
    }
    Ok(())
}

/// What the events of a subject follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Seed of payloads.
    pub(super) seed: u64,
    /// Whether what is acknowledged is kept, to be checked.
    pub(super) verify: bool,
}

async fn connect(address: &str, login: &Login, connections: usize) -> Result<Vec<Client>, Failure> {
    let clients = (0..connections.max(1)).map(|_| login.connect(address));
    try_join_all(clients).await
}
