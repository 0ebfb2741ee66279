//! Messages to the service manager about the server, by the protocol of systemd's `sd_notify`.
//!
//! A message is lines in a datagram to the socket that `NOTIFY_SOCKET` names. Without the variable
//! nothing is sent.

use std::{
    env,
    ffi::OsString,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

/// How long the manager goes on waiting for a start after a message that it is under way.
const MORE_TIME: Duration = Duration::from_mins(1);

/// The way to the service manager.
#[derive(Debug)]
pub(super) struct Manager {
    /// Absent: there is none.
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The manager that the environment names.
    pub(super) fn of_environment() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = socket.map(connect).transpose().unwrap_or_else(|error| {
            tracing::warn!(%error, "NOTIFY_SOCKET cannot be used; no messages are sent to it");
            None
        });
        let variable = |name| env::var(name).ok();
        let watchdog = watchdog(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), process::id());
        Self { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    /// Within which time it has to get a message that the server works; absent: it does not watch.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The start goes on, and is not stuck.
    pub(super) fn starting(&self) {
        self.send(&format!("EXTEND_TIMEOUT_USEC={}", MORE_TIME.as_micros()));
    }

    /// How often to say that.
    pub(super) const STARTING_EVERY: Duration = Duration::from_secs(MORE_TIME.as_secs() / 3);

    /// The server is ready.
    pub(super) fn ready(&self, url: &str) {
        self.send(&format!("READY=1\nSTATUS=serving on {url}"));
    }

    /// The server works.
    pub(super) fn works(&self) {
        self.send("WATCHDOG=1");
    }

    /// The server stops.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=answering what is under way");
    }

    fn send(&self, lines: &str) {
        let Some((socket, manager)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(lines.as_bytes(), manager) {
            tracing::debug!(%error, "a message to the service manager failed");
        }
    }
}

/// A path, or behind `@` a name that is in no folder.
fn connect(name: OsString) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not stop the server.
    socket.set_nonblocking(true)?;
    Ok((socket, manager))
}

/// Within which time the manager needs a message, if it is this process that it watches.
fn watchdog(micros: Option<String>, watched: Option<String>, own: u32) -> Option<Duration> {
    let micros = micros?.parse().ok().filter(|micros| *micros > 0)?;
    let is_other = watched.is_some_and(|id| id.parse() != Ok(own));
    (!is_other).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_process_that_is_watched_has_a_watchdog() {
        let text = |text: &str| Some(text.to_owned());
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(text("1000000"), None, 7), second);
        assert_eq!(watchdog(text("1000000"), text("7"), 7), second);
        assert_eq!(watchdog(text("1000000"), text("8"), 7), None);
        for off in [None, text("0"), text(""), text("soon")] {
            assert_eq!(watchdog(off, None, 7), None);
        }
    }
}
