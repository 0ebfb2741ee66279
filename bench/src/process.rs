//! A child that serves: started, inspected, stopped, killed.
//!
//! It is this same executable in another [`Role`], so a kill is that of a process, and no other
//! binary has to be found or be of the same version.

use std::{
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use handover::cli::exit::{Exit, Failure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

/// What a server prints before its address.
const SERVING: &str = "serving on ";
/// What a server prints before the address of its metrics, if it has one; this line comes first.
const METRICS: &str = "metrics on ";
/// Beginning of the environment variables that would change what is measured.
const SETTINGS: &str = "HANDOVER_";
/// Lines of a failed server's log that an error quotes.
const LAST_LINES: usize = 5;

/// What a process of this executable does instead of measuring, by its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `handover serve`, with all of its arguments.
    Server,
    /// `handover backup`, with all of its arguments.
    Backup,
    /// `handover restore`, with all of its arguments.
    Restore,
    /// `handover token`, which ends at once.
    Token,
    /// Answers appends at once and keeps nothing.
    Echo,
}

impl Role {
    const ALL: [Self; 5] = [Self::Server, Self::Backup, Self::Restore, Self::Token, Self::Echo];

    /// The role of this process; `None`: it measures.
    pub(super) fn of_this_process() -> Option<Self> {
        let first = env::args_os().nth(1)?;
        Self::ALL.into_iter().find(|role| first == role.argument())
    }

    fn argument(self) -> &'static str {
        match self {
            Self::Server => "serve",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Token => "token",
            Self::Echo => "echo",
        }
    }
}

/// How to start a child: its role, and the arguments for it.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) role: Role,
    pub(super) arguments: Vec<OsString>,
    /// Another build of the same program; absent: this executable.
    pub(super) program: Option<PathBuf>,
}

/// A running child; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Where it serves.
    pub(super) address: String,
    /// Where its metrics are, if it was started with an address for them.
    pub(super) metrics: Option<String>,
    /// Ends when the child has closed its output, which it does by ending.
    ended: Option<oneshot::Receiver<()>>,
}

/// Memory that a process occupies, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// All that is resident.
    pub(super) resident: u64,
    /// What is its own.
    pub(super) anonymous: u64,
    /// Files that it has mapped.
    pub(super) files: u64,
}

impl Process {
    /// Starts a child and waits until it announces its address. Its log goes to the file `log`.
    pub(super) async fn start(invocation: &Invocation, log: &Path) -> Result<Self, Failure> {
        let (sender, address) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel::<()>();
        let mut child = spawn(invocation, log)?;
        let output = child.stdout.take().map(BufReader::new);
        // Dropped if the wait for the address is given up, which kills the child.
        let mut process = Self { child, address: String::new(), metrics: None, ended: Some(ended) };
        thread::spawn(move || {
            let _ended = ended_sender;
            if let Some(output) = output {
                send_address(output, sender);
            }
        });
        let Ok((address, metrics)) = address.await else {
            let status = process.child.wait()?;
            let problem = format!("the server ended before it served ({status}){}", tail(log));
            return Err(Failure::new(Exit::Failed, problem));
        };
        process.address = address;
        process.metrics = metrics;
        Ok(process)
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Sends it SIGTERM, and waits until it has stopped.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(io::Error::from)?;
        if let Some(ended) = self.ended.take() {
            // The sender sends nothing; that it is gone is the event.
            let _ = ended.await;
        }
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(Exit::Failed, format!("the server did not stop cleanly: {status}")))
    }

    /// What it occupies now.
    pub(super) fn memory(&self) -> Result<Memory, Failure> {
        memory(&self.proc("status")?)
    }

    /// Processor time that it has used, in ticks.
    pub(super) fn processor_ticks(&self) -> Result<u64, Failure> {
        let used = ticks(&self.proc("stat")?);
        Ok(used.into_iter().take(2).sum())
    }

    fn proc(&self, file: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).map_err(|error| Failure::from(error).during(&path))
    }
}

/// What this process itself occupies now, in bytes.
pub(super) fn own_resident() -> Result<u64, Failure> {
    let path = "/proc/self/status";
    let status = fs::read_to_string(path).map_err(|error| Failure::from(error).during(path))?;
    memory(&status).map(|memory| memory.resident)
}

fn memory(status: &str) -> Result<Memory, Failure> {
    let bytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1_024)
    };
    let found = (bytes("VmRSS"), bytes("RssAnon"), bytes("RssFile"));
    let (Some(resident), Some(anonymous), Some(files)) = found else {
        return Err(Failure::new(Exit::Failed, "`/proc` does not have the server's memory"));
    };
    Ok(Memory { resident, anonymous, files })
}

/// Processor time in ticks, usually of 10 ms, from the text of a `stat` of `/proc`: in programs
/// and in the kernel, then both once more of children that have ended.
pub(super) fn ticks(stat: &str) -> Vec<u64> {
    // The name, in parentheses, may hold anything. After it, user time is the twelfth field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(4).filter_map(|it| it.parse().ok()).collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.kill();
    }
}

fn spawn(invocation: &Invocation, log: &Path) -> Result<Child, Failure> {
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    Ok(command(invocation)?.stdout(Stdio::piped()).stderr(log).spawn()?)
}

/// An executable in a role, without the user's settings.
fn command(invocation: &Invocation) -> Result<Command, Failure> {
    let program = invocation.program.clone().map_or_else(env::current_exe, Ok)?;
    let mut command = Command::new(program);
    // What is measured must not depend on the user's environment.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with(SETTINGS) {
            command.env_remove(name);
        }
    }
    command.arg(invocation.role.argument()).args(&invocation.arguments).stdin(Stdio::null());
    Ok(command)
}

/// Runs a child to its end, and returns what it printed.
pub(super) async fn run(
    role: Role,
    arguments: Vec<OsString>,
    log: &Path,
) -> Result<String, Failure> {
    let log = log.to_owned();
    let work = move || -> Result<String, Failure> {
        let child = spawn(&Invocation { role, arguments, program: None }, &log)?;
        let ended = child.wait_with_output()?;
        if !ended.status.success() {
            let problem = format!("{} ended with {}{}", role.argument(), ended.status, tail(&log));
            return Err(Failure::new(Exit::Failed, problem));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?
}

/// Where a child serves, and where its metrics are.
type Addresses = (String, Option<String>);

/// Reads what a child prints until it ends; the addresses are sent on when they are there.
fn send_address(output: BufReader<ChildStdout>, addresses: oneshot::Sender<Addresses>) {
    let after = |line: &str, words| {
        line.split_once(words).map(|(_, found): (&str, &str)| found.trim().to_owned())
    };
    let (mut addresses, mut metrics) = (Some(addresses), None);
    for line in output.lines().map_while(Result::ok) {
        metrics = after(&line, METRICS).or(metrics);
        if let Some(found) = after(&line, SERVING)
            && let Some(addresses) = addresses.take()
        {
            let _ = addresses.send((found, metrics.take()));
        }
    }
}

/// The end of a log, to follow a message.
pub(super) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(LAST_LINES);
    lines.into_iter().skip(last).flat_map(|line| ["\n  ", line]).collect()
}
