//! A world: the simulation with its hosts, which runs one schedule and checks what came of it.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use handover::{
    domain::proto::{ParkedEvent, RecordedEvent},
    grpc::client::Client as Calls,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

use super::{
    appender::{Appender, Notes},
    audit,
    faults::{self, Fault},
    follower::Follower,
    network::{SERVER, client},
    server::Server,
    tally::Tally,
    worker::{self, Board},
};

/// How much simulated time passes from one look at the network to the next.
const TICK: Duration = Duration::from_millis(50);
/// Simulated time within which anything ends that is waited for, once the network is whole.
const BOUND: Duration = Duration::from_mins(20);
/// Connections that may wait to be accepted, and segments of one connection. The simulation fails
/// beyond that.
const QUEUED: usize = 1_024;
const APPENDERS: usize = 3;
const FOLLOWERS: usize = 2;
const WORKERS: usize = 2;
/// How often the log is read until it grows no more. The group records little, and soon.
const LOOKS: usize = 10;

/// The hosts beside the server.
#[derive(Default)]
struct Hosts {
    all: Vec<String>,
    /// Those that crash and go on from what they have kept.
    restarted: Vec<String>,
}

/// One simulation.
pub(super) struct World {
    chance: StdRng,
    sim: Sim<'static>,
    server: Arc<Server>,
    notes: Arc<Notes>,
    followers: Vec<Arc<Follower>>,
    board: Arc<Board>,
    /// Ends the workers.
    stop: CancellationToken,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(chance.random())
            .tick_duration(TICK)
            .tcp_capacity(QUEUED)
            .simulation_duration(Duration::from_hours(10))
            .max_message_latency(Duration::from_millis(chance.random_range(10..200)))
            .enable_random_order();
        Self {
            sim: builder.build(),
            server: Arc::new(Server::new()),
            notes: Arc::default(),
            followers: (0..FOLLOWERS).map(|_| Arc::new(Follower::new(&mut chance))).collect(),
            board: Arc::new(Board::new(seed)),
            stop: CancellationToken::new(),
            chance,
        }
    }

    /// Runs the schedule; fails if a promise was not kept.
    pub(super) fn run(mut self) -> Tally {
        self.begin();
        let hosts = self.populate();
        self.suffer(&hosts);
        self.until("each append has an answer", |_, all_ended| all_ended);
        let parked = self.ask("auditor", audit::finished(Arc::clone(&self.board)));
        self.stop.cancel();
        self.until("the workers leave", |world, _| {
            !(0..WORKERS).any(|number| world.sim.is_host_running(worker_name(number)))
        });
        let log = self.settled_log();
        let tally = self.check(&log, &parked);
        self.server.begin_stop();
        self.until("the server stops", |world, _| !world.sim.is_host_running(SERVER));
        tally
    }

    /// Starts the server, and creates the group.
    fn begin(&mut self) {
        let server = Arc::clone(&self.server);
        self.sim.host(SERVER, move || Arc::clone(&server).serve());
        let group = worker::group(&mut self.chance);
        let created = self.ask("operator", async move {
            let request = |calls: Calls| {
                let group = group.clone();
                async move { calls.create_group(group).await }
            };
            client().retried(request).await
        });
        created.expect("the group is created");
    }

    /// Adds all other hosts.
    fn populate(&mut self) -> Hosts {
        let mut hosts = Hosts::default();
        for number in 0..APPENDERS {
            let chance = StdRng::seed_from_u64(self.chance.random());
            let appender = Appender::new(number, Arc::clone(&self.notes), chance);
            let name = format!("appender-{number}");
            self.sim.client(name.as_str(), appender.work());
            hosts.all.push(name);
        }
        for (number, follower) in self.followers.iter().enumerate() {
            let (name, follower) = (format!("follower-{number}"), Arc::clone(follower));
            self.sim.host(name.as_str(), move || Arc::clone(&follower).follow());
            hosts.restarted.push(name);
        }
        for number in 0..WORKERS {
            let (name, board, stop) =
                (worker_name(number), Arc::clone(&self.board), self.stop.clone());
            let host = name.clone();
            self.sim.host(name.as_str(), move || {
                worker::work(host.clone(), Arc::clone(&board), stop.clone())
            });
            hosts.restarted.push(name);
        }
        hosts.all.extend_from_slice(&hosts.restarted);
        hosts
    }

    /// Does to the network and the hosts what the schedule says; in the end all is whole.
    fn suffer(&mut self, hosts: &Hosts) {
        let begun = self.sim.elapsed();
        for (at, fault) in faults::schedule(&hosts.all, &hosts.restarted, &mut self.chance) {
            while self.sim.elapsed() < begun + at {
                self.step();
            }
            self.inflict(fault);
        }
        for host in &hosts.all {
            self.sim.set_link_max_message_latency(host.as_str(), SERVER, 2 * TICK);
        }
    }

    fn inflict(&mut self, fault: Fault) {
        match fault {
            Fault::Cut(host) => self.sim.partition(host, SERVER),
            Fault::CutOneWay(from, to) => self.sim.partition_oneway(from, to),
            Fault::Repair(host) => self.sim.repair(host, SERVER),
            Fault::Hold(host) => self.sim.hold(host, SERVER),
            Fault::Release(host) => self.sim.release(host, SERVER),
            Fault::Lose(host) => {
                self.sim.partition(host.as_str(), SERVER);
                self.sim.repair(host, SERVER);
            }
            Fault::Slow(host, most) => self.sim.set_link_max_message_latency(host, SERVER, most),
            Fault::Crash(host) => {
                self.sim.crash(host.as_str());
                if host == SERVER {
                    self.server.close();
                }
            }
            Fault::Stop => self.server.begin_stop(),
            Fault::Start(host) if host == SERVER => {
                self.until("the server stops", |it, _| !it.sim.is_host_running(SERVER));
                self.sim.bounce(SERVER);
                // A stop that comes at once is to find it.
                self.until("the server starts", |it, _| it.server.head().is_some());
            }
            Fault::Start(host) => self.sim.bounce(host),
        }
    }

    /// Lets a tick pass; whether all hosts have ended that end by themselves.
    fn step(&mut self) -> bool {
        let all_ended = self.sim.step().expect("no host fails");
        self.server.settle(self.sim.elapsed());
        all_ended
    }

    /// Lets time pass until something has happened, which is the case within a bound.
    fn until(&mut self, what: &str, mut happened: impl FnMut(&mut Self, bool) -> bool) {
        let begun = self.sim.elapsed();
        loop {
            let all_ended = self.step();
            if happened(self, all_ended) {
                return;
            }
            assert!(self.sim.elapsed() < begun + BOUND, "within {BOUND:?}: {what}");
        }
    }

    /// Has a host of its own do something, and waits for that.
    fn ask<T: 'static>(&mut self, host: &str, asked: impl Future<Output = T> + 'static) -> T {
        let answer = Rc::new(RefCell::new(None));
        let into = Rc::clone(&answer);
        self.sim.client(host, async move {
            let answered = asked.await;
            into.replace(Some(answered));
            Ok(())
        });
        self.until(host, |_, _| answer.borrow().is_some());
        answer.take().expect("it is there")
    }

    /// The whole log, once it grows no more and each follower has passed its end.
    fn settled_log(&mut self) -> Vec<RecordedEvent> {
        let settled = (0..LOOKS).find_map(|number| {
            let log = self.ask(&format!("reader-{number}"), audit::log());
            let end = u64::try_from(log.len()).expect("a small log");
            self.until("each follower passes the end of the log", |world, _| {
                world.followers.iter().all(|follower| follower.position() >= end)
            });
            (self.server.head() == Some(end)).then_some(log)
        });
        settled.expect("the log grows no more once nothing is appended")
    }

    fn check(&self, log: &[RecordedEvent], parked: &[ParkedEvent]) -> Tally {
        let operations = self.notes.take();
        let mut tally = Tally::of(&operations, log.len(), parked.len());
        audit::check(operations, log);
        tally.interruptions = self.followers.iter().map(|follower| follower.check(log)).sum();
        tally.handled_again = self.board.check(log, parked);
        tally.simulated_seconds = self.sim.elapsed().as_secs();
        tally
    }
}

fn worker_name(number: usize) -> String {
    format!("worker-{number}")
}
