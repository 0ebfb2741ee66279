//! What is done to the network and its hosts, and when: one list, which follows from the seed.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::network::SERVER;

/// How long faults begin.
const LENGTH: Duration = Duration::from_secs(20);

/// Something that is done to the link between a host and the server, or to a host.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// Everything between both is lost, until it is repaired.
    Cut(String),
    /// What the first sends to the second is lost, until it is repaired.
    CutOneWay(String, String),
    /// Messages are lost no more.
    Repair(String),
    /// Messages wait, until they are released.
    Hold(String),
    /// What has waited is delivered.
    Release(String),
    /// What is under way is lost.
    Lose(String),
    /// Messages take so long at most.
    Slow(String, Duration),
    /// The host ends in the middle.
    Crash(String),
    /// The server stops as it does on a signal.
    Stop,
    /// The host runs again.
    Start(String),
}

/// What is done after which time.
pub(super) type Schedule = Vec<(Duration, Fault)>;

/// A schedule for the links of all hosts but the server. Those of `restarted` crash, too.
pub(super) fn schedule(hosts: &[String], restarted: &[String], chance: &mut StdRng) -> Schedule {
    let mut all = Schedule::new();
    for host in hosts {
        timeline(&mut all, chance, 15_000, |chance| link(host, chance));
    }
    for host in restarted {
        timeline(&mut all, chance, 30_000, |_| {
            (Fault::Crash(host.clone()), Some(Fault::Start(host.clone())))
        });
    }
    timeline(&mut all, chance, 12_000, |chance| {
        let end = if chance.random() { Fault::Stop } else { Fault::Crash(SERVER.to_owned()) };
        (end, Some(Fault::Start(SERVER.to_owned())))
    });
    all.sort_by_key(|(at, _)| *at);
    all
}

/// One fault after the other, with pauses of up to `pause` milliseconds: each ends before the next
/// one begins.
fn timeline(
    all: &mut Schedule,
    chance: &mut StdRng,
    pause: u64,
    mut fault: impl FnMut(&mut StdRng) -> (Fault, Option<Fault>),
) {
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(chance.random_range(100..pause));
        if at >= LENGTH {
            return;
        }
        let (begin, end) = fault(chance);
        all.push((at, begin));
        // Short ones are as many as long ones, up to half a minute.
        let power = chance.random_range(6.0..15.0_f64);
        at += Duration::from_secs_f64(power.exp2() / 1_000.0);
        all.extend(end.map(|end| (at, end)));
    }
}

/// A fault of a link, and its end if it has one.
fn link(host: &str, chance: &mut StdRng) -> (Fault, Option<Fault>) {
    let (host, server) = (host.to_owned(), SERVER.to_owned());
    let repair = Some(Fault::Repair(host.clone()));
    match chance.random_range(0..10) {
        0..2 => (Fault::Cut(host), repair),
        2 => (Fault::CutOneWay(host, server), repair),
        3 => (Fault::CutOneWay(server, host), repair),
        4..7 => (Fault::Hold(host.clone()), Some(Fault::Release(host))),
        7 => (Fault::Lose(host), None),
        _ => (Fault::Slow(host, Duration::from_millis(chance.random_range(20..2_000))), None),
    }
}

#[test]
fn a_schedule_follows_from_its_seed_and_leaves_the_network_whole() {
    let hosts: Vec<String> = (0..5).map(|number| format!("host-{number}")).collect();
    let of_seed = |seed| schedule(&hosts, &hosts[2..], &mut StdRng::seed_from_u64(seed));
    for seed in 0..100 {
        let all = of_seed(seed);
        assert_eq!(all, of_seed(seed), "of seed {seed}");
        let count = |is: fn(&Fault) -> bool| all.iter().filter(|(_, fault)| is(fault)).count();
        let cuts = count(|it| matches!(it, Fault::Cut(_) | Fault::CutOneWay(..)));
        assert_eq!(cuts, count(|it| matches!(it, Fault::Repair(_))), "of seed {seed}");
        let held = count(|it| matches!(it, Fault::Hold(_)));
        assert_eq!(held, count(|it| matches!(it, Fault::Release(_))), "of seed {seed}");
        let ended = count(|it| matches!(it, Fault::Crash(_) | Fault::Stop));
        assert_eq!(ended, count(|it| matches!(it, Fault::Start(_))), "of seed {seed}");
    }
    assert_ne!(of_seed(1), of_seed(2));
}
