//! The signals of a server: which of them stop it, which have its files read again, and which are
//! ignored.

use std::{io, pin::Pin};

use futures_util::{Stream, stream};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::grpc::{access::Access, protection::Protection, tls::ServerTls};

/// Each SIGINT and SIGTERM, one after the other.
///
/// SIGINT is received from the first look on, which is when the server answers. Before that it
/// ends the process as the system has it, which harms a store as little as `kill -9`.
pub(super) fn stops() -> io::Result<Pin<Box<dyn Stream<Item = ()> + Send>>> {
    let signals = (signal(SignalKind::terminate())?, None);
    Ok(Box::pin(stream::unfold(signals, |(terminate, interrupt)| next(terminate, interrupt))))
}

/// Waits for the next one; with what receives those after it.
async fn next(
    mut terminate: Signal,
    interrupt: Option<Signal>,
) -> Option<((), (Signal, Option<Signal>))> {
    let mut interrupt = match interrupt {
        Some(received) => received,
        None => signal(SignalKind::interrupt()).ok()?,
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Some(((), (terminate, Some(interrupt))))
}

/// Has SIGHUP reload the files of TLS and access, and keeps other signals from ending the server
/// that many tools send to have a configuration or a log read again. Nothing is read again by them.
pub(super) fn handle(protection: &Protection) -> io::Result<()> {
    let reloads = (protection.tls.clone(), protection.access.clone());
    let kinds = [
        (SignalKind::hangup(), "SIGHUP", reloads),
        (SignalKind::user_defined1(), "SIGUSR1", (None, None)),
        (SignalKind::user_defined2(), "SIGUSR2", (None, None)),
    ];
    for (kind, name, (tls, access)) in kinds {
        let mut received = signal(kind)?;
        tokio::spawn(async move {
            while received.recv().await.is_some() {
                if tls.is_none() && access.is_none() {
                    tracing::info!(
                        signal = name,
                        "a signal is ignored: the server has nothing to reload"
                    );
                    continue;
                }
                tracing::info!(signal = name, "the files of TLS and access are read again");
                reload(tls.clone(), access.clone()).await;
            }
        });
    }
    Ok(())
}

async fn reload(tls: Option<ServerTls>, access: Option<Access>) {
    // A disk may take its time.
    let _ = tokio::task::spawn_blocking(move || {
        tls.as_ref().map(ServerTls::reload);
        access.as_ref().map(Access::reload);
    })
    .await;
}
