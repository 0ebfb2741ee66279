//! Claims on a prefix: which process puts and deletes there. Stores of objects have no locks.
//!
//! A backup puts an object of its own below `claims/` and looks at the others afterwards. Of two
//! backups that begin at once at least one sees the other, and gives way. If both do, they try
//! again after pauses that differ. The object is renewed while the backup runs. One that was not
//! renewed for long was left by a process that was killed, and is removed. Its age is that between
//! two times of the store: no other clock counts.
//!
//! A process that was held up for longer than that may have lost its claim without notice. So its
//! claim is looked for before each deletion and before each manifest.

use std::{
    fmt::Write as _,
    io::{self, Read as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::TryFutureExt as _;
use object_store::{ObjectStoreExt as _, PutPayload};
use tokio::{sync::oneshot, task::JoinHandle, time::MissedTickBehavior};

use super::prefix::Prefix;

/// What the names of claims begin with.
const CLAIMS: &str = "claims/";
/// How often a claim is tried for while another one is of the same moment.
const ATTEMPTS: usize = 4;
/// Claims that are put within so many seconds may have given way to each other.
const SAME_MOMENT: u64 = 1;
/// The longest pause between two attempts, in milliseconds.
const MOST_PAUSE: u64 = 1_500;
/// The most that is read of a claim.
const CLAIM_BYTES: u64 = 1 << 10;

/// How long a claim counts, and how often it is renewed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) renewed: Duration,
    /// More than what renewing takes at most, and than one request takes with its repetitions.
    pub(super) counts: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { renewed: Duration::from_secs(20), counts: Duration::from_mins(5) }
    }
}

/// Whether an object of this name is a claim.
pub(super) fn is_claim(name: &str) -> bool {
    let number = name.strip_prefix(CLAIMS).unwrap_or_default();
    number.len() == 16 && number.bytes().all(|it| b"0123456789abcdef".contains(&it))
}

/// The claim that this process has on a prefix; absent: none.
#[derive(Clone, Debug, Default)]
pub(super) struct Own(Arc<Mutex<Option<String>>>);

impl Own {
    fn set(&self, name: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }

    /// Forgets a claim, unless it is another one.
    fn unset(&self, name: &str) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.take_if(|own| own == name);
    }

    /// Refuses to go on if the claim was taken for that of a process that was killed.
    pub(super) fn check(&self, prefix: &Prefix, pace: Pace) -> io::Result<()> {
        let name = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match name {
            Some(name) if !prefix.is_there(&name)? => Err(io::Error::other(format!(
                "the claim {name} of this backup is gone, because it was not renewed for {} s or \
                 was deleted; run this again",
                pace.counts.as_secs()
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

/// A claim, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    prefix: Arc<Prefix>,
    own: Own,
    name: String,
    renewing: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// Claims a prefix. `WouldBlock`, with what is known of the other process, if there is a claim.
pub(super) fn take(prefix: &Arc<Prefix>, own: &Own, pace: Pace) -> io::Result<Held> {
    for _ in 1..ATTEMPTS {
        match attempt(prefix, own, pace)? {
            Ok(held) => return Ok(held),
            Err(Taken { is_as_new: false, holder }) => return Err(in_the_way(holder)),
            // Both may have given way.
            Err(Taken { is_as_new: true, holder: _ }) => {
                let pause = Duration::from_millis(rand::random_range(0..MOST_PAUSE));
                prefix.wait(async move {
                    tokio::time::sleep(pause).await;
                    Ok(())
                })?;
            }
        }
    }
    attempt(prefix, own, pace)?.map_err(|taken| in_the_way(taken.holder))
}

fn in_the_way(holder: String) -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, holder)
}

/// Another claim is in the way.
struct Taken {
    /// It is of the same moment.
    is_as_new: bool,
    /// What is known of its process.
    holder: String,
}

fn attempt(prefix: &Arc<Prefix>, own: &Own, pace: Pace) -> io::Result<Result<Held, Taken>> {
    let name = format!("{CLAIMS}{:016x}", rand::random::<u64>());
    prefix.put(&name, text().into_bytes())?;
    let mut held = Held { prefix: Arc::clone(prefix), own: own.clone(), name, renewing: None };
    let found = prefix.list(CLAIMS)?;
    let Some(mine) = found.iter().find(|it| it.name == held.name) else {
        let what = "a claim that was put is not listed, so this store can keep no backups";
        return Err(io::Error::other(what));
    };
    for other in found.iter().filter(|it| it.name != held.name && is_claim(&it.name)) {
        let age = u64::try_from(mine.modified - other.modified).unwrap_or_default();
        if age < pace.counts.as_secs() {
            let holder = holder(prefix, &other.name, pace);
            return Ok(Err(Taken { is_as_new: age <= SAME_MOMENT, holder }));
        }
        prefix.delete(&other.name)?;
    }
    own.set(&held.name);
    held.renew(pace);
    Ok(Ok(held))
}

impl Held {
    /// Renews the claim beside the backup.
    fn renew(&mut self, pace: Pace) {
        let (stop, mut stopped) = oneshot::channel();
        let (store, path) = (Arc::clone(&self.prefix.store), self.prefix.path(&self.name));
        let payload = PutPayload::from(text().into_bytes());
        let renewing = async move {
            let mut ticks = tokio::time::interval(pace.renewed);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = &mut stopped => return,
                    _ = ticks.tick() => {}
                }
                // A claim that is gone stays so. An attempt that fails is made again with the next.
                let renewed = store.head(&path).and_then(|_| store.put(&path, payload.clone()));
                if let Err(object_store::Error::NotFound { .. }) = renewed.await {
                    return;
                }
            }
        };
        self.renewing = self.prefix.beside(renewing).map(|task| (stop, task));
    }
}

impl Drop for Held {
    /// Ends the renewal first, which would bring the claim back. One that cannot be deleted ends
    /// by its age.
    fn drop(&mut self) {
        self.own.unset(&self.name);
        if let Some((stop, task)) = self.renewing.take() {
            let _ = stop.send(());
            let _ = self.prefix.wait(task.map_err(Into::into));
        }
        let _ = self.prefix.delete(&self.name);
    }
}

/// What a claim says of its process.
fn text() -> String {
    let mut text = format!("process {}\n", std::process::id());
    // Where there is no such file, the process alone is named.
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "host {}", host.trim());
    }
    text
}

/// What is known of the process that has a claim.
fn holder(prefix: &Arc<Prefix>, name: &str, pace: Pace) -> String {
    let mut text = String::new();
    let read = prefix.get(name).and_then(|from| from.take(CLAIM_BYTES).read_to_string(&mut text));
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_. ".contains(it);
    let lines: Vec<&str> = text.lines().filter(|line| line.chars().all(plain)).collect();
    let process = if read.is_err() || lines.is_empty() { String::new() } else { lines.join(", ") };
    let open = if process.is_empty() { "" } else { " of " };
    format!(
        "another backup (claim {name}{open}{process}; left by a process that was killed, it counts \
         for {} s more at most)",
        pace.counts.as_secs()
    )
}
