//! The seam between what a suite measures and how: a suite is a list of cases and of figures.
//!
//! A case gets servers from the [`Bench`], loads them, and returns rows and values of
//! figures. It prints nothing and keeps nothing, so a new suite is a new list.

use std::{
    cell::Cell,
    ffi::OsString,
    path::{Path, PathBuf},
};

use futures_util::future::LocalBoxFuture;
use handover::cli::exit::Failure;

use super::{
    limits::{self, CommitBatch},
    login::Login,
    plan::Plan,
    process::{Invocation, Process, Role},
    report::{Figure, Outcome},
    statistics::Sample,
    subject::{Origin, Subject},
    verify::verify,
    workspace::Workspace,
};

/// What is measured under one name.
pub(super) struct Suite {
    pub(super) name: &'static str,
    /// In the order in which they run.
    pub(super) cases: Vec<Box<dyn Case>>,
    /// What the cases are to reach.
    pub(super) figures: &'static [Figure],
}

/// One thing to measure.
pub(super) trait Case {
    /// What is measured, in a few words.
    fn name(&self) -> String;

    /// Whether it starts, stops or looks into the server's process. Then it cannot measure a
    /// server that is only an address.
    fn needs_process(&self) -> bool {
        false
    }

    /// Measures.
    fn run<'a>(&'a self, bench: &'a Bench) -> Measuring<'a>;
}

/// A case at work.
pub(super) type Measuring<'a> = LocalBoxFuture<'a, Result<Outcome, Failure>>;

/// Which server is measured.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// One that is started for each case, with these arguments on top.
    Own(Vec<String>),
    /// The one at this address.
    At(String),
}

impl Target {
    /// The server in words.
    pub(super) fn describe(&self, plan: &Plan) -> String {
        match self {
            Self::At(address) => format!("at {address}, the limits are of this machine"),
            Self::Own(arguments) => {
                let given = arguments.iter().map(String::as_str);
                let all = plan.server_settings.iter().copied().chain(given);
                let all: Vec<&str> = ["handover serve"].into_iter().chain(all).collect();
                format!("{}, a process of its own for each case", all.join(" "))
            }
        }
    }
}

/// What cases measure with.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) plan: Plan,
    /// Bytes of one event as it is stored.
    pub(super) stored_bytes: usize,
    target: Target,
    origin: Origin,
    echo: Subject,
    servers: Cell<u32>,
    verified: Cell<u64>,
    /// Last: servers are gone before their folders are.
    workspace: Workspace,
}

impl Bench {
    /// Starts the echo server, which stays for the whole bench.
    pub(super) async fn new(
        plan: Plan,
        target: Target,
        origin: Origin,
        workspace: Workspace,
    ) -> Result<Self, Failure> {
        let invocation = Invocation { role: Role::Echo, arguments: Vec::new(), program: None };
        let unchecked = Origin { verify: false, ..origin };
        let home = workspace.path().join("echo");
        let echo = Subject::start(home, invocation, Login::default(), (&plan, unchecked)).await?;
        let (servers, verified) = (Cell::new(0), Cell::new(0));
        Ok(Self { plan, stored_bytes: 0, target, origin, echo, servers, verified, workspace })
    }

    /// The server to be measured: with nothing in it, if it is the bench's own.
    pub(super) async fn subject(&self) -> Result<Subject, Failure> {
        self.subject_with(&[], Login::default()).await
    }

    /// The same with more arguments, for clients that connect by `login`.
    pub(super) async fn subject_with(
        &self,
        more: &[OsString],
        login: Login,
    ) -> Result<Subject, Failure> {
        let own = match &self.target {
            Target::At(address) => {
                return Subject::at(address, &self.plan, self.origin).await;
            }
            Target::Own(arguments) => arguments,
        };
        self.servers.set(self.servers.get() + 1);
        let home = self.workspace.path().join(format!("server-{}", self.servers.get()));
        let mut invocation = self.invocation(&home, own);
        invocation.arguments.extend_from_slice(more);
        Subject::start(home, invocation, login, (&self.plan, self.origin)).await
    }

    /// How a server of the bench's own is started, with its data in a folder of `home`.
    fn invocation(&self, home: &Path, own: &[String]) -> Invocation {
        let mut arguments = vec!["--data".into(), Subject::data(home).into()];
        arguments.extend(["--listen", "127.0.0.1:0"].map(OsString::from));
        arguments.extend(self.plan.server_settings.iter().map(OsString::from));
        arguments.extend(own.iter().map(OsString::from));
        Invocation { role: Role::Server, arguments, program: None }
    }

    /// Starts a process that serves `handover` from an empty folder, by `program` if it is given.
    pub(super) async fn serve(
        &self,
        home: &Path,
        program: Option<PathBuf>,
    ) -> Result<Process, Failure> {
        let own = match &self.target {
            Target::Own(arguments) => arguments.as_slice(),
            Target::At(_) => &[],
        };
        let invocation = Invocation { program, ..self.invocation(home, own) };
        Process::start(&invocation, &home.join("log")).await
    }

    /// Removes a folder that a case has made.
    pub(super) async fn remove(&self, folder: PathBuf) -> Result<(), Failure> {
        self.workspace.remove(folder).await
    }

    /// Ends with a server: checks what it acknowledged, if `--verify` is given, and removes it.
    pub(super) async fn retire(&self, mut subject: Subject) -> Result<(), Failure> {
        let verified = verify(&subject.line(0).client, &subject.source).await?;
        self.verified.set(self.verified.get() + verified.acknowledged);
        subject.kill()?;
        match subject.home() {
            Some(home) => self.workspace.remove(home.to_owned()).await,
            None => Ok(()),
        }
    }

    /// A folder for files of a case, which goes with the bench.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.workspace.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// What everything that is drawn follows from.
    pub(super) fn seed(&self) -> u64 {
        self.origin.seed
    }

    /// The server that answers at once.
    pub(super) fn echo(&self) -> &Subject {
        &self.echo
    }

    /// What the disk does with such batches, for one repeat.
    pub(super) async fn commits(&self, batch: CommitBatch) -> Result<Sample, Failure> {
        limits::commits(self.workspace.path(), batch, &self.plan).await
    }

    /// Acknowledged events that were found again.
    pub(super) fn verified(&self) -> Option<u64> {
        self.origin.verify.then(|| self.verified.get())
    }

    /// Whether the server is the bench's own.
    pub(super) fn controls_the_server(&self) -> bool {
        matches!(self.target, Target::Own(_))
    }
}
