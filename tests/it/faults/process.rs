//! The real binary as a child that is watched: what it says, and how it ends.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use handover::grpc::client::Client;
use tokio::sync::watch;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::shim::{Fault, World};
use crate::support::BINARY;

/// How long anything may take that is not a hang.
const PATIENCE: Duration = Duration::from_mins(1);
/// Small files, so that journals rotate and volumes are sealed.
const SETTINGS: [&str; 8] = [
    "--listen",
    "127.0.0.1:0",
    "--journal-file-mib",
    "1",
    "--volume-mib",
    "1",
    "--log",
    "info,handover::log=debug",
];

/// What a child has said so far, on both outputs.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Its lines.
    pub(super) lines: Vec<String>,
    /// Outputs that it has closed, by ending.
    closed: usize,
}

impl Said {
    /// How many lines hold `text`.
    pub(super) fn count(&self, text: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Panics of the program itself; those of sled are caught where it is called.
    pub(super) fn panics(&self) -> Vec<&String> {
        let panics = self.lines.iter().filter(|line| line.contains("panicked at"));
        panics
            .filter(|line| {
                !line.contains("/sled-0.34.7/")
                    && !line.contains(" ERROR ")
                    && !line.contains(" WARN ")
            })
            .collect()
    }

    /// Where it serves, once it does.
    pub(super) fn address(&self) -> Option<String> {
        let line = self.lines.iter().find_map(|line| line.strip_prefix("serving on "))?;
        Some(line.trim().to_owned())
    }

    fn ended(&self) -> bool {
        self.closed == 2
    }
}

/// A server that was started; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: std::process::Child,
    said: watch::Receiver<Said>,
}

impl Process {
    /// Starts a server on the world's data, with something that goes wrong.
    pub(super) fn start(world: &World, fault: Option<&Fault>) -> Self {
        let mut command = command(&world.data());
        world.watch(&mut command, fault);
        Self::spawn(command)
    }

    /// Starts a command that was made by [`command`].
    pub(super) fn spawn(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawned.spawn().expect("the binary can be run");
        let (report, said) = watch::channel(Said::default());
        listen(child.stdout.take().expect("a piped output"), report.clone());
        listen(child.stderr.take().expect("a piped output"), report);
        Self { child, said }
    }

    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it serves; `None`: it has ended instead.
    pub(super) async fn client(&self) -> Option<Client> {
        self.until("serves or ends", |said| said.ended() || said.address().is_some()).await;
        let address = self.said.borrow().address()?;
        // It may be killed, or end, at any time.
        Client::connect(&address).await.ok()
    }

    /// Waits until what it has said is enough, or it has ended.
    pub(super) async fn until(&self, what: &str, enough: impl Fn(&Said) -> bool) {
        let mut said = self.said.clone();
        let enough = said.wait_for(|said| said.ended() || enough(said));
        let waited = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(waited, "it never {what}; it said {:#?}", self.said());
    }

    /// What it has said so far.
    pub(super) fn said(&self) -> Said {
        self.said.borrow().clone()
    }

    /// Waits until the services that write are healthy, or are not; health turns soon, but not
    /// before the first append is refused.
    pub(super) async fn until_health(&self, serving: bool) {
        let address = self.said().address().expect("it serves");
        let endpoint = tonic::transport::Endpoint::from_shared(address).expect("an address");
        let mut health = HealthClient::new(endpoint.connect().await.expect("it can be reached"));
        let request = HealthCheckRequest { service: "handover.v1.EventStoreService".into() };
        let mut reported = health.watch(request).await.expect("it tells its health").into_inner();
        let turned = async {
            while let Some(health) = reported.message().await.expect("it goes on telling") {
                if (health.status() == ServingStatus::Serving) == serving {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, turned).await.is_ok();
        assert!(waited, "its health never says serving: {serving}");
    }

    /// Asks it to stop and waits for its end.
    pub(super) async fn stop(self) -> (ExitStatus, Said) {
        let id = self.child.id().to_string();
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-TERM", &id]).stderr(Stdio::null()).status();
        self.end().await
    }

    /// Waits for its end.
    pub(super) async fn end(mut self) -> (ExitStatus, Said) {
        self.until("ended", Said::ended).await;
        let status = self.child.wait().expect("it has ended");
        (status, self.said())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the server: {:#?}, {:#?}", self.child.try_wait(), self.said());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, serving this data directory from small files.
pub(super) fn command(data: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("serve").arg("--data").arg(data).args(SETTINGS).env("RUST_BACKTRACE", "0");
    command
}

/// Passes on what is said on one output.
fn listen(output: impl Read + Send + 'static, report: watch::Sender<Said>) {
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            report.send_modify(|said| said.lines.push(text));
            line.clear();
        }
        report.send_modify(|said| said.closed += 1);
    });
}
