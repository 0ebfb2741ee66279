//! The stores that are compared, with the settings that they get.

use std::{fmt, path::PathBuf};

use clap::ValueEnum;

use super::{
    postgres::Postgres,
    versions::{MESSAGE_DB, NATS, UMADB},
};
use crate::machine::Described;

/// Megabytes of pages that UmaDB keeps in its second setting, as in its own comparisons.
pub(super) const UMADB_CACHE_MB: u32 = 1_000;
/// Connections to Message DB at most: each is a process of PostgreSQL.
pub(super) const POSTGRES_CONNECTIONS: usize = 64;

/// Which stores beside handover, as a user names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PeerName {
    /// UmaDB as it comes
    Umadb,
    /// UmaDB with its pipelined writer and a page cache
    UmadbTuned,
    /// NATS JetStream, which syncs each message
    Jetstream,
    /// Message DB on PostgreSQL
    MessageDb,
    /// No other store
    None,
}

/// A store that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Handover,
    /// Another build of handover.
    Build(PathBuf),
    Umadb {
        tuned: bool,
    },
    JetStream,
    MessageDb,
}

impl PeerName {
    pub(super) fn contender(self) -> Option<Contender> {
        match self {
            Self::Umadb => Some(Contender::Umadb { tuned: false }),
            Self::UmadbTuned => Some(Contender::Umadb { tuned: true }),
            Self::Jetstream => Some(Contender::JetStream),
            Self::MessageDb => Some(Contender::MessageDb),
            Self::None => None,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handover => f.write_str("handover"),
            Self::Build(path) => write!(f, "handover at {}", path.display()),
            Self::Umadb { tuned: false } => f.write_str("UmaDB"),
            Self::Umadb { tuned: true } => f.write_str("UmaDB tuned"),
            Self::JetStream => f.write_str("JetStream"),
            Self::MessageDb => f.write_str("Message DB"),
        }
    }
}

impl Contender {
    /// Connections for so many callers, if `usual` are meant for each store.
    pub(super) fn connections(&self, usual: usize, callers: usize) -> usize {
        match self {
            // A connection does one thing after the other, so clients have a pool of them.
            Self::MessageDb => callers.clamp(1, POSTGRES_CONNECTIONS),
            Self::Handover | Self::Build(_) | Self::Umadb { .. } | Self::JetStream => usual,
        }
    }

    /// Whether it sends appended events by itself.
    pub(super) fn has_subscriptions(&self) -> bool {
        *self != Self::MessageDb
    }

    /// Whether events can be found by labels.
    pub(super) fn has_labels(&self) -> bool {
        *self != Self::MessageDb
    }

    /// How it is started, for a report.
    pub(super) fn described(&self, handover: &str) -> Described {
        let (version, settings) = match self {
            Self::Handover => (env!("CARGO_PKG_VERSION").to_owned(), handover.to_owned()),
            Self::Build(_) => ("another build".to_owned(), handover.to_owned()),
            Self::Umadb { tuned: false } => (UMADB.to_owned(), "defaults".to_owned()),
            Self::Umadb { tuned: true } => {
                let settings =
                    format!("--pipelined-writer true --page-cache-max-mb {UMADB_CACHE_MB}");
                (UMADB.to_owned(), settings)
            }
            Self::JetStream => {
                let settings = "sync_interval: always, one replica, file storage, no limits";
                (NATS.to_owned(), settings.to_owned())
            }
            Self::MessageDb => {
                let postgres = Postgres::find().map(|it| it.version()).unwrap_or_default();
                let settings = format!(
                    "defaults (fsync and synchronous_commit on), {POSTGRES_CONNECTIONS} \
                     connections at most"
                );
                (format!("{MESSAGE_DB} on PostgreSQL {postgres}"), settings)
            }
        };
        Described { name: self.to_string(), version, settings }
    }
}
