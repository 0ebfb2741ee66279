//! The end of commands that have none of their own: the user interrupts them, or stops reading.

use std::{io, thread};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use tokio::sync::oneshot;

use crate::cli::exit::{Exit, Failure};

/// Runs what has no end of its own until the user interrupts it, or stops reading: clean ends.
pub(super) async fn until_interrupted(
    work: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    tokio::select! {
        done = work => done,
        () = reader_gone() => Ok(Exit::Done),
        signal = tokio::signal::ctrl_c() => signal.map(|()| Exit::Done).map_err(Failure::from),
    }
}

/// Ends when standard output has lost its reader. A failed write would show that as well, but only
/// when there is something to write, which may be never.
async fn reader_gone() {
    let (gone, notified) = oneshot::channel();
    // A thread of its own, which ends with the process: the runtime would wait for one of its own.
    thread::spawn(move || {
        let output = io::stdout();
        let mut watched = [PollFd::new(&output, PollFlags::empty())];
        while let Ok(_) | Err(Errno::INTR) = poll(&mut watched, None) {
            let [output] = &watched;
            if output.revents().intersects(PollFlags::ERR | PollFlags::HUP) {
                let _ = gone.send(());
                return;
            }
            if output.revents().contains(PollFlags::NVAL) {
                return;
            }
        }
    });
    if notified.await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_passes_on_how_it_failed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failure = Failure::new(Exit::Unavailable, "gone");
        let done = runtime.block_on(until_interrupted(std::future::ready(Err(failure.clone()))));
        assert_eq!(done, Err(failure));
    }
}
