//! Watches whether the server works and what of it can be used, and says so: to clients by health,
//! and to the service manager by its watchdog.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::notify::Manager;
use crate::{
    engine::{Engine, Writing},
    grpc::health::{Health, Usable},
};

/// How often it is looked whether the projections answer.
const LOOK: Duration = Duration::from_secs(1);
/// How often the writer is probed where no manager says how often.
const USUAL: Duration = Duration::from_secs(10);
/// How many times the manager gets a message within its time: one may be late.
const TIMES: u32 = 3;

/// What can be used now.
pub(super) fn look(engine: &Engine) -> Usable {
    let writing = engine.writing() == Writing::Accepted;
    Usable { writing, figures: engine.projections_answer() }
}

/// Reports by health what can be used whenever that has changed; never ends.
pub(super) async fn usable(engine: &Engine, health: &Health, mut reported: Usable) {
    let (mut fault, mut paused) = (engine.fault(), engine.paused());
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        fault.borrow_and_update();
        paused.borrow_and_update();
        let usable = look(engine);
        if usable != reported {
            health.ready(usable).await;
            reported = usable;
        }
        let moved = tokio::select! {
            moved = fault.changed() => moved,
            moved = paused.changed() => moved,
            _ = tick.tick() => Ok(()),
        };
        if moved.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Probes the writer again and again, and passes on whether it works; never ends.
///
/// The task shows by itself that the runtime works. A writer that waits for the disk or for the
/// followers of the log works: to kill it would mend neither. One that has ended, or hangs without
/// a reason, does not.
pub(super) async fn alive(engine: Arc<Engine>, health: Health, manager: Arc<Manager>) {
    let every = manager.watchdog().unwrap_or(USUAL) / TIMES;
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut worked = true;
    loop {
        tick.tick().await;
        let works = works(&engine, every).await;
        if works {
            manager.works();
        }
        if works != worked {
            report(works);
            health.alive(works).await;
            worked = works;
        }
    }
}

async fn works(engine: &Engine, within: Duration) -> bool {
    match timeout(within, engine.writer_answers()).await {
        Ok(answers) => answers || engine.stopping().is_cancelled(),
        Err(_) => engine.writer_waits_for().is_some(),
    }
}

fn report(works: bool) {
    if works {
        tracing::info!("the writer's thread works again");
    } else {
        tracing::error!("the writer's thread does not answer; the watchdog gets no message");
    }
}
