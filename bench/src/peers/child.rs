//! Programs of others: run to their end, or kept running until they are stopped.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child as Process, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use handover::cli::exit::{Exit, Failure};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{tail, ticks};

/// How long a program may take to stop before it is killed.
const STOPPING: Duration = Duration::from_secs(20);

/// What to run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    /// The user and the group that it runs as, where it must not run as root.
    user: Option<(u32, u32)>,
    /// What stops it at once and cleanly.
    stop: Signal,
}

impl Program {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        let (arguments, environment) = (Vec::new(), Vec::new());
        Self { path: path.into(), arguments, environment, user: None, stop: Signal::TERM }
    }

    pub(super) fn with<A: Into<OsString>>(mut self, all: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(all.into_iter().map(Into::into));
        self
    }

    pub(super) fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(super) fn user(self, user: Option<(u32, u32)>) -> Self {
        Self { user, ..self }
    }

    pub(super) fn stopped_by(self, stop: Signal) -> Self {
        Self { stop, ..self }
    }

    /// The command, whose output goes to the file `log`.
    fn command(&self, log: &Path) -> io::Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A stop from the keyboard is for the bench, which then stops its servers.
        command.process_group(0);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
            // Its own folder may be one that this user cannot enter.
            command.current_dir("/");
        }
        Ok(command)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn spawn(&self, log: &Path) -> Result<Child, Failure> {
        let process = self.command(log).and_then(|mut command| command.spawn());
        let process = process.map_err(|it| Failure::from(it).during(&self.name()))?;
        Ok(Child { process: Some(process), stop: self.stop })
    }

    /// Starts it. It is stopped when it is dropped.
    pub(super) fn start(&self, log: &Path) -> Result<Child, Failure> {
        self.spawn(log)
    }

    /// Runs it to its end, for so long at most.
    pub(super) async fn run(&self, log: &Path, within: Duration) -> Result<(), Failure> {
        let (mut child, name) = (self.spawn(log)?, self.name());
        let mut given_up = KillOnDrop(child.process.as_ref().map(Pid::from_child));
        let ended = tokio::task::spawn_blocking(move || child.end(None, within)).await;
        given_up.0 = None;
        let status = ended.map_err(|it| Failure::new(Exit::Failed, it.to_string()))??;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(Exit::Failed, format!("{name} ended with {status}{}", tail(log))))
    }
}

/// Kills a program if the wait for its end is given up.
struct KillOnDrop(Option<Pid>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // It may have ended already; then there is nothing to do.
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

/// A program that runs.
#[derive(Debug)]
pub(super) struct Child {
    process: Option<Process>,
    stop: Signal,
}

impl Child {
    /// Processor time that it and its children have used, in ticks.
    pub(super) fn processor_ticks(&self) -> Result<u64, Failure> {
        let Some(process) = &self.process else { return Ok(0) };
        let (own, parent) = (process.id(), format!("PPid:\t{}\n", process.id()));
        let mut used = 0;
        for entry in fs::read_dir("/proc")?.flatten() {
            let path = entry.path();
            let number = entry.file_name().to_str().and_then(|it| it.parse::<u32>().ok());
            let status = || fs::read_to_string(path.join("status")).unwrap_or_default();
            if number == Some(own) || (number.is_some() && status().contains(&parent)) {
                let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
                used += ticks(&stat).into_iter().take(2).sum::<u64>();
            }
        }
        Ok(used)
    }

    /// Whether it has ended by itself, and how.
    pub(super) fn has_ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        match &mut self.process {
            Some(process) => Ok(process.try_wait()?),
            None => Ok(None),
        }
    }

    /// Waits for its end, after a signal if one is given; kills it after `within`.
    fn end(&mut self, signal: Option<Signal>, within: Duration) -> Result<ExitStatus, Failure> {
        let gone = || Failure::new(Exit::Failed, "the program has ended already");
        let mut process = self.process.take().ok_or_else(gone)?;
        let id = Pid::from_child(&process);
        if let Some(signal) = signal {
            // It may be about to end by itself.
            let _ = kill_process(id, signal);
        }
        let (sender, ended) = mpsc::sync_channel(1);
        thread::spawn(move || sender.send(process.wait()));
        let status = ended.recv_timeout(within).or_else(|_| {
            let _ = kill_process(id, Signal::KILL);
            ended.recv_timeout(STOPPING)
        });
        Ok(status.map_err(|_| Failure::new(Exit::Failed, "a program cannot be killed"))??)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.end(Some(self.stop), STOPPING);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_program_that_fails_or_takes_too_long_is_an_error_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let shell = |script: &str| Program::new("/bin/sh").with(["-c", script]);
        let most = Duration::from_secs(20);
        shell("true").run(&log, most).await.unwrap();
        let failure = shell("echo no such luck; exit 3").run(&log, most).await.unwrap_err();
        assert!(failure.message.contains("no such luck"), "{failure}");
        let endless = shell("exec sleep 1000").run(&log, Duration::from_millis(50)).await;
        assert!(endless.unwrap_err().message.contains("signal: 9"));
        let missing = Program::new("/nonexistent/program").run(&log, most).await.unwrap_err();
        assert!(missing.message.contains("/nonexistent/program"), "{missing}");
    }

    #[test]
    fn a_program_whose_end_is_not_awaited_any_more_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let program = Program::new("/bin/sh").with(["-c", "exec sleep 1000"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let begun = Instant::now();
        let (log, most) = (dir.path().join("log"), Duration::from_mins(1));
        let run = async {
            let given_up = Duration::from_millis(50);
            tokio::time::timeout(given_up, program.run(&log, most)).await.unwrap_err()
        };
        runtime.block_on(run);
        // This waits for the thread that waits for the program.
        drop(runtime);
        assert!(begun.elapsed() < most);
    }

    #[test]
    fn a_program_that_is_dropped_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let program = Program::new("/bin/sh").with(["-c", "exec sleep 1000"]);
        let mut child = program.start(&dir.path().join("log")).unwrap();
        assert!(child.has_ended().unwrap().is_none());
        let id = child.process.as_ref().unwrap().id();
        drop(child);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
