//! What is to be measured, and how: the command line, and its way to the runner.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use clap::builder::NonEmptyStringValueParser;
use handover::cli::exit::{self, Exit, Failure};
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use super::{
    backups,
    case::{Bench, Suite, Target},
    claims, followers, log,
    machine::{Described, ReportHeader},
    network,
    peers::PeerArgs,
    plan::Plan,
    runner::{self, Output, Show},
    subject::Origin,
    workspace::Workspace,
};

/// Measures a handover server as its clients use it, beside what the machine allows.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "handover-bench", version, after_help = exit::HELP)]
pub(super) struct Args {
    /// What is measured
    #[arg(long, default_value = "log")]
    suite: SuiteName,
    /// Measure the server that runs there; without it the bench starts one of its own, which
    /// memory, disk, starts and kills need
    #[arg(long, value_name = "URL", conflicts_with_all = ["kills", "serve"],
          value_parser = NonEmptyStringValueParser::new())]
    server: Option<String>,
    /// Folder for the data, on the disk that is meant: empty or not there, and removed at the end
    #[arg(long, value_name = "DIR", default_value = "handover-bench")]
    dir: PathBuf,
    /// Keep the folder
    #[arg(long)]
    keep: bool,
    /// Only the cases whose names contain this
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    only: Option<String>,
    /// Small counts and fractions of a second: shows that all works, and measures nothing
    #[arg(long)]
    quick: bool,
    /// How often each measurement is repeated [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    repeats: Option<u8>,
    /// Seconds of each repeat [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: Option<u16>,
    /// Connections that all callers share [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=128))]
    connections: Option<u8>,
    /// Events of the large log [default: 10000000]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    events: Option<u64>,
    /// Payloads follow from it [default: drawn]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Check after each case that every acknowledged event is there, once, as it was acknowledged
    #[arg(long)]
    verify: bool,
    /// Kill the server so often under load, and check that nothing was lost by it
    #[arg(long, value_name = "N", default_value_t = 0, requires = "verify")]
    kills: u32,
    /// How to print; without it a table on a terminal and json elsewhere
    #[arg(long)]
    output: Option<Output>,
    #[command(flatten)]
    peers: PeerArgs,
    /// More arguments for the server that is started, as in `-- --volume-mib 128`
    #[arg(last = true, value_name = "SERVE ARGUMENTS")]
    serve: Vec<String>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SuiteName {
    /// The event store: appends, reads, subscriptions, a large log
    Log,
    /// A million claims, and the queries over them
    Claims,
    /// Subscriptions: how soon, how many, how rarely, and what idle ones cost
    Followers,
    /// Backups of a large log beside appends, and restores
    Backups,
    /// TLS, tokens and metrics, each against a server without it
    Network,
    /// The same work on other event stores, in turn
    Peers,
}

impl Args {
    /// How long and how much is measured.
    fn plan(&self) -> Plan {
        let mut plan = if self.quick { Plan::quick() } else { Plan::full() };
        plan.repeats = self.repeats.map_or(plan.repeats, usize::from);
        plan.measured = self.seconds.map_or(plan.measured, |it| Duration::from_secs(it.into()));
        plan.connections = self.connections.map_or(plan.connections, usize::from);
        plan.scale_events = self.events.unwrap_or(plan.scale_events);
        plan.claims = self.events.unwrap_or(plan.claims);
        plan.peer_events = self.events.unwrap_or(plan.peer_events);
        plan.scale_streams = plan.scale_streams.min(plan.scale_events);
        plan.early_events = plan.early_events.min(plan.scale_events);
        plan.kills = self.kills;
        plan
    }
}

impl Args {
    /// What is measured, and which other stores it is compared with.
    async fn suite(&self, plan: &Plan) -> Result<(Suite, Vec<Described>), Failure> {
        let suite = match self.suite {
            SuiteName::Log => log::suite(plan),
            SuiteName::Claims => claims::suite(plan),
            SuiteName::Followers => followers::suite(plan),
            SuiteName::Backups => backups::suite(),
            SuiteName::Network => network::suite(),
            SuiteName::Peers if self.verify || self.server.is_some() => {
                let problem = "--suite peers starts its own servers and counts what it reads; \
                               leave out --server and --verify";
                return Err(Failure::usage(problem));
            }
            SuiteName::Peers => return self.peers.suite(plan).await,
        };
        match self.peers.given() {
            Some(option) => Err(Failure::usage(format!("{option} is for --suite peers"))),
            None => Ok((suite, Vec::new())),
        }
    }
}

/// Measures and reports. A figure that is missed is no failure; an acknowledged
/// event that is lost is one.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    let work = measure(args);
    let mut terminate = signal(SignalKind::terminate())?;
    // Whatever was started goes with the future that is dropped: children, then the folder.
    tokio::select! {
        done = work => done.map(|()| Exit::Done),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::from).and(stopped()),
        _ = terminate.recv() => stopped(),
    }
}

fn stopped() -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Failed, "interrupted: the servers are stopped, their data is removed"))
}

async fn measure(args: Args) -> Result<(), Failure> {
    let plan = args.plan();
    let (suite, contenders) = args.suite(&plan).await?;
    if let Some(only) = &args.only
        && !suite.cases.iter().any(|case| case.name().contains(only))
    {
        return Err(Failure::usage(format!("--only: no case has {only:?} in its name")));
    }
    let workspace = Workspace::take(&args.dir, args.keep)?;
    let terminal = io::stdout().is_terminal();
    let default = if terminal { Output::Table } else { Output::Json };
    let show = Show::new(args.output.unwrap_or(default), args.only);
    let seed = args.seed.unwrap_or_else(|| Uuid::new_v4().as_fields().0.into());
    let target = match args.server {
        Some(address) => Target::At(address),
        None => Target::Own(args.serve),
    };
    let head = ReportHeader {
        quick: args.quick,
        contenders,
        server: target.describe(&plan),
        seed,
        ..ReportHeader::new(suite.name, &plan, workspace.path())
    };
    let origin = Origin { seed, verify: args.verify };
    let mut bench = Bench::new(plan, target, origin, workspace).await?;
    runner::run(&suite, &mut bench, head, show).await
}
