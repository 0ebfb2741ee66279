//! The attacks: each does one thing that hurt the server once, for as long as it may. Beside those
//! after which memory stays in use, a good client does as much, for comparison.

mod calls;
mod floods;
mod readers;

use std::{future::Future, net::TcpStream, pin::Pin};

use tokio_util::sync::CancellationToken;

use super::stores::Store;

/// What is attacked, and until when.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) until: CancellationToken,
}

type Running = Pin<Box<dyn Future<Output = usize> + Send>>;

/// An attack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attack {
    /// What it does.
    pub(super) name: &'static str,
    /// What the server keeps before.
    pub(super) store: Store,
    /// Descriptors that the server may have; absent: as many as this process.
    pub(super) descriptors: Option<u32>,
    /// Seconds that it goes on.
    pub(super) seconds: u64,
    /// Attackers that do it at a time.
    pub(super) attackers: usize,
    /// Attacks until it is cancelled, and lets go of everything; how often it did what it does.
    pub(super) run: fn(Target) -> Running,
}

const USUAL: Attack = Attack {
    name: "",
    store: Store::Empty,
    descriptors: None,
    seconds: 10,
    attackers: 4,
    run: |_| Box::pin(async { 0 }),
};

/// All of them.
pub(super) const ATTACKS: [Attack; 20] = [
    Attack { name: "nothing", ..USUAL },
    Attack {
        name: "requests of 8 MiB of empty parts, compressed",
        run: |target| Box::pin(calls::hostile(target)),
        ..USUAL
    },
    Attack {
        name: "70 idle connections where there are 64 descriptors",
        descriptors: Some(64),
        attackers: 1,
        run: |target| Box::pin(idle(target)),
        ..USUAL
    },
    Attack {
        name: "1,000 subscribers that read nothing and 300 groups that acknowledge nothing",
        store: Store::Events,
        attackers: 1,
        seconds: 30,
        run: |target| Box::pin(readers::unread(target)),
        ..USUAL
    },
    Attack {
        name: "no attack: ten subscribers that read everything and 300 groups that acknowledge it",
        store: Store::Events,
        attackers: 1,
        seconds: 30,
        run: |target| Box::pin(readers::read(target)),
        ..USUAL
    },
    Attack {
        name: "1,000 subscribers that read nothing, each on a connection of its own",
        store: Store::Events,
        attackers: 1,
        seconds: 30,
        run: |target| Box::pin(readers::connections(target)),
        ..USUAL
    },
    Attack {
        name: "lists of 200,000 exchanges, page by page, and their figures by route and year",
        store: Store::Exchanges,
        run: |target| Box::pin(calls::lists(target)),
        ..USUAL
    },
    Attack {
        name: "pipelines whose answers are never read",
        attackers: 16,
        run: |target| Box::pin(calls::pipeline(target)),
        ..USUAL
    },
    Attack {
        name: "no attack: pipelines of as many events whose answers are read",
        attackers: 16,
        run: |target| Box::pin(calls::read_pipeline(target)),
        ..USUAL
    },
    Attack {
        name: "calls that are cancelled, a hundred at once",
        run: |target| Box::pin(calls::cancelled(target)),
        ..USUAL
    },
    Attack {
        name: "60,000 calls with 15 KB of headers that send no message",
        attackers: 60,
        run: |target| Box::pin(calls::opened(target)),
        ..USUAL
    },
    Attack {
        name: "lists whose answers are never read, 500 on each of 40 connections",
        store: Store::Exchanges,
        attackers: 40,
        run: |target| Box::pin(calls::unread_lists(target)),
        ..USUAL
    },
    Attack {
        name: "conflicts over 64 streams with long names",
        run: |target| Box::pin(calls::conflicts(target)),
        ..USUAL
    },
    Attack {
        name: "an exchange of 2,000 claims with long notes, page by page",
        store: Store::LongExchange,
        run: |target| Box::pin(calls::long_answers(target)),
        ..USUAL
    },
    Attack {
        name: "3,000 subscriptions on one connection",
        attackers: 1,
        run: |target| Box::pin(readers::crowd(target)),
        ..USUAL
    },
    Attack { name: "pings without end", run: |target| Box::pin(floods::pings(target)), ..USUAL },
    Attack {
        name: "settings without end",
        run: |target| Box::pin(floods::settings(target)),
        ..USUAL
    },
    Attack {
        name: "window updates without end",
        run: |target| Box::pin(floods::window_updates(target)),
        ..USUAL
    },
    Attack {
        name: "headers that do not end",
        run: |target| Box::pin(floods::continuations(target)),
        ..USUAL
    },
    Attack {
        name: "empty data without end",
        run: |target| Box::pin(floods::empty_data(target)),
        ..USUAL
    },
];

/// Connections that say nothing.
async fn idle(target: Target) -> usize {
    let address = target.address.strip_prefix("http://").expect("an address").to_owned();
    let connect = |_| TcpStream::connect(&address).expect("the system queues it");
    let idle: Vec<TcpStream> = (0..70).map(connect).collect();
    target.until.cancelled().await;
    idle.len()
}
